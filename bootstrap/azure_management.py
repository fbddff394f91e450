"""Management networks on Azure: runners live in them, and regions' networks of all locations peer with them.

Sources: learn.microsoft.com/azure/virtual-network/virtual-network-peering-overview, "Permissions", and for the runners' subnet
docs.github.com, "Configuring private networking for GitHub-hosted runners in your organization".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5

import pulumi
import pulumi_azure_native as azure

from bootstrap.plan import HubNetwork
from bootstrap.settings import AzureIdentitySettings

GROUP = "regions-management"
PEERING = [
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/join/action",
    "Microsoft.Network/virtualNetworks/peer/action",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/delete",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/read",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write",
]
"""The rights of a region's update at a management network: to peer with it, and to link a private zone to it."""


class AzureManagementNetworks(pulumi.ComponentResource):
    """A virtual network for each environment, in the subscription of the identities. Each identity may peer with its own."""

    network_ids: dict[str, pulumi.Output[str]]
    """Environment to the network's resource id."""

    def __init__(
        self,
        hubs: Sequence[HubNetwork],
        settings: AzureIdentitySettings,
        directory: str,
        principals: Mapping[str, pulumi.Output[str]],
    ) -> None:
        super().__init__("bootstrap:azure:ManagementNetworks", "azure-management")
        provider = azure.Provider(
            "azure-management",
            subscription_id=settings.subscription,
            tenant_id=directory,
            location=settings.location,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._own = pulumi.ResourceOptions(parent=self, provider=provider)
        scope = f"/subscriptions/{settings.subscription}"
        self._group = azure.resources.ResourceGroup("azure-management", resource_group_name=GROUP, opts=self._own)
        role = azure.authorization.RoleDefinition(
            "azure-management",
            role_definition_id=str(uuid5(NAMESPACE_URL, f"{scope}/{GROUP}")),
            role_name="Regions: peer with a management network",
            scope=scope,
            assignable_scopes=[scope],
            permissions=[azure.authorization.PermissionArgs(actions=PEERING)],
            opts=self._own,
        )
        self.network_ids = {}
        for hub in hubs:
            network = self._create_network(hub)
            self.network_ids[hub.key] = network.id
            name = f"azure-management-{hub.key}"
            azure.authorization.RoleAssignment(
                name,
                role_assignment_name=str(uuid5(NAMESPACE_URL, name)),
                scope=network.id,
                principal_id=principals[hub.key],
                principal_type="ServicePrincipal",
                role_definition_id=role.id,
                opts=self._own,
            )
        self.register_outputs({})

    def _create_network(self, hub: HubNetwork) -> azure.network.VirtualNetwork:
        """An environment's network, with a subnet that GitHub may put runners in, and its way to the internet."""
        name = f"azure-management-{hub.key}"
        network = azure.network.VirtualNetwork(
            name,
            virtual_network_name=hub.key,
            resource_group_name=self._group.name,
            address_space=azure.network.AddressSpaceArgs(address_prefixes=[str(hub.range)]),
            # The subnet is a resource of its own. Azure shows it here as well.
            opts=pulumi.ResourceOptions.merge(self._own, pulumi.ResourceOptions(ignore_changes=["subnets"])),
        )
        address = azure.network.PublicIPAddress(
            name,
            public_ip_address_name=hub.key,
            resource_group_name=self._group.name,
            sku=azure.network.PublicIPAddressSkuArgs(name="Standard"),
            public_ip_allocation_method="Static",
            opts=self._own,
        )
        nat = azure.network.NatGateway(
            name,
            nat_gateway_name=hub.key,
            resource_group_name=self._group.name,
            sku=azure.network.NatGatewaySkuArgs(name="Standard"),
            public_ip_addresses=[azure.network.SubResourceArgs(id=address.id)],
            opts=self._own,
        )
        azure.network.Subnet(
            name,
            subnet_name="runners",
            resource_group_name=self._group.name,
            virtual_network_name=network.name,
            address_prefix=str(next(hub.range.subnets(prefixlen_diff=1))),
            default_outbound_access=False,
            nat_gateway=azure.network.SubResourceArgs(id=nat.id),
            delegations=[azure.network.DelegationArgs(name="github", service_name="GitHub.Network/networkSettings")],
            opts=self._own,
        )
        return network
