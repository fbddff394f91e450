"""Rules of the SIMULATED AWS for VPC endpoints and flow logs.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/ec2 (the
file is named at each rule).
"""

from __future__ import annotations

from typing import Final

from sandbox.clouds.aws.network import ARN, in_vpc, security_groups, subnets
from sandbox.clouds.aws.routes import ROUTE_TABLE
from sandbox.clouds.core.model import Reference, ResourceRule

RULES: Final = (
    ResourceRule(  # vpc_endpoint.go
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html",
        id="vpce-{hex17}",
        replace=("vpcId", "serviceName", "serviceRegion", "vpcEndpointType", "resourceConfigurationArn"),
        defaults={"vpcEndpointType": "Gateway"},
        outputs={
            "arn": ARN + "vpc-endpoint/{id}",
            "ownerId": "{account}",
            "state": "available",
            "prefixListId": "pl-{hex8}",
            "policy": '{{"Statement":[{{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}}]}}',
            "privateDnsEnabled": False,
            "requesterManaged": False,
            "cidrBlocks": [],
            "dnsEntries": [],
            "networkInterfaceIds": [],
        },
        references=(
            in_vpc(),
            subnets("subnetIds"),
            security_groups("securityGroupIds"),
            Reference(
                "routeTableIds",
                ROUTE_TABLE,
                "InvalidRouteTableId.NotFound: The routeTable ID '{value}' does not exist",
            ),
        ),
    ),
    ResourceRule(  # vpc_flow_log.go
        "aws:ec2/flowLog:FlowLog",
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html",
        id="fl-{hex17}",
        replace=(
            *("deliverCrossAccountRole", "destinationOptions", "eniId", "iamRoleArn", "logDestination"),
            *("logDestinationType", "logFormat", "maxAggregationInterval", "subnetId", "trafficType"),
            *("transitGatewayAttachmentId", "transitGatewayId", "vpcId"),
        ),
        defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
        outputs={"arn": ARN + "vpc-flow-log/{id}"},
        references=(in_vpc(blocks_delete=False), subnets("subnetId", blocks_delete=False)),
    ),
)
