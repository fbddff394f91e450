"""Rules of the SIMULATED Azure for AKS: managed clusters are real, maintenance windows are kept as records.

The `replace` paths are from pulumi/pulumi-azure-native, provider/pkg/gen/replacement.go (ContainerService,
ManagedCluster), which names the properties of `networkProfile` one by one.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.clouds.azure import identity, network, prerequisites
from sandbox.clouds.azure.agent_pools import (
    AGENT_POOL,
    CLUSTER,
    CLUSTERS,
    POOL_STATE,
    join_nodes,
    refuse_bad_pool,
    sandbox_cluster,
)
from sandbox.clouds.azure.common import arm, cluster_operation, path, to
from sandbox.clouds.core import kubernetes_versions, nodes
from sandbox.clouds.core.clusters import host_and_port
from sandbox.clouds.core.model import CloudError, Context, Effect, documented_at, is_known
from sandbox.clouds.core.store import Transaction

_POOL_PATH: Final = ("resourceGroupName", "resourceName", "agentPoolName")
_SCHEDULES: Final = ("default", "aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule")


class _AksCluster(Effect):
    """The control plane behind an AKS cluster, and the pools that are written inside it."""

    outputs = ("fqdn", "privateFQDN", "azurePortalFQDN")

    def create(self, context: Context) -> dict[str, Any]:
        """Start the control plane."""
        access = context.clusters.create_cluster(sandbox_cluster(context), str(context["currentKubernetesVersion"]))
        self._pools(context)
        # There is no name service in the sandbox, so both names are the address.
        address = host_and_port(access)
        private = bool(context.get("apiServerAccessProfile.enablePrivateCluster"))
        hidden = private and context.get("apiServerAccessProfile.enablePrivateClusterPublicFQDN") is False
        return {
            "fqdn": None if hidden else address,
            "privateFQDN": address if private else None,
            "azurePortalFQDN": address,
            "sandboxCluster": sandbox_cluster(context),
            "sandboxEndpoint": access.endpoint,
        }

    def update(self, context: Context) -> dict[str, Any]:
        """Bring version and inline pools up to date. Other changes are on record only."""
        if context.inputs.get("kubernetesVersion") != context.old_inputs.get("kubernetesVersion"):
            context.clusters.create_cluster(sandbox_cluster(context), str(context["currentKubernetesVersion"]))
        self._pools(context)
        removed = {p["name"] for p in context.old_inputs.get("agentPoolProfiles") or ()} - {
            p["name"] for p in context.inputs.get("agentPoolProfiles") or ()
        }
        for name in sorted(removed):
            context.clusters.delete_node_pool(sandbox_cluster(context), name)
        return {}

    def delete(self, context: Context) -> None:
        """Stop the control plane."""
        context.clusters.delete_cluster(sandbox_cluster(context))

    @staticmethod
    def _pools(context: Context) -> None:
        for pool in context.inputs.get("agentPoolProfiles") or ():
            join_nodes(context, pool, pool["name"], str(context["location"]), str(context["nodeResourceGroup"]))


@documented_at("learn.microsoft.com/azure/aks/use-system-pools")
def _cluster_pools(context: Context, tx: Transaction) -> None:
    pools = context.inputs.get("agentPoolProfiles") or []
    if not any(str(pool.get("mode")).lower() == "system" for pool in pools):
        raise CloudError("InvalidParameter: There has to be at least one system agent pool.")
    for pool in pools:
        refuse_bad_pool(pool, str(pool["name"]))
        if str(pool.get("mode")).lower() == "system":
            _refuse_small_system_pool(pool)


def _refuse_small_system_pool(pool: dict[str, Any]) -> None:
    """Refuse a system pool below the limits of AKS: four CPUs, and no machine of the B series."""
    name, type_ = pool["name"], str(pool["vmSize"])
    shape = nodes.machine("azure-native", type_)
    assert shape is not None  # refused by refuse_bad_pool
    if shape.cpus < 4 or type_.lower().startswith("standard_b"):
        raise CloudError(
            f"InvalidParameter: The VM size {type_} of system node pool {name} is not allowed: system node pools require at"
            " least 4 vCPUs, and no B series."
        )


@documented_at("learn.microsoft.com/azure/templates/microsoft.containerservice/managedclusters")
def _needed(context: Context, tx: Transaction) -> None:
    if not (context.get("dnsPrefix") or context.get("fqdnSubdomain")):
        raise CloudError("InvalidParameter: Required parameter dnsPrefix is missing (null).")
    if not (context.get("identity") or context.get("servicePrincipalProfile")):
        raise CloudError("ServicePrincipalProfileNotFound: the cluster needs an identity or a servicePrincipalProfile.")
    if context.get("disableLocalAccounts") and not context.get("aadProfile.managed"):
        raise CloudError(
            "InvalidParameter: disableLocalAccounts can only be enabled for a cluster with managed"
            " Microsoft Entra ID"
            " (aadProfile.managed)."
        )


@documented_at("learn.microsoft.com/azure/aks/supported-kubernetes-versions")
def _version_offered(context: Context, tx: Transaction) -> None:
    version, old = context.inputs.get("kubernetesVersion"), context.old_inputs.get("kubernetesVersion")
    if not is_known(version):
        return
    if kubernetes_versions.minor(str(version)) is None:
        raise CloudError(
            f"K8sVersionNotSupported: Managed cluster is on version {version}, which is not supported in this region."
        )
    if is_known(old) and not kubernetes_versions.may_upgrade(str(old), str(version)):
        raise CloudError(f"OperationNotAllowed: Upgrading Kubernetes version {old} to {version} is not allowed.")


@documented_at("learn.microsoft.com/azure/aks/planned-maintenance")
def _schedule_name(context: Context, tx: Transaction) -> None:
    if context["configName"] not in _SCHEDULES:
        raise CloudError(
            f"InvalidMaintenanceConfigurationName: '{context['configName']}' must be one of {', '.join(_SCHEDULES)}."
        )


def _identities(context: Context, ids: Any) -> Any:
    """Azure answers with a map where the SDK takes a list of ids."""
    rows = {str(id_): context.find((identity.IDENTITY,), str(id_)) for id_ in ids}
    return {
        id_: {"clientId": row.outputs["clientId"], "principalId": row.outputs["principalId"]} if row else {}
        for id_, row in rows.items()
    }


def _profiles(context: Context, pools: Any) -> Any:
    """Inline pools come back with their state."""
    version = {
        "currentOrchestratorVersion": context["currentKubernetesVersion"],
        "powerState": {"code": "Running"},
    }
    return [POOL_STATE | version | pool for pool in pools]


def _all_pools(context: Context, tx: Transaction) -> tuple[dict[str, Any], dict[str, Any]]:
    """A read shows all pools of the cluster: github.com/pulumi/pulumi-azure-native/issues/2059, and 2719."""
    cluster = tx.by_handle(CLUSTER, "", context.id.lower())
    assert cluster is not None
    inline, states = context.inputs.get("agentPoolProfiles") or [], context.outputs.get("agentPoolProfiles") or []
    rows = [row for row, _ in tx.holders(cluster.uid) if row.type == AGENT_POOL]
    pools = [
        {key: value for key, value in row.inputs.items() if key not in _POOL_PATH and not key.startswith("__")}
        | {"name": row.inputs["agentPoolName"], "count": row.outputs["count"]}
        for row in rows
    ]
    return {"agentPoolProfiles": [*inline, *pools]}, {"agentPoolProfiles": [*states, *_profiles(context, pools)]}


def _no_new_pools(context: Context, tx: Transaction) -> None:
    """AKS adds no pool by an update of the cluster: github.com/pulumi/pulumi-azure-native/issues/579."""
    cluster = tx.by_handle(CLUSTER, "", context.id.lower()) if context.old_inputs else None
    if cluster is None:
        return
    names = {pool["name"] for pool in cluster.inputs.get("agentPoolProfiles") or ()}
    names |= {row.inputs["agentPoolName"] for row, _ in tx.holders(cluster.uid) if row.type == AGENT_POOL}
    if not {pool["name"] for pool in context.inputs.get("agentPoolProfiles") or ()} <= names:
        raise CloudError(
            "BadRequest: A new agent pool was introduced. Adding agent pools to an existing cluster is not allowed through"
            " managed cluster operations. For agent pool specific change, please use per agent pool operations."
        )


def _kubelet_identity(context: Context) -> Any:
    name = f"{context['resourceName']}-agentpool"
    return {
        "kubeletidentity": {
            "clientId": context["uuid"],
            "objectId": context["uuid"],
            "resourceId": context.text("/subscriptions/{subscription}/resourceGroups/{nodeResourceGroup}")
            + f"/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}",
        }
    }


def _if(path_: str, value: str) -> Any:
    """A template that counts only where an input is set."""
    return lambda context: context.text(value) if context.get(path_) else None


def _if_system_assigned(value: str) -> Any:
    return lambda context: context.text(value) if context.get("identity.type") == "SystemAssigned" else None


_NETWORK_REPLACES: Final = tuple(
    f"networkProfile.{name}"
    for name in (
        *("serviceCidr", "serviceCidrs", "dnsServiceIP", "networkMode", "networkPlugin", "networkPluginMode"),
        *("podCidr", "networkDataplane", "networkPolicy", "outboundType"),
    )
)


RULES: Final = (
    arm(
        CLUSTER,
        CLUSTERS,
        "resourceName",
        name_pattern=r"[A-Za-z0-9]([\w-]{0,61}[A-Za-z0-9])?",
        replace=(
            *(
                "location",
                "diskEncryptionSetID",
                "dnsPrefix",
                "fqdnSubdomain",
                "linuxProfile",
                "nodeResourceGroup",
            ),
            *("windowsProfile", *_NETWORK_REPLACES),
        ),
        outputs={
            "currentKubernetesVersion": lambda c: kubernetes_versions.full(
                str(c.inputs.get("kubernetesVersion") or kubernetes_versions.DEFAULT)
            ),
            "kubernetesVersion": kubernetes_versions.DEFAULT,
            "nodeResourceGroup": "MC_{resourceGroupName}_{resourceName}_{location}",
            "maxAgentPools": 100,
            "powerState": {"code": "Running"},
            "resourceUID": "{hex24}",
            "enableRBAC": True,
            "supportPlan": "KubernetesOfficial",
            "sku": {"name": "Base", "tier": "Free"},
            "identity.principalId": _if_system_assigned("{uuid}"),
            "identity.tenantId": _if_system_assigned("{tenant}"),
            "identityProfile": _kubelet_identity,
            "oidcIssuerProfile.issuerURL": _if(
                "oidcIssuerProfile.enabled", "https://{location}.oic.prod-aks.azure.com/{tenant}/{uuid}/"
            ),
            "networkProfile.networkPlugin": "azure",
            "networkProfile.serviceCidr": "10.0.0.0/16",
            "networkProfile.dnsServiceIP": "10.0.0.10",
            "networkProfile.loadBalancerSku": "standard",
            "networkProfile.outboundType": "loadBalancer",
        },
        rewrites={"identity.userAssignedIdentities": _identities, "agentPoolProfiles": _profiles},
        volatile=("currentKubernetesVersion",),
        references=(
            to("agentPoolProfiles.vnetSubnetID", network.SUBNET, delete_error=network.SUBNET_IN_USE),
            to("apiServerAccessProfile.subnetId", network.SUBNET, delete_error=network.SUBNET_IN_USE),
            to("apiServerAccessProfile.privateDNSZone", network.PRIVATE_ZONE, foreign=("system", "none")),
            to("identity.userAssignedIdentities", identity.IDENTITY, immediate=True),
            to("securityProfile.azureKeyVaultKms.keyId", identity.KEY),
            to("securityProfile.defender.logAnalyticsWorkspaceResourceId", identity.WORKSPACE),
            to("addonProfiles.omsagent.config.logAnalyticsWorkspaceResourceID", identity.WORKSPACE),
        ),
        checks=(
            _needed,
            _version_offered,
            _cluster_pools,
            _no_new_pools,
            prerequisites.zone_name,
            prerequisites.identity_roles,
        ),
        effect=_AksCluster(),
        reads=_all_pools,
        **cluster_operation(CLUSTERS),
    ),
    arm(
        "azure-native:containerservice:MaintenanceConfiguration",
        f"{CLUSTERS}/maintenanceConfigurations/{{configName}}",
        "configName",
        pattern="{name}",
        references=(to("resourceName", CLUSTER, cascade=True, value=path(CLUSTERS)),),
        checks=(_schedule_name,),
    ),
)
