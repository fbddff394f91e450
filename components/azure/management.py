"""The way from a management network to a region's private API server on Azure: by peering in both directions, and by name.

Sources: learn.microsoft.com/azure/virtual-network/virtual-network-peering-overview, and for the link
learn.microsoft.com/azure/aks/private-clusters, "Hub and spoke with custom DNS".
"""

from __future__ import annotations

import pulumi
import pulumi_azure_native as azure

from components.azure.network import AzureNetwork
from components.shared.cluster import ChildOptions
from fleet import Region
from fleet.management import AzureManagement
from fleet.settings import AzureSettings


def connect(
    region: Region,
    account: AzureSettings,
    group: azure.resources.ResourceGroup,
    network: AzureNetwork,
    options: ChildOptions,
) -> list[pulumi.CustomResource]:
    """The way in, the way back, and the API server's name. Empty without a management network.

    Kubernetes' provider depends on all of it: so the way is there before the first object, and goes after the last.
    """
    management = region.settings.management_network
    if not isinstance(management, AzureManagement):
        return []
    provider = azure.Provider(
        f"{region.name}-management",
        subscription_id=management.subscription,
        tenant_id=account.directory_id,
        location=region.settings.location,
        opts=pulumi.ResourceOptions(parent=options.parent),
    )
    there = azure.network.VirtualNetworkPeering(
        f"{region.name}-to-management",
        virtual_network_peering_name="management",
        virtual_network_name=network.vnet_name,
        resource_group_name=group.name,
        remote_virtual_network=azure.network.SubResourceArgs(id=management.network),
        allow_virtual_network_access=True,
        opts=options.default(depends_on=[network]),
    )
    back = azure.network.VirtualNetworkPeering(
        f"{region.name}-from-management",
        virtual_network_peering_name=region.name,
        virtual_network_name=management.name,
        resource_group_name=management.resource_group,
        remote_virtual_network=azure.network.SubResourceArgs(id=network.vnet_id),
        allow_virtual_network_access=True,
        opts=pulumi.ResourceOptions(parent=options.parent, provider=provider),
    )
    links: list[pulumi.CustomResource] = []
    if network.zone:
        link = azure.privatedns.VirtualNetworkLink(
            f"{region.name}-management",
            virtual_network_link_name="management",
            private_zone_name=network.zone.name,
            resource_group_name=group.name,
            location="global",
            registration_enabled=False,
            virtual_network=azure.privatedns.SubResourceArgs(id=management.network),
            tags=region.tags,
            opts=options.default(),
        )
        links.append(link)
    return [there, back, *links]
