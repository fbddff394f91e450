"""The clouds as Pulumi's mocks. The module imports nothing of the program, so that any copy of the program runs on them."""

from __future__ import annotations

import base64
import json
from typing import Any

from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks


class CloudMocks(Mocks):
    """The clouds' answers: the inputs, and the outputs that the components read."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = {"name": args.name, **args.inputs}
        outputs |= {"arn": f"arn:aws:mock:::{args.name}", "email": f"{args.name}@mock", "keyId": args.name}
        if args.typ == "aws:eks/cluster:Cluster":
            outputs |= {
                "endpoint": "https://mock",
                "certificateAuthority": {"data": "Q0E="},
                "identities": [{"oidcs": [{"issuer": "https://issuer"}]}],
                "vpcConfig": {**args.inputs["vpcConfig"], "clusterSecurityGroupId": "sg-cluster"},
            }
        elif args.typ == "aws:ec2/launchTemplate:LaunchTemplate":
            outputs["latestVersion"] = 1
        elif args.typ == "gcp:container/cluster:Cluster":
            outputs |= {"endpoint": "198.51.100.1", "selfLink": "projects/mock", "masterVersion": "1.35.4-gke.1"}
            outputs["controlPlaneEndpointsConfig"] = {"dnsEndpointConfig": {"endpoint": "mock"}}
        elif args.typ == "gcp:projects/serviceIdentity:ServiceIdentity":
            outputs["member"] = "serviceAccount:service-123456789012@container-engine-robot.iam.gserviceaccount.com"
        elif args.typ.startswith("azure-native:"):
            outputs |= {"name": args.name, "principalId": "principal", "keyUriWithVersion": "https://vault/key/1"}
            outputs["resourceUID"] = "uid"
            outputs["aksAssignedIdentity"] = {"type": "SystemAssigned", "principalId": f"{args.name}-principal"}
            identity = args.inputs.get("identity", {})
            if identity.get("type") == "SystemAssigned":
                outputs["identity"] = {**identity, "principalId": f"{args.name}-principal"}
            if "userAssignedIdentities" in identity:  # a list as input, a map as output
                identities: dict[str, Any] = {key: {} for key in identity["userAssignedIdentities"]}
                outputs["identity"] = {**identity, "userAssignedIdentities": identities}
        elif args.typ == "kubernetes:yaml/v2:ConfigGroup":
            outputs = {"resources": []}
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> Any:
        if args.token == "azure-native:containerservice:listManagedClusterUserCredentials":
            entry = {"server": "https://mock", "certificate-authority-data": "Q0E="}
            config = json.dumps({"clusters": [{"cluster": entry}]})
            return {"kubeconfigs": [{"name": "user", "value": base64.b64encode(config.encode()).decode()}]}
        if args.token == "aws:eks/getClusters:getClusters":
            return {"names": []}
        raise AssertionError(f"the program calls {args.token}, and the mocks have no answer to it")
