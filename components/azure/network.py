"""The network of a region on Azure: subnets for nodes and for the API server, one way out, and names for a private API server."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.shared import subnets
from components.shared.cluster import Children
from fleet import Region


@dataclass(frozen=True)
class AzureNetworkArgs:
    """What the network is made from."""

    region: Region
    group: pulumi.Input[str]
    """The name of the region's resource group."""


class AzureNetwork(pulumi.ComponentResource):
    """A virtual network. Nodes have no public address and leave by a NAT gateway."""

    vnet_id: pulumi.Output[str]
    node_subnet_id: pulumi.Output[str]
    api_subnet_id: pulumi.Output[str]
    zone: azure.privatedns.PrivateZone | None
    """Where the name of a private API server is kept; None where the API server is public."""

    def __init__(self, name: str, args: AzureNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:azure:Network", name, None, opts)
        tags, group = args.region.tags, args.group
        plan, child = subnets.azure(args.region.settings.network), Children(self, None, False)
        vnet = azure.network.VirtualNetwork(
            name,
            virtual_network_name=name,
            resource_group_name=group,
            address_space=azure.network.AddressSpaceArgs(address_prefixes=[str(args.region.settings.network)]),
            tags=tags,
            # The subnets are resources of their own; Azure shows them here as well.
            opts=child.own(ignore_changes=["subnets"]),
        )
        address = azure.network.PublicIPAddress(
            f"{name}-nat",
            public_ip_address_name=f"{name}-nat",
            resource_group_name=group,
            sku=azure.network.PublicIPAddressSkuArgs(name="Standard"),
            public_ip_allocation_method="Static",
            tags=tags,
            opts=child.own(),
        )
        nat = azure.network.NatGateway(
            name,
            nat_gateway_name=name,
            resource_group_name=group,
            sku=azure.network.NatGatewaySkuArgs(name="Standard"),
            public_ip_addresses=[azure.network.SubResourceArgs(id=address.id)],
            tags=tags,
            opts=child.own(),
        )
        node_subnet = azure.network.Subnet(
            f"{name}-nodes",
            subnet_name="nodes",
            resource_group_name=group,
            virtual_network_name=vnet.name,
            address_prefix=str(plan.nodes),
            default_outbound_access=False,
            nat_gateway=azure.network.SubResourceArgs(id=nat.id),
            opts=child.own(),
        )
        api_subnet = azure.network.Subnet(
            f"{name}-api-server",
            subnet_name="api-server",
            resource_group_name=group,
            virtual_network_name=vnet.name,
            address_prefix=str(plan.api_server),
            delegations=[
                azure.network.DelegationArgs(name="aks", service_name="Microsoft.ContainerService/managedClusters")
            ],
            # Azure changes one subnet of a network at a time, and fails the other (AnotherOperationInProgress).
            opts=child.own(depends_on=[node_subnet]),
        )

        # A zone of our own, so that whoever is to reach the cluster by a peered network can link to it: docs/operate/access.md.
        self.zone = azure.privatedns.PrivateZone(
            name,
            private_zone_name=f"{name}.privatelink.{args.region.settings.location}.azmk8s.io",
            resource_group_name=group,
            location="global",
            tags=tags,
            opts=child.own(),
        ) if not args.region.settings.api_allowed_cidrs else None  # fmt: skip
        if self.zone:
            azure.privatedns.VirtualNetworkLink(
                name,
                virtual_network_link_name=name,
                private_zone_name=self.zone.name,
                resource_group_name=group,
                location="global",
                registration_enabled=False,
                virtual_network=azure.privatedns.SubResourceArgs(id=vnet.id),
                tags=tags,
                opts=child.own(),
            )
        self.vnet_id, self.node_subnet_id, self.api_subnet_id = vnet.id, node_subnet.id, api_subnet.id
        self.register_outputs({"vnet_id": self.vnet_id})
