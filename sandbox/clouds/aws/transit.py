"""Rules of the SIMULATED AWS for transit gateways, and for shares of them with other accounts.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/ec2 and internal/service/ram (the file is
named at each rule).
"""

from __future__ import annotations

from typing import Final

from sandbox.clouds.aws.network import ARN, in_vpc, subnets
from sandbox.clouds.core.model import CloudError, Context, Reference, ResourceRule, documented_at, is_known
from sandbox.clouds.core.store import Transaction

GATEWAY: Final = "aws:ec2transitgateway/transitGateway:TransitGateway"
ATTACHMENT: Final = "aws:ec2transitgateway/vpcAttachment:VpcAttachment"
SHARE: Final = "aws:ram/resourceShare:ResourceShare"


@documented_at("docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html")
def _one_subnet_for_each_zone(context: Context, tx: Transaction) -> None:
    rows = [context.find(("aws:ec2/subnet:Subnet",), str(subnet)) for subnet in context.inputs.get("subnetIds") or ()]
    zones = [row.outputs["availabilityZone"] for row in rows if row is not None]
    if len(set(zones)) < len(zones):
        raise CloudError("DuplicateSubnetsInSameZone: Duplicate Subnets for same AZ")


@documented_at("docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html")
def _one_attachment_for_each_vpc(context: Context, tx: Transaction) -> None:
    gateway, vpc = context.inputs.get("transitGatewayId"), context.inputs.get("vpcId")
    for row in tx.of_type(ATTACHMENT, context.text("{account}/{region}")):
        if row.id != context.id and (row.inputs["transitGatewayId"], row.inputs["vpcId"]) == (gateway, vpc):
            raise CloudError(
                f"DuplicateTransitGatewayAttachment: {gateway} has non-deleted Transit Gateway Attachments for {vpc}"
            )


@documented_at("docs.aws.amazon.com/vpc/latest/tgw/tgw-transit-gateways.html")
def _shared_settings(context: Context, tx: Transaction) -> None:
    """The owner of a shared gateway alone decides on its route tables."""
    own = context.find((GATEWAY,), str(context.inputs.get("transitGatewayId")))
    for setting in ("transitGatewayDefaultRouteTableAssociation", "transitGatewayDefaultRouteTablePropagation"):
        if own is None and is_known(context.inputs.get(setting)):
            raise CloudError(
                f"UnauthorizedOperation: {setting} is the decision of the owner of the shared transit gateway"
            )


RULES: Final = (
    ResourceRule(  # ec2/transitgateway_.go
        GATEWAY,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTransitGateway.html",
        id="tgw-{hex17}",
        replace=("amazonSideAsn", "multicastSupport"),
        defaults={
            "autoAcceptSharedAttachments": "disable",
            "defaultRouteTableAssociation": "enable",
            "defaultRouteTablePropagation": "enable",
            "dnsSupport": "enable",
        },
        outputs={
            "arn": ARN + "transit-gateway/{id}",
            "ownerId": "{account}",
            "associationDefaultRouteTableId": "tgw-rtb-{hex17}",
        },
    ),
    ResourceRule(  # ec2/transitgateway_vpc_attachment.go
        ATTACHMENT,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTransitGatewayVpcAttachment.html",
        id="tgw-attach-{hex17}",
        replace=("transitGatewayId", "vpcId"),
        defaults={"applianceModeSupport": "disable", "dnsSupport": "enable", "ipv6Support": "disable"},
        outputs={"arn": ARN + "transit-gateway-attachment/{id}", "vpcOwnerId": "{account}"},
        references=(
            in_vpc(),
            subnets("subnetIds"),
            Reference(
                "transitGatewayId",
                GATEWAY,
                "InvalidTransitGatewayID.NotFound: Transit Gateway {value} was deleted or does not exist.",
                delete_error="IncorrectState: {target} has non-deleted VPC Attachments: {holder}",
                foreign=("tgw-",),  # another account's, which shares it
            ),
        ),
        checks=(_one_subnet_for_each_zone, _one_attachment_for_each_vpc, _shared_settings),
    ),
    ResourceRule(  # ram/resource_share.go
        SHARE,
        source="docs.aws.amazon.com/ram/latest/APIReference/API_CreateResourceShare.html",
        id="arn:aws:ram:{region}:{account}:resource-share/{uuid}",
        defaults={"allowExternalPrincipals": False},
        outputs={"arn": "{id}"},
    ),
    ResourceRule(  # ram/resource_association.go
        "aws:ram/resourceAssociation:ResourceAssociation",
        source="docs.aws.amazon.com/ram/latest/APIReference/API_AssociateResourceShare.html",
        id="{resourceShareArn},{resourceArn}",
        replace=("resourceArn", "resourceShareArn"),
        references=(
            Reference("resourceShareArn", SHARE, "UnknownResourceException: {value} could not be found", cascade=True),
        ),
    ),
    ResourceRule(  # ram/principal_association.go
        "aws:ram/principalAssociation:PrincipalAssociation",
        source="docs.aws.amazon.com/ram/latest/APIReference/API_AssociateResourceShare.html",
        id="{resourceShareArn},{principal}",
        replace=("principal", "resourceShareArn"),
        references=(
            Reference("resourceShareArn", SHARE, "UnknownResourceException: {value} could not be found", cascade=True),
        ),
    ),
)
