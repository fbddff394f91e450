"""Rules of the SIMULATED Google Cloud for GKE node pools, whose nodes join a real cluster.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-google, google/services/container/node_config.go
and resource_container_node_pool.go.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.clouds.core import kubernetes_versions, nodes
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
from sandbox.clouds.gcp import identity
from sandbox.clouds.gcp.paths import deletion_policy, full_path, to
from sandbox.clouds.gcp.zones import region_of, zones

CLUSTER: Final = "gcp:container/cluster:Cluster"


NODE_POOL: Final = "gcp:container/nodePool:NodePool"


CLUSTERS: Final = "projects/{project}/locations/{location}/clusters/"


_DEFAULT_MACHINE: Final = "e2-medium"


_HYPERDISK_ALONE: Final = ("c4", "c4a", "c4d", "n4", "n4a", "n4d")
"""Machine series without Persistent Disk: terraform-provider-google issue 19890."""
NODE_CONFIG_REPLACES: Final = tuple(
    f"nodeConfig.{name}"
    for name in (
        *("advancedMachineFeatures", "bootDiskKmsKey", "confidentialNodes", "enableConfidentialStorage"),
        *("ephemeralStorageLocalSsdConfig", "guestAccelerators", "gvnic", "hostMaintenancePolicy"),
        *(
            "localNvmeSsdBlockConfig",
            "localSsdCount",
            "maxRunDuration",
            "metadata",
            "minCpuPlatform",
            "nodeGroup",
        ),
        *("oauthScopes", "preemptible", "reservationAffinity", "sandboxConfig", "secondaryBootDisks"),
        *("serviceAccount", "shieldedInstanceConfig", "soleTenantConfig", "spot"),
    )
)


MISSING_ACCOUNT: Final = 'googleapi: Error 400: Service account "{value}" does not exist., badRequest'


def sandbox_cluster(context: Context, name: str | None = None) -> str:
    """The name under which the supervisor runs a cluster."""
    return f"gcp/{context['project']}/{context['location']}/{name or context['name']}"


def join_nodes(context: Context, cluster: str, pool: str, config: dict[str, Any], per_zone: int) -> None:
    """Join the nodes of a pool, the same number in each of its zones."""
    location = str(context["location"])
    type_ = str(config.get("machineType") or _DEFAULT_MACHINE)
    shape = nodes.machine("gcp", type_)
    assert shape is not None  # refused by known_machine_type
    where = [str(z) for z in context.inputs.get("nodeLocations") or ()] or zones(location)
    if location not in where and location in zones(location):
        where = [location, *where]  # a zonal cluster's own zone always counts
    spec = nodes.Pool(
        cloud="gcp",
        region=region_of(location),
        machine_type=type_,
        machine=shape,
        labels={
            "cloud.google.com/gke-nodepool": pool,
            "cloud.google.com/gke-os-distribution": "cos",
            "cloud.google.com/gke-boot-disk": str(config.get("diskType") or "pd-balanced"),
            "cloud.google.com/machine-family": type_.split("-", 1)[0],
            **(config.get("labels") or {}),
        },
        taints=[nodes.taint(t["key"], t.get("value") or "", t["effect"]) for t in config.get("taints") or ()],
        zone_labels=("topology.gke.io/zone",),
    )
    spread = nodes.spread(per_zone * len(where), where)
    prefix = f"gke-{cluster}-{pool}"
    named = (
        (f"{prefix}-{nodes.stable_hex(f'{pool}/{zone}', 8)}-{nodes.stable_hex(f'{pool}/{index}', 4)}", zone)
        for index, zone in enumerate(spread)
    )
    context.clusters.set_node_pool(sandbox_cluster(context, cluster), pool, nodes.build(spec, named))


class _NodePoolEffect(Effect):
    """The nodes of a node pool."""

    outputs = ()

    def create(self, context: Context) -> dict[str, Any]:
        """Join the nodes, the same number in every zone."""
        cluster = _cluster_name(context)
        config = context.inputs.get("nodeConfig") or {}
        join_nodes(context, cluster, str(context["name"]), config, _per_zone(context))
        return {"sandboxCluster": sandbox_cluster(context, cluster)}

    def update(self, context: Context) -> dict[str, Any]:
        """Scale, label and taint."""
        self.create(context)
        return {}

    def delete(self, context: Context) -> None:
        """Take the nodes away."""
        context.clusters.delete_node_pool(sandbox_cluster(context, _cluster_name(context)), str(context["name"]))


def _cluster_name(context: Context) -> str:
    return str(context["cluster"]).rsplit("/", 1)[-1]


def _per_zone(context: Context) -> int:
    if is_known(context.inputs.get("nodeCount")):
        return int(context.inputs["nodeCount"])
    initial = context.inputs.get("initialNodeCount")
    least = context.get("autoscaling.minNodeCount")
    if least is None and initial is None:
        return 1 if context.inputs.get("autoscaling") is None else 0
    return max(int(initial or 0), int(least or 0))


def known_machine_type(context: Context, tx: Transaction) -> None:
    """Refuse a machine type that Google does not have."""
    type_ = context.get("nodeConfig.machineType")
    if is_known(type_) and nodes.machine("gcp", str(type_)) is None:
        raise CloudError(
            f'googleapi: Error 400: Machine type with name "{type_}" does not exist in zone'
            f' "{zones(str(context["location"]))[0]}"., badRequest'
        )


@documented_at("cloud.google.com/compute/docs/disks/hyperdisks")
def fitting_disk(context: Context, tx: Transaction) -> None:
    """Refuse a Persistent Disk on a machine that takes Hyperdisk alone. GKE's default is pd-balanced."""
    type_, disk = (context.get(f"nodeConfig.{key}") or "" for key in ("machineType", "diskType"))
    if str(type_).partition("-")[0] in _HYPERDISK_ALONE and str(disk).startswith("pd-"):
        raise CloudError(f"googleapi: Error 400: {disk} disk type cannot be used by {type_} machine type., badRequest")


@documented_at("cloud.google.com/kubernetes-engine/docs/concepts/cluster-upgrades")
def _not_ahead(context: Context, tx: Transaction) -> None:
    version, master = context.inputs.get("version"), _cluster_output("masterVersion")(context)
    if is_known(version) and is_known(master) and kubernetes_versions.newer(str(version), str(master)):
        raise CloudError(
            f'googleapi: Error 400: Node version "{version}" must not have a greater minor version than master version'
            f' "{master}"., badRequest'
        )


def _cluster_output(output: str) -> Any:
    def value(context: Context) -> Any:
        row = context.find((CLUSTER,), full_path(CLUSTERS)(context, str(context["cluster"])))
        return None if row is None else row.outputs.get(output)

    return value


RULES: Final = (
    ResourceRule(
        NODE_POOL,
        source="cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters.nodePools",
        name_patterns={"name": r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?"},
        id=lambda c: c.text(CLUSTERS) + f"{_cluster_name(c)}/nodePools/{c['name']}",
        name=Name(),
        exists="googleapi: Error 409: Already exists: {id}., alreadyExists",
        replace=(
            *("name", "namePrefix", "cluster", "location", "project", "initialNodeCount", "maxPodsPerNode"),
            *(
                "placementPolicy",
                "queuedProvisioning",
                "networkConfig.podRange",
                "networkConfig.podIpv4CidrBlock",
            ),
            *("networkConfig.createPodRange", *NODE_CONFIG_REPLACES),
        ),
        outputs={
            "version": _cluster_output("masterVersion"),
            "initialNodeCount": _per_zone,
            "nodeCount": _per_zone,
            "nodeLocations": lambda c: zones(str(c["location"])),
            "maxPodsPerNode": 110,
            "management": {"autoRepair": True, "autoUpgrade": True},
            "upgradeSettings": {"maxSurge": 1, "maxUnavailable": 0, "strategy": "SURGE"},
            "nodeConfig.machineType": _DEFAULT_MACHINE,
            "nodeConfig.diskSizeGb": 100,
            "nodeConfig.diskType": "pd-balanced",
            "nodeConfig.imageType": "COS_CONTAINERD",
            "nodeConfig.serviceAccount": "default",
            "instanceGroupUrls": lambda c: _instance_groups(c),
            "managedInstanceGroupUrls": lambda c: _instance_groups(c),
        },
        volatile=("nodeCount",),
        references=(
            to("cluster", CLUSTER, CLUSTERS, blocks_delete=False, cascade=True),
            Reference("nodeConfig.serviceAccount", identity.ACCOUNT, MISSING_ACCOUNT, foreign=("default",)),
        ),
        checks=(known_machine_type, fitting_disk, _not_ahead),
        protected=(deletion_policy,),
        effect=_NodePoolEffect(),
    ),
)


def _instance_groups(context: Context) -> list[str]:
    where = context.inputs.get("nodeLocations") or zones(str(context["location"]))
    project, pool = context["project"], context["name"]
    return [
        f"https://www.googleapis.com/compute/v1/projects/{project}/zones/{zone}/instanceGroupManagers/"
        f"gke-{_cluster_name(context)}-{pool}-{nodes.stable_hex(f'{pool}/{zone}', 8)}-grp"
        for zone in where
    ]
