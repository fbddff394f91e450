"""Rules of the SIMULATED AWS for networks: VPCs, subnets and gateways.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/ec2 (the file is named at
each rule).
"""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from sandbox.clouds.aws.zones import zone_ids
from sandbox.clouds.core.model import (
    CloudError,
    Context,
    Quota,
    Reference,
    ResourceRule,
    documented_at,
    is_known,
    random_hex,
)
from sandbox.clouds.core.store import Transaction

VPC: Final = "aws:ec2/vpc:Vpc"
SUBNET: Final = "aws:ec2/subnet:Subnet"
INTERNET_GATEWAY: Final = "aws:ec2/internetGateway:InternetGateway"
EIP: Final = "aws:ec2/eip:Eip"
NAT_GATEWAY: Final = "aws:ec2/natGateway:NatGateway"
SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_SECURITY_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"


def in_vpc(*, blocks_delete: bool = True) -> Reference:
    """The VPC that a resource is in."""
    return Reference(
        "vpcId",
        VPC,
        "InvalidVpcID.NotFound: The vpc ID '{value}' does not exist",
        delete_error="DependencyViolation: The vpc '{target}' has dependencies and cannot be deleted. ({holder} is in it)"
        if blocks_delete
        else None,
    )


def subnets(path: str, *, blocks_delete: bool = True) -> Reference:
    """Subnets in which a resource has network interfaces."""
    return Reference(
        path,
        SUBNET,
        "InvalidSubnetID.NotFound: The subnet ID '{value}' does not exist",
        delete_error="DependencyViolation: The subnet '{target}' has dependencies and cannot be deleted. ({holder} is in it)"
        if blocks_delete
        else None,
    )


def security_groups(path: str) -> Reference:
    """Security groups of a resource."""
    return Reference(
        path,
        (SECURITY_GROUP, DEFAULT_SECURITY_GROUP),
        "InvalidGroup.NotFound: The security group '{value}' does not exist",
        delete_error="DependencyViolation: resource {target} has a dependent object ({holder})",
    )


@documented_at("docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html")
def _subnet_range(context: Context, tx: Transaction) -> None:
    block = context.inputs.get("cidrBlock")
    vpc = context.find((VPC,), str(context.inputs.get("vpcId")))
    if not is_known(block) or vpc is None:
        return
    try:
        network = ipaddress.ip_network(str(block))
    except ValueError:
        raise CloudError(
            f"InvalidParameterValue: Value ({block}) for parameter cidrBlock is invalid. This is not a"
            f" valid CIDR block."
        ) from None
    if not network.subnet_of(ipaddress.ip_network(vpc.outputs["cidrBlock"])):  # type: ignore[arg-type]
        raise CloudError(
            f"InvalidSubnet.Range: The CIDR '{block}' is invalid. ({vpc.id} has {vpc.outputs['cidrBlock']})"
        )
    for row in tx.of_type(SUBNET, vpc.scope):
        other = row.inputs.get("cidrBlock")
        if row.id == context.id or row.inputs["vpcId"] != vpc.id or not other:
            continue
        if network.overlaps(ipaddress.ip_network(other)):
            raise CloudError(
                f"InvalidSubnet.Conflict: The CIDR '{block}' conflicts with another subnet ({row.id} has {other})"
            )


def _zone_ids(context: Context) -> dict[str, str]:
    return zone_ids(str(context["region"]), str(context["account"]))


def _zone_exists(context: Context, tx: Transaction) -> None:
    by_name = _zone_ids(context)
    for parameter, zones in (("availabilityZone", by_name.keys()), ("availabilityZoneId", by_name.values())):
        zone = context.inputs.get(parameter)
        if is_known(zone) and zone not in zones:
            raise CloudError(
                f"InvalidParameterValue: Value ({zone}) for parameter {parameter} is invalid. Subnets can"
                f" currently only be created in the following availability zones: {', '.join(zones)}."
            )


def _zone(context: Context) -> str:
    """The name of a subnet's zone. EC2 chooses where the caller does not."""
    by_name, wanted = _zone_ids(context), context.inputs.get("availabilityZoneId")
    return next((name for name, zone in by_name.items() if zone == wanted), next(iter(by_name)))


def _zone_id(context: Context) -> str:
    by_name = _zone_ids(context)
    return by_name[str(context.inputs.get("availabilityZone") or _zone(context))]


def _one_gateway(context: Context, tx: Transaction) -> None:
    vpc = context.inputs.get("vpcId")
    for row in tx.of_type(INTERNET_GATEWAY, f"{context['account']}/{context['region']}"):
        if is_known(vpc) and row.id != context.id and row.inputs.get("vpcId") == vpc:
            raise CloudError(
                f"Resource.AlreadyAssociated: resource {vpc} is already associated with an internet gateway ({row.id})"
            )


def _public_ip(context: Context) -> str:
    # TEST-NET-3 (RFC 5737) belongs to no network, so a simulated address reaches no machine.
    return f"203.0.113.{int(random_hex(2), 16)}"


def _of_allocation(context: Context) -> Any:
    address = context.find((EIP,), str(context.inputs.get("allocationId")))
    return None if address is None else address.outputs["publicIp"]


_QUOTAS: Final = "docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"
"""The default quotas of an account in one region."""
ARN: Final = "arn:aws:ec2:{region}:{account}:"


RULES: Final = (
    ResourceRule(  # vpc_.go
        VPC,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html",
        id="vpc-{hex17}",
        replace=("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength", "instanceTenancy"),
        defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
        outputs={
            "arn": ARN + "vpc/{id}",
            "ownerId": "{account}",
            "enableDnsHostnames": False,
            "enableNetworkAddressUsageMetrics": False,
            "defaultNetworkAclId": "acl-{hex17}",
            "defaultRouteTableId": "rtb-{hex17}",
            "mainRouteTableId": "{defaultRouteTableId}",
            "defaultSecurityGroupId": "sg-{hex17}",
            "dhcpOptionsId": "dopt-{hex17}",
        },
        quota=Quota(5, "VpcLimitExceeded: The maximum number of VPCs has been reached.", _QUOTAS, regional=True),
    ),
    ResourceRule(  # vpc_subnet.go
        SUBNET,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html",
        id="subnet-{hex17}",
        replace=("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv6Native", "outpostArn"),
        defaults={
            "mapPublicIpOnLaunch": False,
            "assignIpv6AddressOnCreation": False,
            "enableDns64": False,
            "enableResourceNameDnsARecordOnLaunch": False,
            "enableResourceNameDnsAaaaRecordOnLaunch": False,
        },
        outputs={
            "arn": ARN + "subnet/{id}",
            "ownerId": "{account}",
            "availabilityZone": _zone,
            "availabilityZoneId": _zone_id,
            "privateDnsHostnameTypeOnLaunch": "ip-name",
        },
        references=(in_vpc(),),
        checks=(_zone_exists, _subnet_range),
    ),
    ResourceRule(  # vpc_internet_gateway.go
        INTERNET_GATEWAY,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachInternetGateway.html",
        id="igw-{hex17}",
        outputs={"arn": ARN + "internet-gateway/{id}", "ownerId": "{account}"},
        references=(in_vpc(),),
        checks=(_one_gateway,),
    ),
    ResourceRule(  # ec2_eip.go
        EIP,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AllocateAddress.html",
        id="eipalloc-{hex17}",
        replace=(
            "address",
            "customerOwnedIpv4Pool",
            "domain",
            "networkBorderGroup",
            "publicIpv4Pool",
            "ipamPoolId",
        ),
        outputs={
            "allocationId": "{id}",
            "arn": ARN + "elastic-ip/{id}",
            "domain": "vpc",
            "publicIp": _public_ip,
            "publicDns": "ec2-{publicIp}.{region}.compute.amazonaws.com",
            "publicIpv4Pool": "amazon",
            "networkBorderGroup": "{region}",
        },
        quota=Quota(
            5, "AddressLimitExceeded: The maximum number of addresses has been reached.", _QUOTAS, regional=True
        ),
    ),
    ResourceRule(  # vpc_nat_gateway.go
        NAT_GATEWAY,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html",
        id="nat-{hex17}",
        replace=("allocationId", "connectivityType", "privateIp", "subnetId", "vpcId", "availabilityMode"),
        defaults={"connectivityType": "public"},
        outputs={
            "associationId": "eipassoc-{hex17}",
            "networkInterfaceId": "eni-{hex17}",
            "privateIp": lambda c: f"10.0.0.{int(random_hex(2), 16)}",
            "publicIp": _of_allocation,
        },
        references=(
            subnets("subnetId"),
            in_vpc(),
            Reference(
                "allocationId",
                EIP,
                "InvalidAllocationID.NotFound: The allocation ID '{value}' does not exist",
                delete_error="InvalidIPAddress.InUse: Address {target} is in use. ({holder})",
            ),
        ),
    ),
)
