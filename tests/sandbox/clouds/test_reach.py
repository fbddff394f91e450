"""A private API server is out of reach of a machine without a way there and back, on each simulated cloud."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.clouds import management
from sandbox.clouds.aws import DIALECT as AWS
from sandbox.clouds.azure import DIALECT as AZURE
from sandbox.clouds.core.model import CloudError
from sandbox.clouds.core.store import NewResource
from sandbox.clouds.reach import AKS, NoWayError, require_way
from tests.components.recording import FLEET
from tests.sandbox.clouds import test_aws as on_aws
from tests.sandbox.clouds.doubles import SUBSCRIPTION, Account, FakeAccess

GATEWAY, RANGE = "tgw-0123456789abcdef0", "10.255.0.0/24"
PRIVATE = {"endpointPrivateAccess": True, "endpointPublicAccess": False}
PLACE = "eu-west-1/prod"


def has_way(account: Account, cluster: str) -> bool:
    """Whether a machine reaches the cluster. The error names an address."""
    with account.store.reading() as tx:
        try:
            require_way(tx.all(), cluster)
        except NoWayError as error:
            if not re.match(r"dial tcp [\w.]+:443: i/o timeout", str(error)):
                raise
            return False
    return True


def eks(tmp_path: Path, **access: Any) -> tuple[Account, list[Any], Any]:
    """A cluster on AWS in three subnets."""
    aws = Account(AWS, tmp_path)
    subnets = on_aws.make_subnets(aws)
    role = on_aws.make_role(aws, "eks.amazonaws.com", "AmazonEKSClusterPolicy")
    network = {"subnetIds": [subnet.id for subnet in subnets], **access}
    cluster = aws.make(on_aws.CLUSTER, name="prod", roleArn=role.outputs["arn"], vpcConfig=network)
    return aws, subnets, cluster


def test_on_aws_a_transit_gateway_a_route_back_and_a_rule_are_a_way(tmp_path: Path) -> None:
    aws, subnets, cluster = eks(tmp_path, **PRIVATE)
    vpc = subnets[0].inputs["vpcId"]
    assert not has_way(aws, PLACE)
    aws.make(
        "aws:ec2transitgateway/vpcAttachment:VpcAttachment",
        transitGatewayId=GATEWAY, vpcId=vpc, subnetIds=[subnet.id for subnet in subnets],
    )  # fmt: skip
    assert not has_way(aws, PLACE), "no packet comes back"
    with aws.store.reading() as tx:
        (table,) = {row.inputs["routeTableId"] for row in tx.all() if row.type.endswith(":RouteTableAssociation")}
    aws.make(on_aws.ROUTE, routeTableId=table, destinationCidrBlock=RANGE, transitGatewayId=GATEWAY)
    assert not has_way(aws, PLACE), "the cluster's security group refuses it"
    group = cluster.outputs["vpcConfig"]["clusterSecurityGroupId"]
    rule = {"securityGroupId": group, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
    aws.make("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", cidrIpv4="10.254.0.0/24", **rule)
    assert not has_way(aws, PLACE), "a rule for another network"
    aws.make("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", cidrIpv4=RANGE, **rule)
    assert has_way(aws, PLACE)


@pytest.mark.parametrize(("ranges", "way"), [(["203.0.113.0/24"], True), (["198.51.100.0/24"], False)])
def test_on_aws_a_public_endpoint_is_a_way_from_its_ranges(tmp_path: Path, ranges: list[str], way: bool) -> None:
    aws, _, _ = eks(tmp_path, endpointPrivateAccess=True, endpointPublicAccess=True, publicAccessCidrs=ranges)
    assert has_way(aws, PLACE) == way


def test_on_aws_a_route_leads_to_an_attached_gateway_alone(tmp_path: Path) -> None:
    aws, _, _ = eks(tmp_path, **PRIVATE)
    with aws.store.reading() as tx:
        (table,) = {row.inputs["routeTableId"] for row in tx.all() if row.type.endswith(":RouteTableAssociation")}
    with pytest.raises(CloudError, match=f"InvalidTransitGatewayID.NotFound.*{GATEWAY}"):
        aws.make(on_aws.ROUTE, routeTableId=table, destinationCidrBlock=RANGE, transitGatewayId=GATEWAY)


HUB = FLEET.regions["prod-azure-westeurope"].settings.management.azure["external"]
NETWORK = "azure-native:network:VirtualNetwork"
PEERING = "azure-native:network:VirtualNetworkPeering"


def test_on_azure_peering_in_both_directions_and_a_link_of_the_zone_are_a_way(tmp_path: Path) -> None:
    azure = Account(AZURE, tmp_path)
    management.prepare(azure.store, FLEET.regions.values())
    hub = Account(AZURE, tmp_path, {"subscriptionId": HUB.subscription})
    group = {"resourceGroupName": "region"}
    azure.make("azure-native:resources:ResourceGroup", **group, location="westeurope")
    network = azure.make(
        NETWORK, **group, virtualNetworkName="region", addressSpace={"addressPrefixes": ["10.66.0.0/16"]}
    )
    zone_name = {"privateZoneName": "r.private.westeurope.azmk8s.io", "location": "global"}
    zone = azure.make("azure-native:privatedns:PrivateZone", **group, **zone_name)
    profile = {"enablePrivateCluster": True, "subnetId": f"{network.id}/subnets/api", "privateDNSZone": zone.id}
    endpoint = FakeAccess().endpoint
    with azure.store.transaction() as tx:
        scope = f"/subscriptions/{SUBSCRIPTION}"
        uid = tx.insert(_cluster(scope, {"apiServerAccessProfile": profile}))
        tx.mark_cluster(uid, "sandbox", endpoint)
    assert not has_way(azure, endpoint)
    remote = {"remoteVirtualNetwork": {"id": HUB.network}}
    azure.make(PEERING, **group, virtualNetworkName="region", virtualNetworkPeeringName="management", **remote)
    assert not has_way(azure, endpoint), "peering in one direction"
    hub.make(
        PEERING, resourceGroupName=HUB.resource_group, virtualNetworkName=HUB.name, virtualNetworkPeeringName="region",
        remoteVirtualNetwork={"id": network.id},
    )  # fmt: skip
    assert not has_way(azure, endpoint), "the name is not known there"
    link = {"virtualNetworkLinkName": "management", "virtualNetwork": {"id": HUB.network}, "registrationEnabled": False}
    azure.make("azure-native:privatedns:VirtualNetworkLink", **group, **zone_name, **link)
    assert has_way(azure, endpoint)


def _cluster(scope: str, inputs: dict[str, Any]) -> NewResource:
    """An AKS cluster's row, without the control plane behind it."""
    name = f"{scope}/resourceGroups/region/providers/Microsoft.ContainerService/managedClusters/region"
    outputs = {**inputs, "privateFQDN": "region.private.westeurope.azmk8s.io"}
    return NewResource("azure-native", SUBSCRIPTION, "westeurope", AKS, "", name, inputs, outputs, frozenset({name}))


def test_on_azure_networks_that_share_addresses_do_not_peer(tmp_path: Path) -> None:
    azure = Account(AZURE, tmp_path)
    management.prepare(azure.store, FLEET.regions.values())
    group = {"resourceGroupName": "region"}
    azure.make("azure-native:resources:ResourceGroup", **group, location="westeurope")
    azure.make(NETWORK, **group, virtualNetworkName="region", addressSpace={"addressPrefixes": ["10.255.0.0/16"]})
    remote = {"remoteVirtualNetwork": {"id": HUB.network}}
    with pytest.raises(CloudError, match="VnetAddressSpacesOverlap"):
        azure.make(PEERING, **group, virtualNetworkName="region", virtualNetworkPeeringName="management", **remote)
