"""The nodes of a region on Azure: a system pool inside of the cluster, and agent pools for each pool of the settings."""

from __future__ import annotations

import pulumi
import pulumi_azure_native as azure

from components.azure.network import AzureNetwork
from components.shared.cluster import ChildOptions, zones
from components.shared.pools import zone_shares
from fleet import Region
from fleet.sizes import AKS_SYSTEM_MACHINE, AKS_SYSTEM_NODES

ZONES = ("1", "2", "3")


def system_pool(region: Region, network: AzureNetwork) -> azure.containerservice.ManagedClusterAgentPoolProfileArgs:
    """The pool of AKS's own pods. Azure demands it in the cluster itself.

    The region's pools are resources of their own: an edit of pools inside the cluster puts all of them into scaling at once.
    """
    return azure.containerservice.ManagedClusterAgentPoolProfileArgs(
        name="system",
        mode="System",
        vm_size=AKS_SYSTEM_MACHINE,
        count=AKS_SYSTEM_NODES,
        orchestrator_version=region.settings.kubernetes_version,
        availability_zones=zones(region, ZONES),
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
    operations: list[pulumi.Resource],
) -> None:
    """The region's agent pools, one for each pool and zone. The autoscaler moves the size of each within its limits.

    A volume is in one zone. In a pool over several zones the autoscaler cannot choose a new node's zone, so a pod may wait
    for its volume forever: learn.microsoft.com/azure/aks/availability-zones-overview. Each pool goes into `operations`.
    """
    for name, pool in region.settings.pools.items():
        for zone, least, most in zone_shares(pool.min_nodes, pool.max_nodes, zones(region, ZONES)):
            agent_pool = azure.containerservice.AgentPool(
                f"{region.name}-{name}{zone}",
                agent_pool_name=f"{name}{zone}",
                resource_group_name=group.name,
                resource_name_=cluster.name,
                mode="User",
                vm_size=pool.machine_type,
                # The pool depends on the control plane, so it gets the version after it.
                orchestrator_version=region.settings.kubernetes_version,
                # Azure demands a count at creation. The autoscaler sets it from then on.
                count=least,
                enable_auto_scaling=True,
                min_count=least,
                max_count=most,
                availability_zones=[zone],
                vnet_subnet_id=network.node_subnet_id,
                os_sku="AzureLinux",
                node_labels={"regions/pool": name},
                upgrade_settings=azure.containerservice.AgentPoolUpgradeSettingsArgs(max_surge="33%"),
                tags=region.tags,
                opts=options.default(ignore_changes=["count"], depends_on=operations[-1:]),
            )
            operations.append(agent_pool)
