"""The mandatory policies. docs/reference/policies.md and docs/reference/baseline.md have their sources."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import yaml

import fleet
from fleet.ranges import too_many
from fleet.residency import RESIDENCY_FILE, refusal
from fleet.sizes import MAX_NODES
from fleet.tags import REGION_TAG, SCHEME
from policy.rules import Policy, Resource, Violation

EKS = "aws:eks/cluster:Cluster"
GKE = "gcp:container/cluster:Cluster"
AKS = "azure-native:containerservice:ManagedCluster"
NAMESPACE = "kubernetes:core/v1:Namespace"
WORLD = ("0.0.0.0/0", "::/0")

PROTECTED_KINDS = (
    *(EKS, GKE, AKS),
    *("aws:kms/key:Key", "aws:cloudwatch/logGroup:LogGroup", "aws:backup/vault:Vault"),
    *("gcp:kms/cryptoKey:CryptoKey", "gcp:gkebackup/backupPlan:BackupPlan"),
    *("azure-native:resources:ResourceGroup", "azure-native:keyvault:Vault", "azure-native:keyvault:Key"),
    *("azure-native:operationalinsights:Workspace", "azure-native:dataprotection:BackupVault"),
    *("azure-native:storage:StorageAccount", NAMESPACE, "kubernetes:argoproj.io/v1alpha1:Application"),
)
"""Kinds that hold data, keys for reading data, and audit logs."""

STATIC_CREDENTIALS = (
    *("aws:iam/accessKey:AccessKey", "aws:iam/user:User", "aws:iam/userLoginProfile:UserLoginProfile"),
    *("gcp:serviceaccount/key:Key", "gcp:storage/hmacKey:HmacKey"),
    *("azuread:", "tls:index/privateKey:PrivateKey", "aws:ec2/keyPair:KeyPair"),
)


def api_endpoint(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """EKS, GKE and AKS: the API server is private, or open to named ranges alone."""
    if resource.type == EKS:
        cidrs = resource.get("vpcConfig.publicAccessCidrs") or WORLD
        if resource.get("vpcConfig.endpointPublicAccess", True) and _world(cidrs):
            yield "the API server is open to the world: set vpcConfig.endpointPublicAccess to false, or publicAccessCidrs"
    elif resource.type == GKE:
        narrowed = resource.get("masterAuthorizedNetworksConfig")
        if not resource.get("privateClusterConfig.enablePrivateEndpoint", False) and narrowed is None:
            yield "the API server is open to the world: set privateClusterConfig.enablePrivateEndpoint"
        if narrowed is not None and _world(block["cidrBlock"] for block in narrowed.get("cidrBlocks") or ()):
            yield "masterAuthorizedNetworksConfig allows the whole world: narrow the range"
    else:
        ranges = resource.get("apiServerAccessProfile.authorizedIPRanges") or ()
        private = resource.get("apiServerAccessProfile.enablePrivateCluster", False)
        if _world(ranges) or (not private and not ranges):
            yield "the API server is open to the world: set apiServerAccessProfile.enablePrivateCluster or authorizedIPRanges"


def open_ports(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """No firewall rule lets the whole world in."""
    sources: list[str] = []
    if resource.type == "aws:ec2/securityGroup:SecurityGroup":
        for rule in resource.get("ingress") or ():
            sources += [*(rule.get("cidrBlocks") or ()), *(rule.get("ipv6CidrBlocks") or ())]
    elif resource.type == "gcp:compute/firewall:Firewall":
        if str(resource.get("direction", "INGRESS")).upper() == "INGRESS" and resource.get("allows"):
            sources += resource.get("sourceRanges") or ()
    elif resource.type == "azure-native:network:SecurityRule":
        if resource.get("direction") == "Inbound" and resource.get("access") == "Allow":
            prefixes = [resource.get("sourceAddressPrefix"), *(resource.get("sourceAddressPrefixes") or ())]
            sources += [WORLD[0] if prefix in ("*", "Internet") else str(prefix) for prefix in prefixes]
    else:
        sources += [resource.get("cidrIpv4", ""), resource.get("cidrIpv6", "")]
    if _world(sources):
        yield "the rule lets the whole world in: name the ranges that need access"


def private_nodes(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """No node has a public address."""
    is_public = {
        "aws:ec2/subnet:Subnet": resource.get("mapPublicIpOnLaunch", False),
        GKE: not resource.get("privateClusterConfig.enablePrivateNodes", False),
        "azure-native:containerservice:AgentPool": resource.get("enableNodePublicIP", False),
    }
    if is_public[resource.type]:
        yield "nodes would have public addresses: turn them off"


def encrypted_secrets(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """Kubernetes' secrets are encrypted by a key of the region's own."""
    is_encrypted = {
        EKS: "secrets" in (resource.get("encryptionConfig.resources") or ()),
        GKE: resource.get("databaseEncryption.state") == "ENCRYPTED",
        AKS: resource.get("securityProfile.azureKeyVaultKms.enabled", False),
    }
    if not is_encrypted[resource.type]:
        yield "Kubernetes' secrets are not encrypted by a key of the region's own: name the key"


def encrypted_disks(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """AWS encrypts a disk only if its settings say so. Google Cloud and Azure encrypt every disk."""
    if resource.type == "aws:ec2/launchTemplate:LaunchTemplate":
        disks = resource.get("blockDeviceMappings") or ()
        if not disks or any(str((disk.get("ebs") or {}).get("encrypted")) != "true" for disk in disks):
            yield "nodes' disks are not encrypted: set ebs.encrypted in each of blockDeviceMappings, and name at least one"
    elif resource.type == "aws:ebs/volume:Volume":
        if not resource.get("encrypted", False):
            yield "the volume is not encrypted: set encrypted"
    elif resource.get("provisioner") == "ebs.csi.aws.com" and resource.get("parameters", {}).get("encrypted") != "true":
        yield 'volumes of this class are not encrypted: set parameters.encrypted to "true"'


def rotated_keys(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """Keys rotate at least once a year."""
    if resource.type == "aws:kms/key:Key" and not resource.get("enableKeyRotation", False):
        yield "the key is never rotated: set enableKeyRotation"
    if resource.type == "gcp:kms/cryptoKey:CryptoKey" and not resource.get("rotationPeriod"):
        yield "the key is never rotated: set rotationPeriod"


def control_plane_logs(resources: Sequence[Resource], region: fleet.Region) -> Iterator[Violation]:
    """The control plane writes audit logs, and log groups have a retention."""
    off = "the control plane's logs are off: add "
    for resource in resources:
        log_types = set(resource.get("enabledClusterLogTypes") or ())
        if resource.type == EKS and not {"api", "audit", "authenticator"} <= log_types:
            yield Violation(resource, f"{off}api, audit, authenticator to enabledClusterLogTypes")
        if resource.type == GKE and "APISERVER" not in (resource.get("loggingConfig.enableComponents") or ()):
            yield Violation(resource, f"{off}APISERVER to loggingConfig.enableComponents")
        if resource.type == AKS and not any(_audits(other) for other in resources):
            yield Violation(resource, f"{off}a DiagnosticSetting with kube-audit-admin")
        if resource.type == "aws:cloudwatch/logGroup:LogGroup" and not resource.get("retentionInDays"):
            yield Violation(resource, "logs are kept for ever: set retentionInDays")


def static_credentials(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """No sign-in is by a credential without expiry. Roles and workload identity need none."""
    if resource.type == AKS:
        if not resource.get("disableLocalAccounts", False):
            yield "the cluster has local accounts, whose credentials never expire: set disableLocalAccounts"
    elif resource.type == GKE:
        if resource.get("masterAuth.clientCertificateConfig.issueClientCertificate", False):
            yield "the cluster issues a client certificate, which nobody can revoke: set issueClientCertificate to false"
    elif resource.type.startswith("pulumi:providers:"):
        credentials = {"accessKey", "secretKey", "credentials", "clientSecret", "clientCertificatePassword"} & set(
            resource.properties
        )
        if credentials:
            yield f"the provider has {', '.join(sorted(credentials))}: let it sign in by the environment's own identity"
    else:
        yield "the credential never expires: use a role or workload identity"


def deletion_protection(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """In protected regions the clouds themselves refuse deletion, by any tool."""
    if region.protected and not resource.get("deletionProtection", resource.type == GKE):
        yield f"region {region.name} is protected: set deletionProtection"


def protected(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """In protected regions Pulumi refuses to delete or replace resources that hold data.

    The exception is `regions:protect: false` in the stack file. Git records who made it and why.
    """
    if resource.type == NAMESPACE and resource.get("metadata.name") not in region.settings.applications:
        return  # a controller's namespace: `up` creates all of it again
    if region.protected and not resource.protect:
        yield (
            f"region {region.name} is protected, and Pulumi could delete or replace the resource: pass protect, or record "
            "the exception (regions:protect: false)"
        )


def tagged(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """Every resource has the region's tags.

    On AWS and Google Cloud the provider sets them. On Azure each resource sets its own. A launch template names the region alone:
    a change of its tags would replace all machines.
    """
    scheme: Sequence[str] = SCHEME
    if resource.type == "pulumi:providers:aws":
        tag_sets = [_decoded(resource.get("defaultTags", {})).get("tags") or {}]
    elif resource.type == "pulumi:providers:gcp":
        tag_sets = [_decoded(resource.get("defaultLabels", {}))]
    elif resource.type == "aws:ec2/launchTemplate:LaunchTemplate":
        specifications = resource.get("tagSpecifications") or ()
        tag_sets = [specification.get("tags") or {} for specification in specifications] or [{}]
        scheme = (REGION_TAG,)
    else:
        tag_sets = [resource.get("tags") or {}]
    for tags in tag_sets:
        missing = [key for key in scheme if tags.get(key) != region.tags[key]]
        if missing:
            yield f"not tagged as region {region.name}: {', '.join(missing)}: set these tags"
            return


def residency(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """A tenant's data stays in the locations of policy/residency.yaml."""
    cloud, tenant = region.settings.cloud, region.settings.tenant
    location = resource.get("location") or resource.get("region")
    if not isinstance(location, str) or location == "global":
        return
    reason = refusal(residency_of(), tenant, cloud, location)
    if reason:
        yield reason


def node_ceiling(resources: Sequence[Resource], region: fleet.Region) -> Iterator[Violation]:
    """The pools' sizes add up to no more than the region's size allows, so that a typing error costs little."""
    max_nodes = {
        "aws:eks/nodeGroup:NodeGroup": lambda r: r.get("scalingConfig.maxSize", 0),
        "gcp:container/nodePool:NodePool": lambda r: r.get("autoscaling.totalMaxNodeCount", 0),
        "azure-native:containerservice:AgentPool": lambda r: r.get("maxCount", 0),
    }
    pools = [resource for resource in resources if resource.type in max_nodes]
    total, allowed = sum(int(max_nodes[pool.type](pool)) for pool in pools), MAX_NODES[region.settings.size]
    if total > allowed:
        yield Violation(
            pools[-1],
            f"{total} nodes at most, and a {region.settings.size} region may have {allowed}: lower maxNodes, or take a larger "
            "regions:size",
        )


POLICIES = (
    Policy("api-endpoint", "No API server is open to the world", (EKS, GKE, AKS), api_endpoint),
    Policy(
        "open-ports",
        "No firewall rule lets the whole world in",
        ("aws:ec2/securityGroup:SecurityGroup", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
         "gcp:compute/firewall:Firewall", "azure-native:network:SecurityRule"),
        open_ports,
    ),
    Policy(
        "private-nodes",
        "No node has a public address",
        ("aws:ec2/subnet:Subnet", GKE, "azure-native:containerservice:AgentPool"),
        private_nodes,
    ),
    Policy(
        "encrypted-secrets",
        "Kubernetes' secrets are encrypted by a key of the region's own",
        (EKS, GKE, AKS),
        encrypted_secrets,
    ),
    Policy(
        "encrypted-disks",
        "All disks are encrypted",
        ("aws:ec2/launchTemplate:LaunchTemplate", "aws:ebs/volume:Volume", "kubernetes:storage.k8s.io/v1:StorageClass"),
        encrypted_disks,
    ),
    Policy("rotated-keys", "Keys are rotated", ("aws:kms/key:Key", "gcp:kms/cryptoKey:CryptoKey"), rotated_keys),
    Policy("control-plane-logs", "The control plane's logs are on, and have a retention", check_stack=control_plane_logs),
    Policy(
        "static-credentials",
        "No sign-in is by a credential without expiry",
        (AKS, GKE, "pulumi:providers:", *STATIC_CREDENTIALS),
        static_credentials,
    ),
    Policy("deletion-protection", "Clusters of protected regions refuse deletion", (EKS, GKE), deletion_protection),
    Policy("protected", "Resources that hold data in protected regions are protected", PROTECTED_KINDS, protected),
    Policy(
        "tagged",
        "Every resource has the region's tags",
        ("pulumi:providers:aws", "pulumi:providers:gcp", "aws:ec2/launchTemplate:LaunchTemplate", AKS,
         "azure-native:resources:ResourceGroup", "azure-native:containerservice:AgentPool", "azure-native:keyvault:Vault",
         "azure-native:network:VirtualNetwork", "azure-native:operationalinsights:Workspace"),
        tagged,
    ),
    Policy(
        "residency",
        "A tenant's data stays in its allowed locations",
        ("aws:", "gcp:", "azure-native:", "pulumi:providers:"),
        residency,
    ),
    Policy("node-ceiling", "A region has no more nodes than its size allows", check_stack=node_ceiling),
)  # fmt: skip
"""All policies. tests/policy has, for each, a resource that breaks it and one that does not."""


def _world(ranges: Iterable[Any]) -> bool:
    """Whether ranges are together the internet, or a great part. Other words, such as Azure's service tags, are no range."""
    networks = []
    for cidr in ranges:
        with suppress(ValueError):
            networks.append(ip_network(cidr))
    return bool(too_many(networks))


def _audits(resource: Resource) -> bool:
    if resource.type != "azure-native:monitor:DiagnosticSetting":
        return False
    categories = {log.get("category") for log in resource.get("logs") or () if log.get("enabled")}
    return bool({"kube-audit", "kube-audit-admin"} & categories)


def _decoded(value: Any) -> Mapping[str, Any]:
    """A provider's input as a mapping. The engine sends such inputs as JSON in strings."""
    decoded: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return decoded


@cache
def residency_of() -> Mapping[str, list[str]]:
    return dict(yaml.safe_load((Path(__file__).parents[1] / RESIDENCY_FILE).read_text()))
