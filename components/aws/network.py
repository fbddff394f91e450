"""The network of a region on AWS: a VPC with private and public subnets in three zones, and ways out for each."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.shared import subnets
from fleet import Region


@dataclass(frozen=True)
class AwsNetworkArgs:
    """What the network is made from."""

    region: Region
    zones: list[str]
    """The names of three availability zones."""


class AwsNetwork(pulumi.ComponentResource):
    """A VPC. Nodes live in its private subnets; nothing but gateways and load balancers is in the public ones."""

    vpc_id: pulumi.Output[str]
    private_subnet_ids: list[pulumi.Output[str]]

    def __init__(self, name: str, args: AwsNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:aws:Network", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        plan = subnets.aws(args.region.settings.network)
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=str(args.region.settings.network),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": name},
            opts=own,
        )
        # Adopted only to be emptied: nothing may rely on a group that lets everything talk (CIS AWS 5.4).
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, ingress=[], egress=[], opts=own)
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, tags={"Name": name}, opts=own)
        public_routes = aws.ec2.RouteTable(f"{name}-public", vpc_id=vpc.id, tags={"Name": f"{name}-public"}, opts=own)
        aws.ec2.Route(
            f"{name}-public",
            route_table_id=public_routes.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=own,
        )
        public: list[aws.ec2.Subnet] = []
        private: list[aws.ec2.Subnet] = []
        private_tables: list[aws.ec2.RouteTable] = []
        nats: list[aws.ec2.NatGateway] = []
        for number, zone in enumerate(args.zones):
            public_subnet = aws.ec2.Subnet(
                f"{name}-public-{zone}",
                vpc_id=vpc.id,
                cidr_block=str(plan.public[number]),
                availability_zone=zone,
                # Where the load balancer controller puts internet-facing balancers: docs.aws.amazon.com/eks, "subnets".
                tags={"Name": f"{name}-public-{zone}", "kubernetes.io/role/elb": "1"},
                opts=own,
            )
            aws.ec2.RouteTableAssociation(
                f"{name}-public-{zone}", subnet_id=public_subnet.id, route_table_id=public_routes.id, opts=own
            )
            public.append(public_subnet)
            private.append(
                aws.ec2.Subnet(
                    f"{name}-private-{zone}",
                    vpc_id=vpc.id,
                    cidr_block=str(plan.private[number]),
                    availability_zone=zone,
                    tags={"Name": f"{name}-private-{zone}", "kubernetes.io/role/internal-elb": "1"},
                    opts=own,
                )
            )
            # A NAT gateway for each zone where a zone's loss must not cut off the others; one is enough for staging.
            if args.region.wave.production or number == 0:
                address = aws.ec2.Eip(f"{name}-{zone}", domain="vpc", tags={"Name": f"{name}-{zone}"}, opts=own)
                nats.append(
                    aws.ec2.NatGateway(
                        f"{name}-{zone}",
                        allocation_id=address.allocation_id,
                        subnet_id=public_subnet.id,
                        tags={"Name": f"{name}-{zone}"},
                        opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
                    )
                )
            table = aws.ec2.RouteTable(
                f"{name}-private-{zone}", vpc_id=vpc.id, tags={"Name": f"{name}-private-{zone}"}, opts=own
            )
            aws.ec2.Route(
                f"{name}-private-{zone}",
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                nat_gateway_id=nats[-1].id,
                opts=own,
            )
            aws.ec2.RouteTableAssociation(
                f"{name}-private-{zone}", subnet_id=private[-1].id, route_table_id=table.id, opts=own
            )
            private_tables.append(table)
        # Images' layers come from S3: this way they cost nothing and do not pass the NAT gateways.
        aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{args.region.settings.location}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in private_tables],
            tags={"Name": f"{name}-s3"},
            opts=own,
        )
        self.vpc_id = vpc.id
        self.private_subnet_ids = [subnet.id for subnet in private]
        self.register_outputs({"vpc_id": self.vpc_id, "private_subnet_ids": self.private_subnet_ids})
