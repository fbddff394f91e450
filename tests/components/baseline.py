"""The baseline of each cloud, line by line, read from a region's registrations. docs/reference/baseline.md has the same lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.components.recording import FLEET, RecordedRegion, recorded

Holds = Callable[[RecordedRegion, bool], object]
"""Whether a line holds for a region, given whether it is in production."""


@dataclass(frozen=True)
class Line:
    """One line of the baseline."""

    cloud: str
    text: str
    holds: Holds


def holds(line: Line, region: RecordedRegion, production: bool) -> bool:
    """Whether a line holds for a region. A line about a missing resource does not hold."""
    try:
        return bool(line.holds(region, production))
    except (KeyError, ValueError):
        return False


def met(line: Line) -> bool:
    """Whether a line holds in every shipped region of its cloud."""
    regions = [region for region in FLEET.regions.values() if region.settings.cloud == line.cloud]
    return bool(regions) and all(holds(line, recorded(r.name), r.wave.production) for r in regions)


def before(region: RecordedRegion, first: str, second: str) -> bool:
    """Whether all of one type were registered before any of another: a registration waits for its dependencies."""
    kinds = [resource.type for resource in region.resources]
    last = max((index for index, kind in enumerate(kinds) if kind == first), default=None)
    return last is not None and second in kinds and last < kinds.index(second)


def every(items: list[dict[str, Any]], test: Callable[[dict[str, Any]], object]) -> bool:
    """Whether there are items, and all of them pass the test."""
    return bool(items) and all(test(item) for item in items)


def inputs(region: RecordedRegion, kind: str) -> list[dict[str, Any]]:
    """The inputs of all of a type."""
    return [resource.inputs for resource in region.of(kind)]


EKS, EKS_NODES, EKS_ADDON = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup", "aws:eks/addon:Addon"
SUBNET = "aws:ec2/subnet:Subnet"


def _subnets(region: RecordedRegion, role: str) -> list[dict[str, Any]]:
    return [subnet for subnet in inputs(region, SUBNET) if subnet["tags"].get(f"kubernetes.io/role/{role}") == "1"]


def _addons(region: RecordedRegion) -> dict[str, int]:
    """Name to its place in the order of all resources."""
    return {
        resource.inputs["addonName"]: index
        for index, resource in enumerate(region.resources)
        if resource.type == EKS_ADDON
    }


def _nodes_at(region: RecordedRegion) -> list[int]:
    return [index for index, resource in enumerate(region.resources) if resource.type == EKS_NODES]


_EKS = (
    Line(
        "aws",
        "VPC over three zones",
        lambda region, production: len({item["availabilityZoneId"] for item in inputs(region, SUBNET)}) == 3,
    ),
    Line(
        "aws",
        "private and public subnets, tagged for load balancers",
        lambda region, production: len(_subnets(region, "internal-elb")) == len(_subnets(region, "elb")) == 3,
    ),
    Line(
        "aws",
        "NAT for each zone in production, one in staging",
        lambda region, production: len(region.of("aws:ec2/natGateway:NatGateway")) == (3 if production else 1),
    ),
    Line(
        "aws",
        "gateway endpoint for S3",
        lambda region, production: every(
            inputs(region, "aws:ec2/vpcEndpoint:VpcEndpoint"),
            lambda item: item["vpcEndpointType"] == "Gateway" and item["serviceName"].endswith(".s3"),
        ),
    ),
    Line(
        "aws",
        "KMS key with rotation for secrets",
        lambda region, production: (
            region.one(EKS)["encryptionConfig"]["resources"] == ["secrets"]
            and every(inputs(region, "aws:kms/key:Key"), lambda item: item["enableKeyRotation"])
        ),
    ),
    Line(
        "aws",
        "log group made first, with retention and explicit name, protected",
        lambda region, production: (
            every(
                inputs(region, "aws:cloudwatch/logGroup:LogGroup"),
                lambda item: item["retentionInDays"] and item["name"] == f"/aws/eks/{region.one(EKS)['name']}/cluster",
            )
            and before(region, "aws:cloudwatch/logGroup:LogGroup", EKS)
            and all(group.protect is production for group in region.of("aws:cloudwatch/logGroup:LogGroup"))
        ),
    ),
    Line(
        "aws",
        "all five log types",
        lambda region, production: (
            set(region.one(EKS)["enabledClusterLogTypes"])
            == {"api", "audit", "authenticator", "controllerManager", "scheduler"}
        ),
    ),
    Line(
        "aws",
        "cluster role and node role, each for its own service",
        lambda region, production: all(
            any(service in item["assumeRolePolicy"] for item in inputs(region, "aws:iam/role:Role"))
            for service in ("eks.amazonaws.com", "ec2.amazonaws.com")
        ),
    ),
    Line(
        "aws",
        "private endpoint on, public one off unless narrowed",
        lambda region, production: (
            region.one(EKS)["vpcConfig"]["endpointPrivateAccess"]
            and not region.one(EKS)["vpcConfig"]["endpointPublicAccess"]
        ),
    ),
    Line(
        "aws",
        "authentication by API alone",
        lambda region, production: region.one(EKS)["accessConfig"]["authenticationMode"] == "API",
    ),
    Line(
        "aws",
        "no rights for the creator, explicit access entries",
        lambda region, production: (
            region.one(EKS)["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] is False
            and region.of("aws:eks/accessEntry:AccessEntry")
        ),
    ),
    Line(
        "aws",
        "no self-managed add-ons at creation",
        lambda region, production: region.one(EKS)["bootstrapSelfManagedAddons"] is False,
    ),
    Line("aws", "deletion protection", lambda region, production: region.one(EKS)["deletionProtection"] is production),
    Line(
        "aws",
        "upgrade policy: standard support",
        lambda region, production: region.one(EKS)["upgradePolicy"] == {"supportType": "STANDARD"},
    ),
    Line("aws", "zonal shift", lambda region, production: region.one(EKS)["zonalShiftConfig"] == {"enabled": True}),
    Line(
        "aws",
        "Pod Identity agent, kube-proxy and vpc-cni before compute",
        lambda region, production: (
            _nodes_at(region)
            and all(
                _addons(region)[name] < min(_nodes_at(region))
                for name in ("eks-pod-identity-agent", "kube-proxy", "vpc-cni")
            )
        ),
    ),
    Line(
        "aws",
        "coredns and EBS driver after it",
        lambda region, production: all(
            _addons(region)[name] > max(_nodes_at(region)) for name in ("coredns", "aws-ebs-csi-driver")
        ),
    ),
    Line(
        "aws",
        "add-on versions pinned",
        lambda region, production: every(inputs(region, EKS_ADDON), lambda item: "-eksbuild." in item["addonVersion"]),
    ),
    Line(
        "aws",
        "Pod Identity for the CNI and the EBS driver",
        lambda region, production: (
            {"aws-node", "ebs-csi-controller-sa"}
            <= {
                item["serviceAccount"]
                for item in inputs(region, "aws:eks/podIdentityAssociation:PodIdentityAssociation")
            }
        ),
    ),
    Line(
        "aws",
        "managed node groups on AL2023 by launch template",
        lambda region, production: every(
            inputs(region, EKS_NODES), lambda item: item["amiType"].startswith("AL2023") and item["launchTemplate"]
        ),
    ),
    Line(
        "aws",
        "IMDSv2 required, one hop",
        lambda region, production: every(
            inputs(region, "aws:ec2/launchTemplate:LaunchTemplate"),
            lambda item: item["metadataOptions"] == {"httpTokens": "required", "httpPutResponseHopLimit": 1},
        ),
    ),
    Line(
        "aws",
        "a node group for each pool and zone",
        lambda region, production: every(inputs(region, EKS_NODES), lambda item: len(item["subnetIds"]) == 1),
    ),
)

GKE, GKE_POOL = "gcp:container/cluster:Cluster", "gcp:container/nodePool:NodePool"
GKE_GRANT = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"


def _pools(region: RecordedRegion) -> list[dict[str, Any]]:
    return [item["nodeConfig"] for item in inputs(region, GKE_POOL)]


_GKE = (
    Line(
        "gcp",
        "services enabled, and left on when a region goes",
        lambda region, production: every(
            inputs(region, "gcp:projects/service:Service"), lambda item: item["disableOnDestroy"] is False
        ),
    ),
    Line(
        "gcp",
        "network and subnetwork with named secondary ranges",
        lambda region, production: (
            {"pods", "services"}
            == {r["rangeName"] for r in region.one("gcp:compute/subnetwork:Subnetwork")["secondaryIpRanges"]}
        ),
    ),
    Line(
        "gcp",
        "router and NAT",
        lambda region, production: (
            region.one("gcp:compute/routerNat:RouterNat")["router"] and region.of("gcp:compute/router:Router")
        ),
    ),
    Line(
        "gcp",
        "secrets encrypted by a key of one's own, its grant to GKE's agent first",
        lambda region, production: (
            region.one(GKE)["databaseEncryption"]["state"] == "ENCRYPTED"
            and "container-engine-robot" in region.one(GKE_GRANT)["member"]
            and before(region, GKE_GRANT, GKE)
        ),
    ),
    Line(
        "gcp",
        "node service account of its own, with few roles",
        lambda region, production: (
            every(_pools(region), lambda node: node["serviceAccount"].startswith(f"{region.one(GKE)['name']}-nodes"))
            and {"roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader"}
            == {item["role"] for item in inputs(region, "gcp:projects/iAMMember:IAMMember")}
        ),
    ),
    Line("gcp", "regional cluster", lambda region, production: region.one(GKE)["location"].count("-") == 1),
    Line(
        "gcp", "release channel", lambda region, production: region.one(GKE)["releaseChannel"] == {"channel": "REGULAR"}
    ),
    Line(
        "gcp",
        "private nodes and private endpoint",
        lambda region, production: (
            region.one(GKE)["privateClusterConfig"]["enablePrivateNodes"]
            and region.one(GKE)["privateClusterConfig"]["enablePrivateEndpoint"]
        ),
    ),
    Line(
        "gcp",
        "DNS endpoint for CI and people",
        lambda region, production: region.one(GKE)["controlPlaneEndpointsConfig"]["dnsEndpointConfig"][
            "allowExternalTraffic"
        ],
    ),
    Line("gcp", "dataplane V2", lambda region, production: region.one(GKE)["datapathProvider"] == "ADVANCED_DATAPATH"),
    Line(
        "gcp",
        "workload identity",
        lambda region, production: (
            region.one(GKE)["workloadIdentityConfig"]["workloadPool"].endswith(".svc.id.goog")
            and every(_pools(region), lambda node: node["workloadMetadataConfig"]["mode"] == "GKE_METADATA")
        ),
    ),
    Line(
        "gcp",
        "shielded nodes",
        lambda region, production: (
            region.one(GKE)["enableShieldedNodes"]
            and every(_pools(region), lambda node: node["shieldedInstanceConfig"]["enableSecureBoot"])
        ),
    ),
    Line(
        "gcp",
        "Binary Authorization by the project's policy",
        lambda region, production: (
            region.one(GKE)["binaryAuthorization"]["evaluationMode"] == "PROJECT_SINGLETON_POLICY_ENFORCE"
        ),
    ),
    Line(
        "gcp",
        "no client certificate",
        lambda region, production: (
            region.one(GKE)["masterAuth"]["clientCertificateConfig"]["issueClientCertificate"] is False
        ),
    ),
    Line(
        "gcp",
        "the kubelet's read-only port off",
        lambda region, production: every(
            _pools(region), lambda node: node["kubeletConfig"]["insecureKubeletReadonlyPortEnabled"] == "FALSE"
        ),
    ),
    Line(
        "gcp",
        "security posture",
        lambda region, production: region.one(GKE)["securityPostureConfig"]["mode"] == "BASIC",
    ),
    Line(
        "gcp",
        "maintenance on the wave's day or in the customer's windows, node and minor versions by commit",
        lambda region, production: (
            region.one(GKE)["maintenancePolicy"]["recurringWindow"]["recurrence"].startswith("FREQ=WEEKLY;BYDAY=")
            and region.one(GKE)["maintenancePolicy"]["maintenanceExclusions"][0]["exclusionOptions"]["scope"]
            == "NO_MINOR_OR_NODE_UPGRADES"
        ),
    ),
    Line("gcp", "default pool removed", lambda region, production: region.one(GKE)["removeDefaultNodePool"]),
    Line(
        "gcp",
        "deletion protection explicit",
        lambda region, production: region.one(GKE)["deletionProtection"] is production,
    ),
)

AKS, AKS_POOL = "azure-native:containerservice:ManagedCluster", "azure-native:containerservice:AgentPool"
AZURE_GRANT = "azure-native:authorization:RoleAssignment"
ADMIN = "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b"
"""Azure Kubernetes Service RBAC Cluster Admin. Source: learn.microsoft.com/azure/role-based-access-control/built-in-roles."""

_AKS = (
    Line(
        "azure",
        "resource group, holding all of the region",
        lambda region, production: (
            region.one(AKS)["resourceGroupName"]
            in {item.get("resourceGroupName") for item in inputs(region, "azure-native:resources:ResourceGroup")}
        ),
    ),
    Line(
        "azure",
        "virtual network with a delegated /28 for the API server",
        lambda region, production: any(
            subnet["addressPrefix"].endswith("/28")
            and subnet["delegations"][0]["serviceName"] == "Microsoft.ContainerService/managedClusters"
            for subnet in inputs(region, "azure-native:network:Subnet")
            if subnet.get("delegations")
        ),
    ),
    Line(
        "azure",
        "private DNS zone",
        lambda region, production: (
            region.of("azure-native:privatedns:PrivateZone")
            and region.one(AKS)["apiServerAccessProfile"]["privateDNSZone"]
        ),
    ),
    Line(
        "azure",
        "user-assigned identity with its roles before the cluster",
        lambda region, production: (
            region.one(AKS)["identity"]["type"] == "UserAssigned"
            and {f"{region.one(AKS)['resourceName']}-{purpose}" for purpose in ("network", "etcd-key", "dns")}
            <= {
                resource.name
                for resource in region.resources[: [resource.type for resource in region.resources].index(AKS)]
                if resource.type == AZURE_GRANT
            }
        ),
    ),
    Line(
        "azure",
        "Entra RBAC, no local accounts",
        lambda region, production: (
            region.one(AKS)["aadProfile"]["enableAzureRBAC"] and region.one(AKS)["disableLocalAccounts"]
        ),
    ),
    Line(
        "azure",
        "an RBAC Cluster Admin assignment",
        lambda region, production: any(
            item["roleDefinitionId"].endswith(ADMIN) for item in inputs(region, AZURE_GRANT)
        ),
    ),
    Line(
        "azure",
        "private API server, or authorised ranges",
        lambda region, production: (
            region.one(AKS)["apiServerAccessProfile"]["enablePrivateCluster"]
            or region.one(AKS)["apiServerAccessProfile"]["authorizedIPRanges"]
        ),
    ),
    Line(
        "azure",
        "Azure CNI overlay with cilium",
        lambda region, production: (
            {"networkPlugin": "azure", "networkPluginMode": "overlay", "networkDataplane": "cilium"}.items()
            <= region.one(AKS)["networkProfile"].items()
        ),
    ),
    Line(
        "azure",
        "tainted system pool",
        lambda region, production: every(
            region.one(AKS)["agentPoolProfiles"],
            lambda pool: pool["mode"] == "System" and pool["nodeTaints"] == ["CriticalAddonsOnly=true:NoSchedule"],
        ),
    ),
    Line(
        "azure",
        "user pools apart, one for each zone, with autoscaling",
        lambda region, production: (
            all(item["enableAutoScaling"] for item in inputs(region, AKS_POOL))
            and sorted(item["availabilityZones"] for item in inputs(region, AKS_POOL)) == [["1"], ["2"], ["3"]]
            and region.one(AKS)["autoScalerProfile"]["balanceSimilarNodeGroups"] == "true"
        ),
    ),
    Line(
        "azure",
        "count of nodes given, and left to the autoscaler",
        lambda region, production: (
            region.of(AKS_POOL)
            and all("count" in pool.inputs and "count" in pool.ignored for pool in region.of(AKS_POOL))
        ),
    ),
    Line(
        "azure",
        "OIDC issuer and workload identity",
        lambda region, production: (
            region.one(AKS)["oidcIssuerProfile"]["enabled"]
            and region.one(AKS)["securityProfile"]["workloadIdentity"]["enabled"]
        ),
    ),
    Line("azure", "Standard tier", lambda region, production: region.one(AKS)["sku"]["tier"] == "Standard"),
    Line(
        "azure",
        "auto-upgrade channel and node OS channel, each with its window",
        lambda region, production: (
            region.one(AKS)["autoUpgradeProfile"] == {"upgradeChannel": "patch", "nodeOSUpgradeChannel": "NodeImage"}
            and {"aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule"}
            == {item["configName"] for item in inputs(region, "azure-native:containerservice:MaintenanceConfiguration")}
        ),
    ),
    Line(
        "azure",
        "Defender and Log Analytics",
        lambda region, production: (
            region.one(AKS)["securityProfile"]["defender"]["securityMonitoring"]["enabled"]
            and region.one("azure-native:monitor:DiagnosticSetting")["workspaceId"]
        ),
    ),
    Line(
        "azure",
        "etcd encrypted by Key Vault",
        lambda region, production: region.one(AKS)["securityProfile"]["azureKeyVaultKms"]["enabled"],
    ),
    Line(
        "azure",
        "kubeconfig of our own with kubelogin",
        lambda region, production: '"command": "kubelogin"' in region.cluster["kubeconfig"],
    ),
)

LINES = (*_EKS, *_GKE, *_AKS)
