"""The network of a region on Google Cloud: one subnetwork with ranges for pods and services, and a way out."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from components.shared.cluster import ChildOptions
from components.shared.subnets import GcpAddresses


@dataclass(frozen=True)
class GcpNetworkArgs:
    """The arguments of the network."""

    location: str
    addresses: GcpAddresses


class GcpNetwork(pulumi.ComponentResource):
    """A VPC network. Nodes live in its subnetwork, and reach the internet by Cloud NAT.

    A cluster depends on the whole component: nodes that start before the NAT have no way to their images.
    """

    network_id: pulumi.Output[str]
    subnetwork_id: pulumi.Output[str]

    def __init__(self, name: str, args: GcpNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:gcp:Network", name, None, opts)
        options, addresses = ChildOptions(self, None, False), args.addresses
        network = gcp.compute.Network(
            name, name=name, auto_create_subnetworks=False, routing_mode="REGIONAL", opts=options.default()
        )
        subnetwork = gcp.compute.Subnetwork(
            name,
            name=name,
            network=network.id,
            region=args.location,
            ip_cidr_range=str(addresses.nodes),
            private_ip_google_access=True,
            secondary_ip_ranges=[
                gcp.compute.SubnetworkSecondaryIpRangeArgs(range_name="pods", ip_cidr_range=str(addresses.pods)),
                gcp.compute.SubnetworkSecondaryIpRangeArgs(
                    range_name="services", ip_cidr_range=str(addresses.services)
                ),
            ],
            opts=options.default(),
        )
        router = gcp.compute.Router(name, name=name, network=network.id, region=args.location, opts=options.default())
        gcp.compute.RouterNat(
            name,
            name=name,
            router=router.name,
            region=args.location,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            log_config=gcp.compute.RouterNatLogConfigArgs(enable=True, filter="ERRORS_ONLY"),
            opts=options.default(),
        )
        self.network_id, self.subnetwork_id = network.id, subnetwork.id
        self.register_outputs({"network_id": self.network_id, "subnetwork_id": self.subnetwork_id})
