"""The nodes of a region on Google Cloud: a service account with few roles, and a node pool for each pool of the settings."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi_gcp as gcp

from components.shared.cluster import ChildOptions
from fleet import Region
from fleet.sizes import NodePool

NODE_ROLES = ("roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader")
"""The least roles of nodes, instead of the editor's rights of the default account:
cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster#use_least_privilege_sa."""
ZONES_PER_POOL = 3
DISK_GB = 50
"""A node's boot disk. A new project may have 250 GB of SSD, and its first region takes three nodes."""


def node_identity(
    region: Region, project: str, apis: Sequence[gcp.projects.Service], options: ChildOptions
) -> tuple[gcp.serviceaccount.Account, list[gcp.projects.IAMMember]]:
    """The nodes' service account, and its roles in the project."""
    account = gcp.serviceaccount.Account(
        f"{region.name}-nodes",
        account_id=f"{region.name}-nodes",
        display_name=f"Nodes of {region.name}",
        opts=options.default(depends_on=apis),
    )
    roles = [
        gcp.projects.IAMMember(
            f"{region.name}-nodes-{role.rpartition('/')[2]}",
            project=project,
            role=role,
            member=account.email.apply(lambda email: f"serviceAccount:{email}"),
            opts=options.default(),
        )
        for role in NODE_ROLES
    ]
    return account, roles


def node_pools(
    region: Region, cluster: gcp.container.Cluster, account: gcp.serviceaccount.Account, options: ChildOptions
) -> list[gcp.container.NodePool]:
    """The region's node pools. The autoscaler moves the size of each within the settings' limits."""
    return [
        gcp.container.NodePool(
            f"{region.name}-{name}",
            name=name,
            cluster=cluster.id,
            location=region.settings.location,
            # This version is known only after the control plane's upgrade, so that nodes follow it and are never ahead.
            # Google upgrades no nodes by itself (_maintenance in components/gcp/cluster.py), so it does not drift.
            version=cluster.master_version,
            initial_node_count=-(-pool.min_nodes // ZONES_PER_POOL),
            autoscaling=gcp.container.NodePoolAutoscalingArgs(
                total_min_node_count=pool.min_nodes, total_max_node_count=pool.max_nodes, location_policy="BALANCED"
            ),
            management=gcp.container.NodePoolManagementArgs(auto_repair=True, auto_upgrade=True),
            upgrade_settings=gcp.container.NodePoolUpgradeSettingsArgs(max_surge=1, max_unavailable=0),
            node_config=_node_config(name, pool, account, region.tags),
            # Only for the pool's creation: the autoscaler counts from then on, and a change would replace the pool.
            opts=options.default(ignore_changes=["initialNodeCount"]),
        )
        for name, pool in region.settings.pools.items()
    ]


def _node_config(
    name: str, pool: NodePool, account: gcp.serviceaccount.Account, tags: dict[str, str]
) -> gcp.container.NodePoolNodeConfigArgs:
    """The machine of a node, its image and its hardening."""
    return gcp.container.NodePoolNodeConfigArgs(
        machine_type=pool.machine_type,
        service_account=account.email,
        oauth_scopes=["https://www.googleapis.com/auth/cloud-platform"],
        image_type="COS_CONTAINERD",
        disk_size_gb=DISK_GB,
        disk_type="pd-balanced",
        labels={"regions/pool": name},
        resource_labels=tags,
        metadata={"disable-legacy-endpoints": "true"},
        shielded_instance_config=gcp.container.NodePoolNodeConfigShieldedInstanceConfigArgs(
            enable_secure_boot=True, enable_integrity_monitoring=True
        ),
        workload_metadata_config=gcp.container.NodePoolNodeConfigWorkloadMetadataConfigArgs(mode="GKE_METADATA"),
        kubelet_config=gcp.container.NodePoolNodeConfigKubeletConfigArgs(
            insecure_kubelet_readonly_port_enabled="FALSE"
        ),
    )
