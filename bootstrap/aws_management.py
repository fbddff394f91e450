"""A management network on AWS: runners live in it, and reach its regions' private API servers by a transit gateway.

Sources: docs.aws.amazon.com/vpc/latest/tgw/tgw-transit-gateways.html,
docs.aws.amazon.com/ram/latest/userguide/getting-started-sharing.html.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from bootstrap.plan import HubNetwork
from fleet import places

REGIONS = "10.0.0.0/8"
"""The addresses of all regions' networks: fleet/checks.py."""


class AwsManagementNetwork(pulumi.ComponentResource):
    """A VPC with two private subnets for runners and a way to the internet, and a transit gateway that its accounts share."""

    gateway_id: pulumi.Output[str]

    def __init__(self, hub: HubNetwork, account: str, administrator: str) -> None:
        name = f"management-{hub.key.replace('/', '-')}"
        super().__init__("bootstrap:aws:ManagementNetwork", name)
        provider = aws.Provider(
            name,
            region=hub.location,
            allowed_account_ids=[account],
            assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=f"arn:aws:iam::{account}:role/{administrator}")],
            default_tags=aws.ProviderDefaultTagsArgs(tags={"managed-by": "regions-bootstrap"}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._name, self._hub = name, hub
        self._own = pulumi.ResourceOptions(parent=self, provider=provider)
        gateway = aws.ec2transitgateway.TransitGateway(
            name,
            description=f"Regions of {hub.key}",
            # Regions attach by themselves, from the accounts that the share names.
            auto_accept_shared_attachments="enable",
            tags={"Name": name},
            opts=self._own,
        )
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=str(hub.range),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": name},
            opts=self._own,
        )
        subnets, table = self._create_subnets(vpc)
        attachment = aws.ec2transitgateway.VpcAttachment(
            name,
            transit_gateway_id=gateway.id,
            vpc_id=vpc.id,
            subnet_ids=[subnet.id for subnet in subnets],
            tags={"Name": name},
            opts=self._own,
        )
        aws.ec2.Route(
            f"{name}-regions",
            route_table_id=table.id,
            destination_cidr_block=REGIONS,
            transit_gateway_id=gateway.id,
            opts=self._after(attachment),
        )
        self._share(gateway)
        self.gateway_id = gateway.id
        self.register_outputs({"gateway_id": self.gateway_id})

    def _after(self, *resources: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(self._own, pulumi.ResourceOptions(depends_on=list(resources)))

    def _create_subnets(self, vpc: aws.ec2.Vpc) -> tuple[list[aws.ec2.Subnet], aws.ec2.RouteTable]:
        """The runners' subnets in two zones, and their route table, whose way out is a NAT gateway in a third subnet."""
        name, (*private, public, _) = self._name, self._hub.range.subnets(new_prefix=26)
        zones = places.zones("aws", self._hub.location)
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, tags={"Name": name}, opts=self._own)
        outside = self._create_table(f"{name}-public", vpc)
        aws.ec2.Route(
            f"{name}-public",
            route_table_id=outside.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=self._own,
        )
        nat_subnet = self._create_subnet(f"{name}-public", vpc, zones[0], str(public), outside)
        address = aws.ec2.Eip(name, domain="vpc", tags={"Name": name}, opts=self._own)
        nat = aws.ec2.NatGateway(
            name,
            allocation_id=address.allocation_id,
            subnet_id=nat_subnet.id,
            tags={"Name": name},
            opts=self._after(gateway),
        )
        inside = self._create_table(f"{name}-private", vpc)
        aws.ec2.Route(
            f"{name}-private",
            route_table_id=inside.id,
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=nat.id,
            opts=self._own,
        )
        subnets = [
            self._create_subnet(f"{name}-private-{zone}", vpc, zone, str(addresses), inside)
            for zone, addresses in zip(zones, private, strict=False)
        ]
        return subnets, inside

    def _create_table(self, title: str, vpc: aws.ec2.Vpc) -> aws.ec2.RouteTable:
        return aws.ec2.RouteTable(title, vpc_id=vpc.id, tags={"Name": title}, opts=self._own)

    def _create_subnet(
        self, title: str, vpc: aws.ec2.Vpc, zone: str, addresses: str, table: aws.ec2.RouteTable
    ) -> aws.ec2.Subnet:
        subnet = aws.ec2.Subnet(
            title, vpc_id=vpc.id, cidr_block=addresses, availability_zone_id=zone, tags={"Name": title}, opts=self._own
        )
        aws.ec2.RouteTableAssociation(title, subnet_id=subnet.id, route_table_id=table.id, opts=self._own)
        return subnet

    def _share(self, gateway: aws.ec2transitgateway.TransitGateway) -> None:
        """Let the regions' accounts attach. All accounts are in one organisation, so that nobody accepts the share by hand."""
        share = aws.ram.ResourceShare(self._name, name=self._name, allow_external_principals=False, opts=self._own)
        aws.ram.ResourceAssociation(self._name, resource_arn=gateway.arn, resource_share_arn=share.arn, opts=self._own)
        for account in self._hub.accounts:
            aws.ram.PrincipalAssociation(
                f"{self._name}-{account}", principal=account, resource_share_arn=share.arn, opts=self._own
            )
