"""Rules of the SIMULATED Azure for AKS agent pools, whose nodes join a real cluster.

The `replace` paths are from pulumi/pulumi-azure-native, provider/pkg/gen/replacement.go (ContainerService, AgentPool).
"""

from __future__ import annotations

import re
from typing import Any, Final

from sandbox.clouds.azure import network
from sandbox.clouds.azure.common import arm, cluster_operation, path, to
from sandbox.clouds.core import kubernetes_versions, nodes
from sandbox.clouds.core.model import CloudError, Context, Effect, documented_at, is_known
from sandbox.clouds.core.store import Transaction

CLUSTER: Final = "azure-native:containerservice:ManagedCluster"


AGENT_POOL: Final = "azure-native:containerservice:AgentPool"


CLUSTERS: Final = "Microsoft.ContainerService/managedClusters/{resourceName}"


_FIXED: Final = (
    # Properties that AKS refuses to change, though the provider tries (PropertyChangeNotAllowed).
    *(
        "availabilityZones",
        "enableUltraSSD",
        "kubeletConfig",
        "linuxOSConfig",
        "maxPods",
        "nodePublicIPPrefixID",
    ),
    *("osDiskSizeGB", "osDiskType", "osType", "podSubnetID", "scaleSetPriority", "vnetSubnetID"),
)


POOL_STATE: Final = {
    "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202608.01.0",
    "provisioningState": "Succeeded",
}


def sandbox_cluster(context: Context) -> str:
    """The name under which the supervisor runs a cluster."""
    return f"azure/{context['subscription']}/{context['resourceGroupName']}/{context['resourceName']}"


def _taints(texts: list[str]) -> list[dict[str, str]]:
    taints = []
    for text in texts:
        pair, _, effect = text.rpartition(":")
        key, _, value = pair.partition("=")
        taints.append(nodes.taint(key, value, effect))
    return taints


def node_count(pool: dict[str, Any]) -> int:
    """The nodes of a pool: by its count, and with autoscaling at least its minimum."""
    return max(int(pool.get("count") or 0), int(pool.get("minCount") or 0) if pool.get("enableAutoScaling") else 0)


def join_nodes(context: Context, pool: dict[str, Any], name: str, location: str, node_group: str) -> None:
    """Set the nodes of a pool, inline or not, to the pool's inputs."""
    type_ = str(pool["vmSize"])
    shape = nodes.machine("azure-native", type_)
    assert shape is not None  # refused by refuse_bad_pool
    region = location.lower().replace(" ", "")
    zones = [f"{region}-{zone}" for zone in pool.get("availabilityZones") or ()] or ["0"]
    mode = str(pool.get("mode") or "User").lower()
    spec = nodes.Pool(
        cloud="azure-native",
        region=region,
        machine_type=type_,
        machine=shape,
        labels={
            "agentpool": name,
            "kubernetes.azure.com/agentpool": name,
            "kubernetes.azure.com/cluster": node_group,
            "kubernetes.azure.com/mode": mode,
            "kubernetes.azure.com/os-sku": str(pool.get("osSKU") or "Ubuntu"),
            **(pool.get("nodeLabels") or {}),
        },
        taints=_taints(pool.get("nodeTaints") or []),
        zone_labels=("topology.disk.csi.azure.com/zone",),
    )
    count = node_count(pool)
    digits = nodes.stable_digits(node_group, 8)
    hosts = ((f"aks-{name}-{digits}-vmss{index:06d}", zone) for index, zone in enumerate(nodes.spread(count, zones)))
    context.clusters.set_node_pool(sandbox_cluster(context), name, nodes.build(spec, hosts))


class _AgentPoolEffect(Effect):
    """The nodes of an agent pool."""

    outputs = ()

    def create(self, context: Context) -> dict[str, Any]:
        """Join the nodes, spread over the pool's zones."""
        cluster = context.find((CLUSTER,), context.text(path(CLUSTERS)))
        assert cluster is not None  # a reference of the rule
        location, group = str(cluster.outputs["location"]), str(cluster.outputs["nodeResourceGroup"])
        join_nodes(context, context.inputs, str(context["agentPoolName"]), location, group)
        return {"sandboxCluster": sandbox_cluster(context)}

    def update(self, context: Context) -> dict[str, Any]:
        """Scale, label and taint. The autoscaler brings a pool to its minimum, and takes away no node that is in use."""
        self.create(context)
        return {"count": node_count(context.inputs)}

    def delete(self, context: Context) -> None:
        """Take the nodes away."""
        context.clusters.delete_node_pool(sandbox_cluster(context), str(context["agentPoolName"]))


def refuse_bad_pool(pool: dict[str, Any], name: str, current: int | None = None) -> None:
    """Apply AKS's refusals for any pool, inline or not. `current` is the number of nodes of a pool that exists."""
    if not re.fullmatch(r"[a-z][a-z0-9]{0,11}", name):
        raise CloudError(
            f"InvalidParameter: The value of parameter agentPoolProfile.name is invalid: '{name}'. Agent"
            f" pool names are"
            " lower-case letters and digits, start with a letter and have at most 12 characters."
        )
    if pool.get("count") is None:
        raise CloudError(
            f"InvalidParameter: Required parameter agentPoolProfile.count is missing (null) in pool {name};"
            f" it is required"
            " with autoscaling, too."
        )
    if nodes.machine("azure-native", str(pool.get("vmSize"))) is None:
        raise CloudError(f"InvalidParameter: The VM size of Agent Pool {name} is not allowed: {pool.get('vmSize')}.")
    if pool.get("enableAutoScaling") and current is None:
        least, most = pool.get("minCount"), pool.get("maxCount")
        if least is None or most is None or not least <= pool["count"] <= most:
            raise CloudError(
                f"InvalidParameter: agentPoolProfile.count was {pool['count']}. It must be greater or equal to minCount:{least}"
                f" and less than or equal to maxCount:{most}. ({name})"
            )
    # github.com/hashicorp/terraform-provider-azurerm/pull/4543. A minimum above the count is fine:
    # github.com/Azure/azure-cli-extensions/pull/1606.
    if pool.get("enableAutoScaling") and current is not None and pool["count"] != current:
        raise CloudError(
            f"InvalidParameter: Cannot manually scale AgentPool '{name}' of an AKS cluster with cluster autoscaler enabled."
            " Please disable cluster autoscaler in the cluster to manually scale."
        )
    unknown = [zone for zone in pool.get("availabilityZones") or () if zone not in ("1", "2", "3")]
    if unknown:
        raise CloudError(f"InvalidParameter: The zone(s) '{', '.join(unknown)}' for pool {name} are not supported.")


def _agent_pool(context: Context, tx: Transaction) -> None:
    row = context.find((AGENT_POOL,), context.id) if context.old_inputs else None
    scales = row is not None and row.inputs.get("enableAutoScaling")
    refuse_bad_pool(context.inputs, str(context["agentPoolName"]), row.outputs["count"] if row and scales else None)
    if row is None:
        return
    for name in _FIXED:
        if context.inputs.get(name) != context.old_inputs.get(name):
            raise CloudError(f"PropertyChangeNotAllowed: Changing property 'properties.{name}' is not allowed.")


@documented_at("learn.microsoft.com/azure/aks/upgrade-aks-node-pools-rolling")
def _not_ahead(context: Context, tx: Transaction) -> None:
    version, control_plane = context.inputs.get("orchestratorVersion"), _cluster_version(context)
    if is_known(version) and is_known(control_plane) and kubernetes_versions.newer(str(version), str(control_plane)):
        raise CloudError(
            f"NodePoolMcVersionIncompatible: Node pool version {version} and control plane version {control_plane} are"
            " incompatible. Minor version of node pool version cannot be bigger than control plane's version."
        )


def _count_now(context: Context, tx: Transaction) -> tuple[dict[str, Any], dict[str, Any]]:
    """A read shows the number of nodes that the autoscaler has set."""
    return {"count": context.outputs["count"]}, {}


RULES: Final = (
    arm(
        AGENT_POOL,
        f"{CLUSTERS}/agentPools/{{agentPoolName}}",
        "agentPoolName",
        replace=("gpuInstanceProfile", "vmSize", "networkProfile.nodePublicIPTags"),
        outputs={
            **POOL_STATE,
            "type": "VirtualMachineScaleSets",
            "mode": "User",
            "osType": "Linux",
            "osSKU": "Ubuntu",
            "maxPods": 110,
            "osDiskSizeGB": 128,
            "powerState": {"code": "Running"},
            "currentOrchestratorVersion": lambda c: _cluster_version(c),
        },
        references=(
            to("resourceName", CLUSTER, cascade=True, value=path(CLUSTERS)),
            to("vnetSubnetID", network.SUBNET, delete_error=network.SUBNET_IN_USE),
            to("podSubnetID", network.SUBNET, delete_error=network.SUBNET_IN_USE),
        ),
        checks=(_agent_pool, _not_ahead),
        effect=_AgentPoolEffect(),
        reads=_count_now,
        **cluster_operation(CLUSTERS),
    ),
)


def _cluster_version(context: Context) -> Any:
    row = context.find((CLUSTER,), context.text(path(CLUSTERS)))
    return None if row is None else row.outputs["currentKubernetesVersion"]
