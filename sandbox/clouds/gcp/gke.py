"""Rules of the SIMULATED Google Cloud for GKE clusters, which are real.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-google,
google/services/container/resource_container_cluster.go.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.clouds.core import kubernetes_versions, property_paths
from sandbox.clouds.core.clusters import encoded_authority, host_and_port
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
from sandbox.clouds.core.store import Transaction
from sandbox.clouds.gcp import identity, network
from sandbox.clouds.gcp.maintenance import enough_maintenance
from sandbox.clouds.gcp.node_pools import (
    CLUSTER,
    CLUSTERS,
    MISSING_ACCOUNT,
    NODE_CONFIG_REPLACES,
    fitting_disk,
    join_nodes,
    known_machine_type,
    sandbox_cluster,
)
from sandbox.clouds.gcp.paths import deletion_policy, full_path, to
from sandbox.clouds.gcp.zones import exists, project_number, region_of, zones

_SUFFIX: Final = "-gke.1001000"


_ENCRYPTER: Final = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


_DEFAULT_POOL: Final = "default-pool"


def version(minor: str) -> str:
    """A GKE version of a minor version."""
    return kubernetes_versions.full(minor, _SUFFIX)


class _GkeCluster(Effect):
    """The control plane behind a GKE cluster, and its default pool unless that is to be removed."""

    outputs = ("endpoint", "masterAuth.clusterCaCertificate")

    def create(self, context: Context) -> dict[str, Any]:
        """Start the control plane."""
        access = context.clusters.create_cluster(sandbox_cluster(context), str(context["masterVersion"]))
        address = host_and_port(access)
        context.clusters.trust(access)
        if not (context.get("removeDefaultNodePool") or context.get("enableAutopilot")):
            config = context.inputs.get("nodeConfig") or {}
            join_nodes(
                context,
                str(context["name"]),
                _DEFAULT_POOL,
                config,
                int(context.get("initialNodeCount") or 1),
            )
        live = {
            # Google's endpoint is an address without scheme or port. Programs add https:// to it.
            "endpoint": address,
            "masterAuth.clusterCaCertificate": encoded_authority(access),
            # There is no name service in the sandbox, so the DNS endpoint is the same address.
            "controlPlaneEndpointsConfig.dnsEndpointConfig.endpoint": address,
            "sandboxCluster": sandbox_cluster(context),
            "sandboxEndpoint": access.endpoint,
        }
        if context.inputs.get("privateClusterConfig"):
            live |= {
                "privateClusterConfig.privateEndpoint": address,
                "privateClusterConfig.publicEndpoint": address,
            }
        return live

    def update(self, context: Context) -> dict[str, Any]:
        """Give a new version to the supervisor. Other changes are on record only."""
        if context.inputs.get("minMasterVersion") != context.old_inputs.get("minMasterVersion"):
            context.clusters.create_cluster(sandbox_cluster(context), str(context["masterVersion"]))
        return {}

    def delete(self, context: Context) -> None:
        """Stop the control plane."""
        context.clusters.distrust(f"https://{context['endpoint']}")
        context.clusters.delete_cluster(sandbox_cluster(context))


@documented_at("cloud.google.com/kubernetes-engine/docs/how-to/upgrading-a-cluster")
def _version_offered(context: Context, tx: Transaction) -> None:
    prefix, old = context.inputs.get("minMasterVersion"), context.old_inputs.get("minMasterVersion")
    if not is_known(prefix) or prefix == "latest":
        return
    if kubernetes_versions.minor(str(prefix)) is None:
        raise CloudError(f'googleapi: Error 400: No valid versions with the prefix "{prefix}" found., badRequest')
    if is_known(old) and old != "latest" and not kubernetes_versions.may_upgrade(str(old), str(prefix)):
        raise CloudError(
            f'googleapi: Error 400: Master cannot be upgraded to "{prefix}": cannot upgrade the master more'
            f" than a minor version at a time (it is {old})., badRequest"
        )


@documented_at("cloud.google.com/compute/docs/regions-zones")
def _location_exists(context: Context, tx: Transaction) -> None:
    location = str(context["location"])
    if not exists(location):
        raise CloudError(f'googleapi: Error 400: Location "{location}" does not exist., badRequest')


def _vulnerability_mode(context: Context, tx: Transaction) -> None:
    """Deprecated, and no longer supported, says the enum in the discovery document of container.googleapis.com, v1."""
    mode = context.get("securityPostureConfig.vulnerabilityMode")
    if mode == "VULNERABILITY_BASIC":
        raise CloudError(f"googleapi: Error 400: Vulnerability mode {mode} is no longer supported., badRequest")


def _needs_a_pool(context: Context, tx: Transaction) -> None:
    if not context.inputs.get("initialNodeCount") and not (
        context.get("enableAutopilot") or context.inputs.get("nodePools")
    ):
        raise CloudError("googleapi: Error 400: Cluster.initial_node_count must be greater than zero., badRequest")


@documented_at("cloud.google.com/kubernetes-engine/docs/how-to/alias-ips")
def _secondary_ranges(context: Context, tx: Transaction) -> None:
    subnet = context.inputs.get("subnetwork")
    if not is_known(subnet):
        return
    row = context.find((network.SUBNETWORK,), _subnetwork_path(context, str(subnet)))
    names = set(property_paths.get_all(row.inputs, "secondaryIpRanges.rangeName")) if row is not None else set()
    for key, kind in (("clusterSecondaryRangeName", "Pod"), ("servicesSecondaryRangeName", "Services")):
        name = context.get(f"ipAllocationPolicy.{key}")
        if is_known(name) and name not in names:
            raise CloudError(
                f'googleapi: Error 400: {kind} secondary range "{name}" not found in subnet "{subnet}"., badRequest'
            )


def _subnetwork_path(context: Context, value: str) -> str:
    folder = network.SUBNETWORKS.replace("{region}", region_of(str(context["location"])))
    return full_path(folder)(context, value)


@documented_at("cloud.google.com/kubernetes-engine/docs/how-to/encrypting-secrets")
def _key_granted(context: Context, tx: Transaction) -> None:
    key = context.get("databaseEncryption.keyName")
    if not is_known(key) or context.get("databaseEncryption.state") != "ENCRYPTED":
        return
    agent = identity.robot(str(context["project"]), "container.googleapis.com")
    for row in tx.of_type(identity.CRYPTO_KEY_MEMBER, ""):
        if (row.inputs["cryptoKeyId"], row.inputs["role"]) == (key, _ENCRYPTER) and row.inputs["member"].endswith(
            agent
        ):
            return
    raise CloudError(
        f"googleapi: Error 400: Cloud KMS key {key} cannot be used: grant {_ENCRYPTER} on it to"
        f" serviceAccount:{agent}"
        " first., failedPrecondition"
    )


def _not_protected(context: Context, tx: Transaction) -> None:
    if context.get("deletionProtection", True):
        raise CloudError(
            "Cannot destroy cluster because deletion_protection is set to true. Set it to false to proceed"
            " with cluster"
            " deletion."
        )


def _dns_endpoint(context: Context) -> str:
    number, region = project_number(str(context["project"])), region_of(str(context["location"]))
    return f"gke-{context['hex40']}-{number}.{region}.gke.goog"


def _master_version(context: Context) -> str:
    """The version that the program asks for, or a later patch that the cluster has already (`sandbox.clouds.gcp.patches`)."""
    prefix = str(context.inputs.get("minMasterVersion") or kubernetes_versions.DEFAULT)
    wanted = version(kubernetes_versions.MINORS[-1] if prefix == "latest" else prefix)
    row = context.find((CLUSTER,), context.id) if context.id else None
    present = str((row.outputs if row else {}).get("masterVersion") or "")
    return present if kubernetes_versions.minor(present) == kubernetes_versions.minor(wanted) else wanted


RULES: Final = (
    ResourceRule(
        CLUSTER,
        source="cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters",
        name_patterns={"name": r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?"},
        id=CLUSTERS + "{name}",
        name=Name(),
        exists="googleapi: Error 409: Already exists: {id}., alreadyExists",
        replace=(
            *("name", "location", "project", "network", "subnetwork", "description", "clusterIpv4Cidr"),
            *("confidentialNodes", "datapathProvider", "defaultMaxPodsPerNode", "enableAutopilot"),
            *(
                "enableKubernetesAlpha",
                "enableMultiNetworking",
                "enableTpu",
                "initialNodeCount",
                "networkingMode",
            ),
            *("ipAllocationPolicy.clusterIpv4CidrBlock", "ipAllocationPolicy.clusterSecondaryRangeName"),
            *("ipAllocationPolicy.servicesIpv4CidrBlock", "ipAllocationPolicy.servicesSecondaryRangeName"),
            *("ipAllocationPolicy.stackType", "masterAuth.clientCertificateConfig"),
            *("privateClusterConfig.masterIpv4CidrBlock", "privateClusterConfig.privateEndpointSubnetwork"),
            *NODE_CONFIG_REPLACES,
        ),
        defaults={
            "deletionProtection": True,
            "enableShieldedNodes": True,
            "enableLegacyAbac": False,
            "enableKubernetesAlpha": False,
            "enableTpu": False,
        },
        outputs={
            "selfLink": "https://container.googleapis.com/v1/{id}",
            "masterVersion": _master_version,
            "nodeVersion": "{masterVersion}",
            "emulatedVersion": "",
            "labelFingerprint": "{hex8}",
            "servicesIpv4Cidr": "34.118.224.0/20",
            "clusterIpv4Cidr": "10.112.0.0/14",
            "networkingMode": "VPC_NATIVE",
            "datapathProvider": "LEGACY_DATAPATH",
            "loggingService": "logging.googleapis.com/kubernetes",
            "monitoringService": "monitoring.googleapis.com/kubernetes",
            "network": lambda c: c.text(network.NETWORKS) + "default",
            "nodeLocations": lambda c: zones(str(c["location"])),
            "releaseChannel.channel": "REGULAR",
            "masterAuth.clientCertificateConfig.issueClientCertificate": False,
            "masterAuth.clientCertificate": "",
            "masterAuth.clientKey": "",
            "databaseEncryption.state": "DECRYPTED",
            "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic": False,
            "controlPlaneEndpointsConfig.dnsEndpointConfig.endpoint": _dns_endpoint,
            "controlPlaneEndpointsConfig.ipEndpointsConfig.enabled": True,
        },
        volatile=("masterVersion", "labelFingerprint"),
        references=(
            to("network", network.NETWORK, network.NETWORKS),
            Reference(
                "subnetwork",
                network.SUBNETWORK,
                'googleapi: Error 404: Subnetwork "{value}" does not exist, notFound',
                delete_error="googleapi: Error 400: The subnetwork resource '{target}' is already being used by"
                " '{holder}', resourceInUseByAnotherResource",
                value=_subnetwork_path,
            ),
            Reference(
                "databaseEncryption.keyName",
                identity.CRYPTO_KEY,
                "googleapi: Error 400: CryptoKey {value} not found., badRequest",
            ),
            Reference("nodeConfig.serviceAccount", identity.ACCOUNT, MISSING_ACCOUNT, foreign=("default",)),
        ),
        checks=(
            *(_location_exists, _version_offered, _needs_a_pool),
            *(_secondary_ranges, _key_granted, known_machine_type, fitting_disk, enough_maintenance),
            _vulnerability_mode,
        ),
        protected=(_not_protected, deletion_policy),
        effect=_GkeCluster(),
    ),
)
