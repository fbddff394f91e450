"""The mandatory policies. Sources: the shared baselines named at each one, and docs/reference/baseline.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import fleet
from fleet.residency import RESIDENCY_FILE, refusal
from fleet.sizes import MAX_NODES
from fleet.tags import SCHEME
from policy.rules import Resource, Rule, Violation

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
"""What holds data, what data cannot be read without, and what says who did what."""

STATIC_CREDENTIALS = (
    *("aws:iam/accessKey:AccessKey", "aws:iam/user:User", "aws:iam/userLoginProfile:UserLoginProfile"),
    *("gcp:serviceaccount/key:Key", "gcp:storage/hmacKey:HmacKey"),
    *("azuread:", "tls:index/privateKey:PrivateKey", "aws:ec2/keyPair:KeyPair"),
)


def api_endpoint(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """EKS, GKE and AKS: private, or narrowed to ranges that somebody named."""
    if resource.type == EKS:
        cidrs = resource.get("vpcConfig.publicAccessCidrs") or WORLD
        if resource.get("vpcConfig.endpointPublicAccess", True) and _world(cidrs):
            yield "anybody may reach the API server: set vpcConfig.endpointPublicAccess to false, or publicAccessCidrs"
    elif resource.type == GKE:
        narrowed = resource.get("masterAuthorizedNetworksConfig")
        if not resource.get("privateClusterConfig.enablePrivateEndpoint", False) and narrowed is None:
            yield "anybody may reach the API server: set privateClusterConfig.enablePrivateEndpoint"
        if narrowed is not None and _world(block["cidrBlock"] for block in narrowed.get("cidrBlocks") or ()):
            yield "masterAuthorizedNetworksConfig names the whole world: narrow it"
    else:
        ranges = resource.get("apiServerAccessProfile.authorizedIPRanges") or ()
        private = resource.get("apiServerAccessProfile.enablePrivateCluster", False)
        if _world(ranges) or (not private and not ranges):
            yield "anybody may reach the API server: set apiServerAccessProfile.enablePrivateCluster or authorizedIPRanges"


def open_ports(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """No rule lets the whole world in."""
    sources: list[str] = []
    if resource.type == "aws:ec2/securityGroup:SecurityGroup":
        for rule in resource.get("ingress") or ():
            sources += [*(rule.get("cidrBlocks") or ()), *(rule.get("ipv6CidrBlocks") or ())]
    elif resource.type == "gcp:compute/firewall:Firewall":
        if str(resource.get("direction", "INGRESS")).upper() == "INGRESS" and resource.get("allows"):
            sources += resource.get("sourceRanges") or ()
    elif resource.type == "azure-native:network:SecurityRule":
        if resource.get("direction") == "Inbound" and resource.get("access") == "Allow":
            sources += ["0.0.0.0/0" if resource.get("sourceAddressPrefix") in ("*", "Internet", "0.0.0.0/0") else ""]
    else:
        sources += [resource.get("cidrIpv4", ""), resource.get("cidrIpv6", "")]
    if _world(sources):
        yield "lets the whole world in: name the ranges that need it"


def private_nodes(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """No node has a public address."""
    wrong = {
        "aws:ec2/subnet:Subnet": resource.get("mapPublicIpOnLaunch", False),
        GKE: not resource.get("privateClusterConfig.enablePrivateNodes", False),
        "azure-native:containerservice:AgentPool": resource.get("enableNodePublicIP", False),
    }
    if wrong[resource.type]:
        yield "nodes would have public addresses"


def encrypted_secrets(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """Kubernetes' secrets are encrypted by a key of the region's own."""
    sound = {
        EKS: "secrets" in (resource.get("encryptionConfig.resources") or ()),
        GKE: resource.get("databaseEncryption.state") == "ENCRYPTED",
        AKS: resource.get("securityProfile.azureKeyVaultKms.enabled", False),
    }
    if not sound[resource.type]:
        yield "Kubernetes' secrets are not encrypted by a key of the region's own"


def encrypted_disks(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """AWS encrypts disks only where it is told to; Google Cloud and Azure always do."""
    if resource.type == "aws:ec2/launchTemplate:LaunchTemplate":
        disks = resource.get("blockDeviceMappings") or ()
        if not disks or any(str((disk.get("ebs") or {}).get("encrypted")) != "true" for disk in disks):
            yield "nodes' disks are not encrypted: set ebs.encrypted in each of blockDeviceMappings, and name one at least"
    elif resource.type == "aws:ebs/volume:Volume":
        if not resource.get("encrypted", False):
            yield "the volume is not encrypted"
    elif resource.get("provisioner") == "ebs.csi.aws.com" and resource.get("parameters", {}).get("encrypted") != "true":
        yield 'volumes of this class are not encrypted: set parameters.encrypted to "true"'


def rotated_keys(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """Keys are changed at least once a year."""
    if resource.type == "aws:kms/key:Key" and not resource.get("enableKeyRotation", False):
        yield "the key is never rotated: set enableKeyRotation"
    if resource.type == "gcp:kms/cryptoKey:CryptoKey" and not resource.get("rotationPeriod"):
        yield "the key is never rotated: set rotationPeriod"


def control_plane_logs(resources: Sequence[Resource], region: fleet.Region) -> Iterator[Violation]:
    """Who did what is written down, and kept for a time that somebody chose."""
    for resource in resources:
        if resource.type == EKS and not {"api", "audit", "authenticator"} <= set(
            resource.get("enabledClusterLogTypes") or ()
        ):
            yield Violation(
                resource, "the control plane's logs are off: enabledClusterLogTypes wants api, audit, authenticator"
            )
        if resource.type == GKE and "APISERVER" not in (resource.get("loggingConfig.enableComponents") or ()):
            yield Violation(
                resource, "the control plane's logs are off: loggingConfig.enableComponents wants APISERVER"
            )
        if resource.type == AKS and not any(_audits(other) for other in resources):
            yield Violation(
                resource, "the control plane's logs are off: a DiagnosticSetting has to ask for kube-audit-admin"
            )
        if resource.type == "aws:cloudwatch/logGroup:LogGroup" and not resource.get("retentionInDays"):
            yield Violation(resource, "logs are kept for ever: set retentionInDays")


def static_credentials(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """Nothing signs in by a secret that does not end: roles and workload identity do."""
    if resource.type == AKS:
        if not resource.get("disableLocalAccounts", False):
            yield "the cluster has local accounts, whose credentials do not end: set disableLocalAccounts"
    elif resource.type == GKE:
        if resource.get("masterAuth.clientCertificateConfig.issueClientCertificate", False):
            yield "the cluster issues a client certificate, which cannot be taken back"
    elif resource.type.startswith("pulumi:providers:"):
        given = {"accessKey", "secretKey", "credentials", "clientSecret", "clientCertificatePassword"} & set(
            resource.properties
        )
        if given:
            yield f"the provider is given {', '.join(sorted(given))}: let it sign in by the environment's own identity"
    else:
        yield "a credential that does not end: use a role or workload identity"


def deletion_protection(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """In protected regions the clouds refuse too, whatever tool asks."""
    if region.protected and not resource.get("deletionProtection", resource.type == GKE):
        yield f"region {region.name} is protected: set deletionProtection"


def protected(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """In protected regions Pulumi refuses to delete or replace what holds data. `regions:protect: false` in the stack file,
    which is reviewed and in git, is the exception, on record with who and why."""
    if resource.type == NAMESPACE and resource.get("metadata.name") not in region.settings.applications:
        return  # a controller's: nothing in it that `up` does not make again
    if region.protected and not resource.protect:
        yield (
            f"region {region.name} is protected, and this could be deleted or replaced: pass protect, or record the "
            "exception (regions:protect: false)"
        )


def tagged(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """Everything says whose it is: by the provider on AWS and Google Cloud, but for what others start; on Azure each by itself."""
    if resource.type == "pulumi:providers:aws":
        found = [_decoded(resource.get("defaultTags", {})).get("tags") or {}]
    elif resource.type == "pulumi:providers:gcp":
        found = [_decoded(resource.get("defaultLabels", {}))]
    elif resource.type == "aws:ec2/launchTemplate:LaunchTemplate":
        specified = resource.get("tagSpecifications") or ()
        found = [{}, *(each.get("tags") or {} for each in specified)][1:] or [{}]
    else:
        found = [resource.get("tags") or {}]
    for tags in found:
        wrong = [key for key in SCHEME if tags.get(key) != region.tags[key]]
        if wrong:
            yield f"not tagged as region {region.name}: {', '.join(wrong)}"
            return


def residency(resource: Resource, region: fleet.Region) -> Iterator[str]:
    """A tenant's data stays where policy/residency.yaml lets it be."""
    cloud, tenant = region.settings.cloud, region.settings.tenant
    given = resource.get("location") or resource.get("region")
    if not isinstance(given, str) or given == "global":
        return
    why = refusal(residency_of(), tenant, cloud, given)
    if why:
        yield why


def node_ceiling(resources: Sequence[Resource], region: fleet.Region) -> Iterator[Violation]:
    """A mistyped number does not buy a data centre."""
    most = {
        "aws:eks/nodeGroup:NodeGroup": lambda r: r.get("scalingConfig.maxSize", 0),
        "gcp:container/nodePool:NodePool": lambda r: r.get("autoscaling.totalMaxNodeCount", 0),
        "azure-native:containerservice:AgentPool": lambda r: r.get("maxCount", 0),
    }
    pools = [resource for resource in resources if resource.type in most]
    total, allowed = sum(int(most[pool.type](pool)) for pool in pools), MAX_NODES[region.settings.size]
    if total > allowed:
        what = f"{total} nodes at most, and a {region.settings.size} region may have {allowed}"
        yield Violation(pools[-1], f"{what}: lower maxNodes, or take a larger regions:size")


RULES = (
    Rule("api-endpoint", "No API server is open to the world", (EKS, GKE, AKS), api_endpoint),
    Rule(
        "open-ports",
        "No firewall rule lets the whole world in",
        ("aws:ec2/securityGroup:SecurityGroup", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
         "gcp:compute/firewall:Firewall", "azure-native:network:SecurityRule"),
        open_ports,
    ),
    Rule(
        "private-nodes",
        "No node has a public address",
        ("aws:ec2/subnet:Subnet", GKE, "azure-native:containerservice:AgentPool"),
        private_nodes,
    ),
    Rule(
        "encrypted-secrets",
        "Kubernetes' secrets are encrypted by a key of the region's own",
        (EKS, GKE, AKS),
        encrypted_secrets,
    ),
    Rule(
        "encrypted-disks",
        "All disks are encrypted",
        ("aws:ec2/launchTemplate:LaunchTemplate", "aws:ebs/volume:Volume", "kubernetes:storage.k8s.io/v1:StorageClass"),
        encrypted_disks,
    ),
    Rule("rotated-keys", "Keys are rotated", ("aws:kms/key:Key", "gcp:kms/cryptoKey:CryptoKey"), rotated_keys),
    Rule("control-plane-logs", "The control plane's logs are on, and end", together=control_plane_logs),
    Rule(
        "static-credentials",
        "Nothing signs in by a secret that does not end",
        (AKS, GKE, "pulumi:providers:", *STATIC_CREDENTIALS),
        static_credentials,
    ),
    Rule("deletion-protection", "Clusters of protected regions refuse deletion", (EKS, GKE), deletion_protection),
    Rule("protected", "What holds data in protected regions is protected", PROTECTED_KINDS, protected),
    Rule(
        "tagged",
        "Everything says whose it is",
        ("pulumi:providers:aws", "pulumi:providers:gcp", "aws:ec2/launchTemplate:LaunchTemplate", AKS,
         "azure-native:resources:ResourceGroup", "azure-native:containerservice:AgentPool", "azure-native:keyvault:Vault",
         "azure-native:network:VirtualNetwork", "azure-native:operationalinsights:Workspace"),
        tagged,
    ),
    Rule(
        "residency",
        "A tenant's data stays where it may be",
        ("aws:", "gcp:", "azure-native:", "pulumi:providers:"),
        residency,
    ),
    Rule("node-ceiling", "A region has no more nodes than its size allows", together=node_ceiling),
)  # fmt: skip
"""All of them. tests/policy has, for each, a case in which it fires and one in which it does not."""


def _world(ranges: Iterable[Any]) -> bool:
    return any(each in WORLD for each in ranges)


def _audits(resource: Resource) -> bool:
    if resource.type != "azure-native:monitor:DiagnosticSetting":
        return False
    asked = {log.get("category") for log in resource.get("logs") or () if log.get("enabled")}
    return bool({"kube-audit", "kube-audit-admin"} & asked)


def _decoded(value: Any) -> Mapping[str, Any]:
    """A provider's inputs go over the wire as JSON in strings."""
    decoded: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return decoded


@cache
def residency_of() -> Mapping[str, list[str]]:
    return dict(yaml.safe_load((Path(__file__).parents[1] / RESIDENCY_FILE).read_text()))
