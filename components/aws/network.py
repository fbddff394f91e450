"""The network of a region on AWS: a VPC with private and public subnets in three zones, and ways out for each."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
import pulumi_aws as aws

from components.shared import subnets
from fleet import Region

ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class AwsNetworkArgs:
    """The arguments of the network."""

    region: Region


class AwsNetwork(pulumi.ComponentResource):
    """A VPC. Nodes live in its private subnets, gateways and load balancers in the public ones."""

    vpc_id: pulumi.Output[str]
    private_subnet_ids: list[pulumi.Output[str]]
    """In the order of the region's zones."""
    private_route_table_ids: list[pulumi.Output[str]]
    """In the order of the region's zones."""

    def __init__(self, name: str, args: AwsNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:aws:Network", name, None, opts)
        options = self._options = pulumi.ResourceOptions(parent=self)
        zones, addresses = args.region.settings.zone_names, subnets.aws(args.region.settings.network)
        vpc = self._vpc = aws.ec2.Vpc(
            name,
            cidr_block=str(args.region.settings.network),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": name},
            opts=options,
        )
        # Adopted only to be emptied: nothing may rely on a group that lets everything talk (CIS AWS 5.4).
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, ingress=[], egress=[], opts=options)
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, tags={"Name": name}, opts=options)
        public = self._create_public_subnets(name, zones, addresses.public, gateway)
        # A production region has a NAT gateway per zone, so that the loss of a zone leaves the others their way out.
        nat_zones = zones if args.region.wave.production else zones[:1]
        nats = [self._create_nat_gateway(f"{name}-{zone}", public[zone], gateway) for zone in nat_zones]
        private, tables = self._create_private_subnets(name, zones, addresses.private, nats)
        # Images' layers come from S3: this way they cost nothing and do not pass the NAT gateways.
        aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{args.region.settings.location}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags={"Name": f"{name}-s3"},
            opts=options,
        )
        self.vpc_id = vpc.id
        self.private_subnet_ids = [subnet.id for subnet in private]
        self.private_route_table_ids = [table.id for table in tables]
        self.register_outputs({"vpc_id": self.vpc_id, "private_subnet_ids": self.private_subnet_ids})

    def _create_public_subnets(
        self, name: str, zones: list[str], ranges: tuple[IPv4Network, ...], gateway: aws.ec2.InternetGateway
    ) -> dict[str, aws.ec2.Subnet]:
        """Zone's id to its public subnet. All of them share one route table, whose way out is the internet gateway."""
        table = aws.ec2.RouteTable(
            f"{name}-public", vpc_id=self._vpc.id, tags={"Name": f"{name}-public"}, opts=self._options
        )
        aws.ec2.Route(
            f"{name}-public",
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway.id,
            opts=self._options,
        )
        public: dict[str, aws.ec2.Subnet] = {}
        for zone, addresses in zip(zones, ranges, strict=True):
            title = f"{name}-public-{zone}"
            # Where the load balancer controller puts internet-facing balancers: docs.aws.amazon.com/eks, "subnets".
            public[zone] = self._create_subnet(title, zone, addresses, "kubernetes.io/role/elb")
            aws.ec2.RouteTableAssociation(title, subnet_id=public[zone].id, route_table_id=table.id, opts=self._options)
        return public

    def _create_private_subnets(
        self, name: str, zones: list[str], ranges: tuple[IPv4Network, ...], nats: list[aws.ec2.NatGateway]
    ) -> tuple[list[aws.ec2.Subnet], list[aws.ec2.RouteTable]]:
        """The private subnets, each with a route table of its own. The way out is the zone's NAT gateway, or the only one."""
        private: list[aws.ec2.Subnet] = []
        tables: list[aws.ec2.RouteTable] = []
        for number, (zone, addresses) in enumerate(zip(zones, ranges, strict=True)):
            title = f"{name}-private-{zone}"
            subnet = self._create_subnet(title, zone, addresses, "kubernetes.io/role/internal-elb")
            table = aws.ec2.RouteTable(title, vpc_id=self._vpc.id, tags={"Name": title}, opts=self._options)
            aws.ec2.Route(
                title,
                route_table_id=table.id,
                destination_cidr_block=ANYWHERE,
                nat_gateway_id=nats[min(number, len(nats) - 1)].id,
                opts=self._options,
            )
            aws.ec2.RouteTableAssociation(title, subnet_id=subnet.id, route_table_id=table.id, opts=self._options)
            private.append(subnet)
            tables.append(table)
        return private, tables

    def _create_subnet(self, title: str, zone: str, addresses: IPv4Network, role: str) -> aws.ec2.Subnet:
        """A subnet in a zone, with the tag by which the load balancer controller finds it."""
        return aws.ec2.Subnet(
            title,
            vpc_id=self._vpc.id,
            cidr_block=str(addresses),
            # By id: the letter of a zone differs from account to account (docs.aws.amazon.com/ram, "AZ IDs").
            availability_zone_id=zone,
            tags={"Name": title, role: "1"},
            opts=self._options,
        )

    def _create_nat_gateway(
        self, title: str, subnet: aws.ec2.Subnet, gateway: aws.ec2.InternetGateway
    ) -> aws.ec2.NatGateway:
        """A NAT gateway with an address of its own in a public subnet."""
        address = aws.ec2.Eip(title, domain="vpc", tags={"Name": title}, opts=self._options)
        return aws.ec2.NatGateway(
            title,
            allocation_id=address.allocation_id,
            subnet_id=subnet.id,
            tags={"Name": title},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
        )
