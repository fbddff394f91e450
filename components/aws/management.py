"""The way from a management network to a region's private API server on AWS: by a transit gateway, in both directions.

The management's account shares the gateway, accepts attachments by itself, and learns the region's range from the attachment.
Sources: docs.aws.amazon.com/vpc/latest/tgw/tgw-transit-gateways.html, and for the rule
docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.aws.network import AwsNetwork
from components.shared.cluster import ChildOptions
from fleet import Region
from fleet.management import AwsManagement


def connect(
    region: Region, cluster: aws.eks.Cluster, network: AwsNetwork, options: ChildOptions
) -> list[pulumi.CustomResource]:
    """The way in, and the way back. Empty without a management network.

    Kubernetes' provider depends on all of it: so the way is there before the first object, and goes after the last.
    """
    management = region.settings.management_network
    if not isinstance(management, AwsManagement):
        return []
    attachment = aws.ec2transitgateway.VpcAttachment(
        f"{region.name}-management",
        transit_gateway_id=management.transit_gateway,
        vpc_id=network.vpc_id,
        subnet_ids=network.private_subnet_ids,
        tags={"Name": f"{region.name}-management"},
        opts=options.default(),
    )
    routes = [
        aws.ec2.Route(
            f"{region.name}-management-{zone}",
            route_table_id=table,
            destination_cidr_block=str(management.range),
            transit_gateway_id=management.transit_gateway,
            opts=options.default(depends_on=[attachment]),
        )
        for zone, table in zip(region.settings.zone_names, network.private_route_table_ids, strict=True)
    ]
    rule = aws.vpc.SecurityGroupIngressRule(
        f"{region.name}-management",
        security_group_id=cluster.vpc_config.cluster_security_group_id,
        description="Kubernetes API for the management network",
        cidr_ipv4=str(management.range),
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        opts=options.default(),
    )
    return [attachment, *routes, rule]
