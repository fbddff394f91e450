"""Rules of the SIMULATED AWS for EKS: clusters are real, add-ons are records.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/eks (the file is named at
each rule).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sandbox.clouds.aws import network
from sandbox.clouds.aws.identity import ROLE, key, role
from sandbox.clouds.aws.zones import WITHOUT_EKS
from sandbox.clouds.core import kubernetes_versions
from sandbox.clouds.core.clusters import encoded_authority
from sandbox.clouds.core.model import (
    CloudError,
    Context,
    Effect,
    Name,
    Reference,
    ResourceRule,
    documented_at,
    is_known,
)
from sandbox.clouds.core.store import NewResource, Transaction

CLUSTER: Final = "aws:eks/cluster:Cluster"
NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
ADDON: Final = "aws:eks/addon:Addon"
_ON_NODES: Final = ("coredns", "aws-ebs-csi-driver", "metrics-server")
"""Add-ons whose pods need a node. The others are daemon sets, which run no pods without nodes."""


_ADDONS: Final = {
    # name: the version when the program pins none
    "vpc-cni": "v1.20.1-eksbuild.3",
    "kube-proxy": "v1.34.0-eksbuild.2",
    "coredns": "v1.12.3-eksbuild.1",
    "aws-ebs-csi-driver": "v1.48.0-eksbuild.1",
    "aws-efs-csi-driver": "v2.1.10-eksbuild.1",
    "eks-pod-identity-agent": "v1.3.8-eksbuild.2",
    "eks-node-monitoring-agent": "v1.4.0-eksbuild.2",
    "snapshot-controller": "v8.3.0-eksbuild.1",
    "metrics-server": "v0.8.0-eksbuild.2",
    "cert-manager": "v1.18.2-eksbuild.2",
    "external-dns": "v0.19.0-eksbuild.2",
    "amazon-cloudwatch-observability": "v4.4.0-eksbuild.1",
    "aws-guardduty-agent": "v1.10.0-eksbuild.2",
}


def sandbox_cluster(context: Context, name: str | None = None) -> str:
    """The name under which the supervisor runs a cluster."""
    return f"aws/{context['account']}/{context['region']}/{name or context['name']}"


class _EksCluster(Effect):
    """The control plane behind an EKS cluster."""

    outputs = ("endpoint", "certificateAuthority.data")

    def create(self, context: Context) -> dict[str, Any]:
        """Start the control plane."""
        access = context.clusters.create_cluster(sandbox_cluster(context), str(context["version"]))
        return {
            "endpoint": access.endpoint,
            "certificateAuthority.data": encoded_authority(access),
            "sandboxCluster": sandbox_cluster(context),
            "sandboxEndpoint": access.endpoint,
        }

    def update(self, context: Context) -> dict[str, Any]:
        """Give a new version to the supervisor. Other changes are on record only."""
        if context.inputs.get("version") != context.old_inputs.get("version"):
            context.clusters.create_cluster(sandbox_cluster(context), str(context["version"]))
        return {}

    def delete(self, context: Context) -> None:
        """Stop the control plane."""
        context.clusters.delete_cluster(sandbox_cluster(context))


@documented_at("docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html")
def _version_offered(context: Context, tx: Transaction) -> None:
    version, old = context.inputs.get("version"), context.old_inputs.get("version")
    if not is_known(version):
        return
    if kubernetes_versions.minor(str(version)) != version:
        raise CloudError(f"InvalidParameterException: unsupported Kubernetes version {version}")
    if old and not kubernetes_versions.may_upgrade(old, str(version)):
        raise CloudError(
            f"InvalidParameterException: Unsupported Kubernetes minor version update from {old} to {version}"
        )


@documented_at("docs.aws.amazon.com/eks/latest/userguide/network-reqs.html")
def _zones(context: Context, tx: Transaction) -> None:
    subnets = [context.find((network.SUBNET,), str(s)) for s in context.get("vpcConfig.subnetIds") or ()]
    ids = {str(row.outputs["availabilityZoneId"]) for row in subnets if row is not None}
    if len(ids) < 2:
        raise CloudError("InvalidParameterException: Subnets specified must be in at least two different AZs")
    if refused := ids & {*WITHOUT_EKS}:
        raise CloudError(
            f"UnsupportedAvailabilityZoneException: Cannot create cluster '{context['name']}' because {', '.join(refused)}, the"
            " targeted availability zone, does not currently have sufficient capacity to support the cluster."
        )


@documented_at("docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html")
def _reachable(context: Context, tx: Transaction) -> None:
    if context.get("vpcConfig.endpointPublicAccess") is False and not context.get("vpcConfig.endpointPrivateAccess"):
        raise CloudError("InvalidParameterException: Private and public endpoint access cannot both be disabled")


@documented_at("docs.aws.amazon.com/eks/latest/userguide/cluster-iam-role.html")
def _trusted(context: Context, tx: Transaction) -> None:
    row = context.find((ROLE,), str(context["roleArn"]))
    if row is not None and "eks.amazonaws.com" not in str(row.inputs.get("assumeRolePolicy")):
        raise CloudError(
            "InvalidParameterException: Role could not be assumed because the trusted entity is not correct"
        )


@documented_at("docs.aws.amazon.com/eks/latest/userguide/deletion-protection.html")
def _not_protected(context: Context, tx: Transaction) -> None:
    if context.get("deletionProtection"):
        raise CloudError(
            f"InvalidRequestException: Cannot delete cluster {context.id} because deletion protection is"
            f" enabled."
            " Disable deletion protection on the cluster first."
        )


@documented_at("docs.aws.amazon.com/eks/latest/userguide/cluster-iam-role.html")
def _leaves_groups(context: Context, tx: Transaction) -> None:
    """Without its policy EKS cannot delete its security group, and the VPC stays. The cluster goes all the same.

    hashicorp/terraform-provider-aws, website/docs/r/eks_cluster.html.markdown, "Example Usage".
    """
    row, vpc = (
        context.find((ROLE,), str(context["roleArn"])),
        context.find((network.VPC,), str(context.get("vpcConfig.vpcId"))),
    )
    holders = tx.holders(row.uid) if row is not None else ()
    if any(str(holder.inputs.get("policyArn", "")).endswith("/AmazonEKSClusterPolicy") for holder, _ in holders):
        return
    if vpc is not None:
        group = str(context.get("vpcConfig.clusterSecurityGroupId"))
        left = NewResource(
            "aws", vpc.account, vpc.location, network.SECURITY_GROUP, vpc.scope, group, {}, {}, frozenset({group})
        )
        tx.refer(tx.insert(left), [("vpcId", vpc.uid)])


def _addon_offered(context: Context, tx: Transaction) -> None:
    name, version = context["addonName"], context.inputs.get("addonVersion")
    if name not in _ADDONS:
        raise CloudError(f"InvalidParameterException: Addon {name} specified is not supported")
    if is_known(version) and not re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", str(version)):
        raise CloudError("InvalidParameterException: Addon version specified is not supported")
    settings = context.inputs.get("configurationValues")
    if is_known(settings):
        try:
            json.loads(str(settings))
        except ValueError:
            raise CloudError(
                f"InvalidParameterException: ConfigurationValue provided in request is not supported: {settings}"
            ) from None


@documented_at("docs.aws.amazon.com/eks/latest/userguide/troubleshoot-add-ons.html")
def _has_compute(context: Context, tx: Transaction) -> None:
    row = context.find((CLUSTER,), str(context["clusterName"]))
    if row is None or context["addonName"] not in _ON_NODES:
        return
    if not any(holder.type == NODE_GROUP for holder, _ in tx.holders(row.uid)):
        raise CloudError(
            f"waiting for EKS Add-On ({context['clusterName']}:{context['addonName']}) create: unexpected state 'DEGRADED', wanted"
            " target 'ACTIVE'. last error: InsufficientNumberOfReplicas: The add-on is unhealthy because it doesn't have the"
            " desired number of replicas."
        )


def _vpc_of_subnets(context: Context) -> Any:
    first = next(iter(context.get("vpcConfig.subnetIds") or ()), None)
    row = context.find((network.SUBNET,), str(first))
    return None if row is None else row.inputs["vpcId"]


CLUSTER_MISSING: Final = "ResourceNotFoundException: No cluster found for name: {value}."
TO_CLUSTER: Final = Reference("clusterName", CLUSTER, CLUSTER_MISSING, cascade=True)
"""The reference of a record that goes with its cluster."""
ARN: Final = "arn:aws:eks:{region}:{account}:"


RULES: Final = (
    ResourceRule(  # cluster.go. Subnets and security groups of vpc_config are updated in place since 5.90
        CLUSTER,
        source="docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html",
        name_patterns={"name": r"[0-9A-Za-z][\w-]{0,99}"},
        id="{name}",
        name=Name(),
        handles=("arn",),
        exists="ResourceInUseException: Cluster already exists with name: {name}",
        replace=(
            *("name", "roleArn", "bootstrapSelfManagedAddons", "outpostConfig"),
            *("accessConfig.bootstrapClusterCreatorAdminPermissions", "kubernetesNetworkConfig.ipFamily"),
            *("kubernetesNetworkConfig.serviceIpv4Cidr", "remoteNetworkConfig"),
        ),
        irreversible=("encryptionConfig",),
        defaults={
            "bootstrapSelfManagedAddons": True,
            "accessConfig.bootstrapClusterCreatorAdminPermissions": True,
            "vpcConfig.endpointPrivateAccess": False,
            "vpcConfig.endpointPublicAccess": True,
        },
        outputs={
            "arn": ARN + "cluster/{name}",
            "createdAt": "{now}",
            "clusterId": None,
            "status": "ACTIVE",
            "version": kubernetes_versions.DEFAULT,
            "platformVersion": "eks.12",
            "deletionProtection": False,
            "accessConfig.authenticationMode": "CONFIG_MAP",
            "accessConfig.bootstrapClusterCreatorAdminPermissions": True,
            "kubernetesNetworkConfig.ipFamily": "ipv4",
            "kubernetesNetworkConfig.serviceIpv4Cidr": "172.20.0.0/16",
            "upgradePolicy.supportType": "EXTENDED",
            "identities": lambda c: [
                {"oidcs": [{"issuer": f"https://oidc.eks.{c['region']}.amazonaws.com/id/{c['hex32'].upper()}"}]}
            ],
            "vpcConfig.clusterSecurityGroupId": "sg-{hex17}",
            "vpcConfig.vpcId": _vpc_of_subnets,
            "vpcConfig.publicAccessCidrs": ["0.0.0.0/0"],
            "vpcConfig.controlPlaneEgressMode": "VPC",
        },
        references=(
            role("roleArn", "InvalidParameterException: roleArn, {value}, does not exist"),
            network.subnets("vpcConfig.subnetIds"),
            network.security_groups("vpcConfig.securityGroupIds"),
            key("encryptionConfig.provider.keyArn", "InvalidParameterException: Key '{value}' does not exist"),
        ),
        checks=(_version_offered, _zones, _reachable, _trusted),
        protected=(_not_protected, _leaves_groups),
        effect=_EksCluster(),
    ),
    ResourceRule(  # addon.go
        ADDON,
        source="docs.aws.amazon.com/eks/latest/APIReference/API_CreateAddon.html",
        id="{clusterName}:{addonName}",
        handles=("arn",),
        exists="ResourceInUseException: Addon already exists.",
        replace=("addonName", "clusterName", "namespaceConfig"),
        outputs={
            "arn": lambda c: c.text(ARN + "addon/{clusterName}/{addonName}/") + c["uuid"],
            "addonVersion": lambda c: _ADDONS.get(str(c["addonName"])),
            "createdAt": "{now}",
            "modifiedAt": "{now}",
            "configurationValues": "",
        },
        volatile=("modifiedAt",),
        references=(
            TO_CLUSTER,
            role("serviceAccountRoleArn", "InvalidParameterException: Role {value} does not exist"),
            role("podIdentityAssociations.roleArn", "InvalidParameterException: Role {value} does not exist"),
        ),
        checks=(_addon_offered, _has_compute),
    ),
)
