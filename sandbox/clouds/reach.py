"""The network between this machine and the API servers of SIMULATED clusters: whether packets have a way there and back.

This machine is in the management networks, and its packets to the internet come from `EGRESS`. Every exec plugin asks here before
it hands out a token, and fails like a client whose packets get no answer. Imports only Python's own library.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any, Final

from sandbox.clouds.core.store import Row
from sandbox.machine.errors import SandboxError

EGRESS: Final = ipaddress.ip_address("203.0.113.7")
"""TEST-NET-3 (RFC 5737), so that a simulated address is nobody's."""
EKS, AKS, GKE = (
    "aws:eks/cluster:Cluster",
    "azure-native:containerservice:ManagedCluster",
    "gcp:container/cluster:Cluster",
)


class NoWayError(SandboxError):
    """No packet reaches the API server, or none comes back."""


def require_way(rows: Iterable[Row], cluster: str) -> None:
    """Raise NoWayError unless there is a way to a cluster: `location/name` on AWS, else its endpoint."""
    rows = list(rows)
    for row in rows:
        if row.type == EKS and f"{row.location}/{row.id}" == cluster:
            _require(_eks_way(row, rows), _address(_of(row.outputs, "vpcConfig.subnetIds"), rows), "regions:management")
        if row.type == AKS and row.endpoint == cluster:
            _require(
                _aks_way(row, rows),
                str(row.outputs.get("privateFQDN") or row.outputs.get("fqdn")),
                "regions:management",
            )
        if row.type == GKE and row.endpoint == cluster:
            path = "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic"
            _require(bool(_of(row.outputs, path)), cluster.removeprefix("https://"), "allowExternalTraffic")


def _require(way: bool, address: str, setting: str) -> None:
    if not way:
        raise NoWayError(
            f"dial tcp {address}:443: i/o timeout. No network of this machine has a way there: see {setting}"
        )


def _of(values: Any, path: str) -> Any:
    for part in path.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _allowed(ranges: Iterable[str]) -> bool:
    """Whether this machine's packets to the internet come from one of the ranges."""
    return any(EGRESS in ipaddress.ip_network(text) for text in ranges)


def _address(subnets: Iterable[str] | None, rows: list[Row]) -> str:
    """The address of a control plane's interface in the first of its subnets."""
    first = next(iter(subnets or ()), None)
    block = next((row.inputs["cidrBlock"] for row in rows if row.id == first), "10.0.0.0/16")
    return str(ipaddress.ip_network(block)[10])


def _eks_way(cluster: Row, rows: list[Row]) -> bool:
    """Public access from the machine's address, or a transit gateway with routes back and the group's rule for the gateway's side.

    docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html, "Accessing a private only API server".
    """
    network = cluster.outputs["vpcConfig"]
    if network.get("endpointPublicAccess") and _allowed(network.get("publicAccessCidrs") or ()):
        return True
    gateways = {
        row.inputs["transitGatewayId"]
        for row in rows
        if row.type == "aws:ec2transitgateway/vpcAttachment:VpcAttachment"
        and row.inputs["vpcId"] == network.get("vpcId")
    }
    tables = {
        row.inputs["routeTableId"]
        for row in rows
        if row.type == "aws:ec2/routeTableAssociation:RouteTableAssociation"
        and row.inputs["subnetId"] in network["subnetIds"]
    }
    routes = [
        row.inputs
        for row in rows
        if row.type == "aws:ec2/route:Route" and row.inputs.get("transitGatewayId") in gateways
    ]
    rules = [
        ipaddress.ip_network(row.inputs["cidrIpv4"])
        for row in rows
        if row.type == "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
        and row.inputs["securityGroupId"] == network.get("clusterSecurityGroupId")
        and row.inputs["fromPort"] <= 443 <= row.inputs["toPort"]
    ]
    sides = {route["destinationCidrBlock"] for route in routes}
    return any(
        tables <= {route["routeTableId"] for route in routes if route["destinationCidrBlock"] == side}
        and any(ipaddress.ip_network(side).subnet_of(rule) for rule in rules)  # type: ignore[arg-type]
        for side in sides
    )


def _aks_way(cluster: Row, rows: list[Row]) -> bool:
    """Authorised ranges, or peering in both directions with a network that the API server's zone is linked to.

    learn.microsoft.com/azure/aks/private-clusters, "Virtual network peering".
    """
    profile = cluster.inputs.get("apiServerAccessProfile") or {}
    if not profile.get("enablePrivateCluster"):
        return _allowed(profile.get("authorizedIPRanges") or ("0.0.0.0/0",))
    own = str(profile.get("subnetId")).lower().partition("/subnets/")[0]
    peerings = {
        (
            row.id.lower().partition("/virtualnetworkpeerings/")[0],
            str(_of(row.inputs, "remoteVirtualNetwork.id")).lower(),
        )
        for row in rows
        if row.type == "azure-native:network:VirtualNetworkPeering"
    }
    linked = {
        str(_of(row.inputs, "virtualNetwork.id")).lower()
        for row in rows
        if row.type == "azure-native:privatedns:VirtualNetworkLink"
        and row.id.lower().startswith(str(profile.get("privateDNSZone")).lower() + "/")
    }
    return any((own, hub) in peerings and (hub, own) in peerings for hub in linked - {own})
