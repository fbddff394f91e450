"""The network of a region on Azure: subnets for nodes and for the API server, one way out, and names for a private API server."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.shared import subnets
from components.shared.cluster import ChildOptions
from components.shared.subnets import AzureAddresses
from fleet import Region


@dataclass(frozen=True)
class AzureNetworkArgs:
    """The arguments of the network."""

    region: Region
    group: pulumi.Input[str]
    """The name of the region's resource group."""


class AzureNetwork(pulumi.ComponentResource):
    """A virtual network. Nodes have no public address and leave by a NAT gateway."""

    vnet_id: pulumi.Output[str]
    vnet_name: pulumi.Output[str]
    node_subnet_id: pulumi.Output[str]
    api_subnet_id: pulumi.Output[str]
    zone: azure.privatedns.PrivateZone | None
    """Holds the name of a private API server. None where the API server is public."""

    def __init__(self, name: str, args: AzureNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:azure:Network", name, None, opts)
        self._args = args
        self._options = ChildOptions(self, None, False)
        settings = args.region.settings
        vnet = azure.network.VirtualNetwork(
            name,
            virtual_network_name=name,
            resource_group_name=args.group,
            address_space=azure.network.AddressSpaceArgs(address_prefixes=[str(settings.network)]),
            tags=args.region.tags,
            # The subnets are resources of their own. Azure shows them here as well.
            opts=self._options.default(ignore_changes=["subnets"]),
        )
        nat = self._create_nat_gateway(name)
        node_subnet, api_subnet = self._create_subnets(name, subnets.azure(settings.network), vnet, nat)
        self.zone = None if settings.api_allowed_cidrs else self._create_private_zone(name, vnet)
        self.vnet_name = vnet.name
        self.vnet_id, self.node_subnet_id, self.api_subnet_id = vnet.id, node_subnet.id, api_subnet.id
        self.register_outputs({"vnet_id": self.vnet_id})

    def _create_nat_gateway(self, name: str) -> azure.network.NatGateway:
        """The nodes' way to the internet, with one public address."""
        tags = self._args.region.tags
        address = azure.network.PublicIPAddress(
            f"{name}-nat",
            public_ip_address_name=f"{name}-nat",
            resource_group_name=self._args.group,
            sku=azure.network.PublicIPAddressSkuArgs(name="Standard"),
            public_ip_allocation_method="Static",
            tags=tags,
            opts=self._options.default(),
        )
        return azure.network.NatGateway(
            name,
            nat_gateway_name=name,
            resource_group_name=self._args.group,
            sku=azure.network.NatGatewaySkuArgs(name="Standard"),
            public_ip_addresses=[azure.network.SubResourceArgs(id=address.id)],
            tags=tags,
            opts=self._options.default(),
        )

    def _create_subnets(
        self, name: str, addresses: AzureAddresses, vnet: azure.network.VirtualNetwork, nat: azure.network.NatGateway
    ) -> tuple[azure.network.Subnet, azure.network.Subnet]:
        """The nodes' subnet, and the one that the API server has for itself."""
        node_subnet = azure.network.Subnet(
            f"{name}-nodes",
            subnet_name="nodes",
            resource_group_name=self._args.group,
            virtual_network_name=vnet.name,
            address_prefix=str(addresses.nodes),
            default_outbound_access=False,
            nat_gateway=azure.network.SubResourceArgs(id=nat.id),
            opts=self._options.default(),
        )
        api_subnet = azure.network.Subnet(
            f"{name}-api-server",
            subnet_name="api-server",
            resource_group_name=self._args.group,
            virtual_network_name=vnet.name,
            address_prefix=str(addresses.api_server),
            delegations=[
                azure.network.DelegationArgs(name="aks", service_name="Microsoft.ContainerService/managedClusters")
            ],
            # Azure changes one subnet of a network at a time, and fails the other (AnotherOperationInProgress).
            opts=self._options.default(depends_on=[node_subnet]),
        )
        return node_subnet, api_subnet

    def _create_private_zone(self, name: str, vnet: azure.network.VirtualNetwork) -> azure.privatedns.PrivateZone:
        """A zone of our own, so that a peered network can link to it and reach the cluster: docs/operate/access.md."""
        region = self._args.region
        zone = azure.privatedns.PrivateZone(
            name,
            # The name for API-server VNet integration, without `privatelink`: learn.microsoft.com/azure/aks/private-clusters.
            private_zone_name=f"{name}.private.{region.settings.location}.azmk8s.io",
            resource_group_name=self._args.group,
            location="global",
            tags=region.tags,
            opts=self._options.default(),
        )
        azure.privatedns.VirtualNetworkLink(
            name,
            virtual_network_link_name=name,
            private_zone_name=zone.name,
            resource_group_name=self._args.group,
            location="global",
            registration_enabled=False,
            virtual_network=azure.privatedns.SubResourceArgs(id=vnet.id),
            tags=region.tags,
            opts=self._options.default(),
        )
        return zone
