"""The nodes of a region on Azure: a system pool inside of the cluster, and agent pools for each pool of the settings."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import pulumi
import pulumi_azure_native as azure

from components.azure.network import AzureNetwork
from components.shared.cluster import ChildOptions
from components.shared.pools import zone_shares
from fleet import Region
from fleet.sizes import AKS_SYSTEM_MACHINE, AKS_SYSTEM_NODES


def system_pool(region: Region, network: AzureNetwork) -> azure.containerservice.ManagedClusterAgentPoolProfileArgs:
    """The pool of AKS's own pods. Azure demands it in the cluster itself.

    The region's pools are resources of their own: an edit of pools inside the cluster puts all of them into scaling at once.
    Without a version of its own the pool gets a new version together with the control plane (Azure/AKS, issue 2880).
    """
    return azure.containerservice.ManagedClusterAgentPoolProfileArgs(
        name="system",
        mode="System",
        vm_size=AKS_SYSTEM_MACHINE,
        count=AKS_SYSTEM_NODES,
        availability_zones=region.settings.zone_names,
        vnet_subnet_id=network.node_subnet_id,
        os_sku="AzureLinux",
        node_taints=["CriticalAddonsOnly=true:NoSchedule"],
    )


@dataclass(frozen=True)
class AgentPoolsArgs:
    """The arguments of the agent pools."""

    region: Region
    group: azure.resources.ResourceGroup
    cluster: azure.containerservice.ManagedCluster
    network: AzureNetwork
    operations: list[pulumi.CustomResource]
    """The operations on the cluster so far. AKS runs one at a time, so each depends on the last one and goes into the list."""


def agent_pools(args: AgentPoolsArgs, options: ChildOptions) -> None:
    """The region's agent pools, one for each pool and zone. The autoscaler moves the size of each within its limits.

    A volume is in one zone. In a pool over several zones the autoscaler cannot choose a new node's zone, so a pod may wait
    for its volume forever: learn.microsoft.com/azure/aks/availability-zones-overview.
    """
    for name, pool in args.region.settings.pools.items():
        for share in zone_shares(pool.min_nodes, pool.max_nodes, args.region.settings.zone_names):
            args.operations.append(_agent_pool(args, name, pool.machine_type, share, options))


def _agent_pool(
    args: AgentPoolsArgs, name: str, machine_type: str, share: tuple[str, int, int], options: ChildOptions
) -> azure.containerservice.AgentPool:
    """A pool's nodes in one zone."""
    region, (zone, least, most) = args.region, share
    return azure.containerservice.AgentPool(
        f"{region.name}-{name}{zone}",
        agent_pool_name=pool_name(name, machine_type, zone),
        resource_group_name=args.group.name,
        resource_name_=args.cluster.name,
        mode="User",
        vm_size=machine_type,
        # The pool depends on the control plane, so it gets the version after it.
        orchestrator_version=region.settings.kubernetes_version,
        # Azure demands a count at creation. The autoscaler sets it from then on, also to reach a higher minimum. Azure refuses
        # an edit with another count than the current one (hashicorp/terraform-provider-azurerm, pull request 4543). Pulumi
        # sends an ignored input as the state has it, so an edit of a pool wants `pulumi up --refresh`.
        count=least,
        enable_auto_scaling=True,
        min_count=least,
        max_count=most,
        availability_zones=[zone],
        vnet_subnet_id=args.network.node_subnet_id,
        os_sku="AzureLinux",
        node_labels={"regions/pool": name},
        upgrade_settings=azure.containerservice.AgentPoolUpgradeSettingsArgs(max_surge="33%"),
        tags=region.tags,
        opts=options.default(
            ignore_changes=["count"],
            # The provider would delete the old pool first, with all pods on it: pulumi-azure-native, provider.go, Diff.
            delete_before_replace=False,
            depends_on=args.operations[-1:],
        ),
    )


def pool_name(pool: str, machine_type: str, zone: str) -> str:
    """An agent pool's name: 12 lower-case letters and digits at most.

    A machine type cannot be changed, and the new pool has to be there before the old one goes. So the name changes with it.
    """
    return f"{pool[:7]}{sha256(f'{pool}/{machine_type}'.encode()).hexdigest()[:4]}{zone}"
