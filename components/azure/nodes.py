"""The nodes of a region on Azure: a system pool inside of the cluster, and an agent pool for each pool of the settings."""

from __future__ import annotations

import pulumi_azure_native as azure

from components.azure.network import AzureNetwork
from components.shared.cluster import ChildOptions
from fleet import MAIN_POOL, Region
from fleet.sizes import AKS_SYSTEM_NODES


def system_pool(region: Region, network: AzureNetwork) -> azure.containerservice.ManagedClusterAgentPoolProfileArgs:
    """The pool of AKS's own pods. Azure demands it in the cluster itself.

    The region's pools are resources of their own: an edit of pools inside the cluster puts all of them into scaling at once.
    """
    settings = region.settings
    return azure.containerservice.ManagedClusterAgentPoolProfileArgs(
        name="system",
        mode="System",
        vm_size=settings.pools[MAIN_POOL].machine_type,
        count=AKS_SYSTEM_NODES,
        orchestrator_version=settings.kubernetes_version,
        availability_zones=region.settings.zone_names,
        vnet_subnet_id=network.node_subnet_id,
        os_sku="AzureLinux",
        node_taints=["CriticalAddonsOnly=true:NoSchedule"],
    )


def agent_pools(
    region: Region,
    group: azure.resources.ResourceGroup,
    cluster: azure.containerservice.ManagedCluster,
    network: AzureNetwork,
    options: ChildOptions,
) -> list[azure.containerservice.AgentPool]:
    """The region's agent pools. The autoscaler moves the size of each within the settings' limits."""
    return [
        azure.containerservice.AgentPool(
            f"{region.name}-{name}",
            agent_pool_name=name,
            resource_group_name=group.name,
            resource_name_=cluster.name,
            mode="User",
            vm_size=pool.machine_type,
            # The pool depends on the control plane, so it gets the version after it.
            orchestrator_version=region.settings.kubernetes_version,
            # Azure demands a count at creation. The autoscaler sets it from then on.
            count=pool.min_nodes,
            enable_auto_scaling=True,
            min_count=pool.min_nodes,
            max_count=pool.max_nodes,
            availability_zones=region.settings.zone_names,
            vnet_subnet_id=network.node_subnet_id,
            os_sku="AzureLinux",
            node_labels={"regions/pool": name},
            upgrade_settings=azure.containerservice.AgentPoolUpgradeSettingsArgs(max_surge="33%"),
            tags=region.tags,
            opts=options.default(ignore_changes=["count"]),
        )
        for name, pool in region.settings.pools.items()
    ]
