"""Rules of the SIMULATED AWS for route tables and routes.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/ec2 (the file is named at
each rule).
"""

from __future__ import annotations

from typing import Final

from sandbox.clouds.aws.network import ARN, INTERNET_GATEWAY, NAT_GATEWAY, in_vpc, subnets
from sandbox.clouds.core.model import CloudError, Context, Reference, ResourceRule, documented_at
from sandbox.clouds.core.store import Transaction

ROUTE_TABLE: Final = "aws:ec2/routeTable:RouteTable"
ROUTE: Final = "aws:ec2/route:Route"
ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
_DESTINATIONS: Final = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")


@documented_at("docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html")
def _attached(context: Context, tx: Transaction) -> None:
    """A route leads to a transit gateway only in a VPC that is attached to it."""
    gateway = context.inputs.get("transitGatewayId")
    table = context.find((ROUTE_TABLE,), str(context.inputs.get("routeTableId")))
    if not gateway or table is None:
        return
    attached = tx.of_type("aws:ec2transitgateway/vpcAttachment:VpcAttachment", context.text("{account}/{region}"))
    if not any(
        (row.inputs["transitGatewayId"], row.inputs["vpcId"]) == (gateway, table.inputs["vpcId"]) for row in attached
    ):
        raise CloudError(
            f"InvalidTransitGatewayID.NotFound: The transitGateway ID '{gateway}' does not exist in the VPC."
        )


def _route_target(context: Context, tx: Transaction) -> None:
    destination = next((context.inputs[k] for k in _DESTINATIONS if k in context.inputs), None)
    if destination is None:
        raise CloudError(f"InvalidParameterCombination: one of `{', '.join(_DESTINATIONS)}` must be specified")


RULES: Final = (
    ResourceRule(  # vpc_route_table.go
        ROUTE_TABLE,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html",
        id="rtb-{hex17}",
        replace=("vpcId",),
        outputs={
            "arn": ARN + "route-table/{id}",
            "ownerId": "{account}",
            "routes": [],
            "propagatingVgws": [],
        },
        references=(in_vpc(),),
    ),
    ResourceRule(  # vpc_route.go
        ROUTE,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html",
        id=lambda c: f"r-{c['routeTableId']}{next((c.inputs[k] for k in _DESTINATIONS if c.inputs.get(k)), '')}",
        exists="RouteAlreadyExists: The route identified by {destinationCidrBlock} already exists.",
        replace=("routeTableId", *_DESTINATIONS),
        outputs={"origin": "CreateRoute", "state": "active"},
        references=(
            Reference(
                "routeTableId",
                ROUTE_TABLE,
                "InvalidRouteTableID.NotFound: The routeTable ID '{value}' does not exist",
                cascade=True,
            ),
            Reference(
                "gatewayId",
                INTERNET_GATEWAY,
                "InvalidGatewayID.NotFound: The gateway ID '{value}' does not exist",
                foreign=("local", "vgw-", "vpce-"),
            ),
            Reference(
                "transitGatewayId",
                "aws:ec2transitgateway/transitGateway:TransitGateway",
                "InvalidTransitGatewayID.NotFound: The transitGateway ID '{value}' does not exist.",
                foreign=("tgw-",),
            ),
            Reference(
                "natGatewayId",
                NAT_GATEWAY,
                "NatGatewayNotFound: The Nat Gateway {value} does not exist",
            ),
        ),
        checks=(_route_target, _attached),
    ),
    ResourceRule(  # vpc_route_table_association.go
        ASSOCIATION,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html",
        id="rtbassoc-{hex17}",
        replace=("subnetId", "gatewayId"),
        references=(
            subnets("subnetId", blocks_delete=False),
            Reference(
                "routeTableId",
                ROUTE_TABLE,
                "InvalidRouteTableID.NotFound: The routeTable ID '{value}' does not exist",
                delete_error="DependencyViolation: The routeTable '{target}' has dependencies and cannot be"
                " deleted. ({holder})",
            ),
        ),
    ),
)
