"""How a region's /16 is divided: pure address arithmetic, so that it can be read and tested without a cloud."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network


@dataclass(frozen=True)
class AwsAddresses:
    """One private and one public subnet for each of three zones."""

    private: tuple[IPv4Network, ...]
    """/18 each, 16,379 usable addresses: with the VPC CNI every pod takes one."""
    public: tuple[IPv4Network, ...]
    """/24 each: NAT gateways and internet-facing load balancers only."""


@dataclass(frozen=True)
class GcpAddresses:
    """One subnetwork with two secondary ranges (VPC-native), and the control plane's own range."""

    nodes: IPv4Network
    services: IPv4Network
    control_plane: IPv4Network
    """/28, as GKE asks for: cloud.google.com/kubernetes-engine/docs/how-to/legacy/network-isolation."""
    pods: IPv4Network
    """/17: 128 nodes at GKE's default of 110 pods, which take a /24 each."""


@dataclass(frozen=True)
class AzureAddresses:
    """Nodes and the API server's delegated subnet. Pods and services live in an overlay outside of the region's range."""

    nodes: IPv4Network
    api_server: IPv4Network
    """/28, the least that API-server VNet integration takes: learn.microsoft.com/azure/aks/api-server-vnet-integration."""


def aws(network: IPv4Network) -> AwsAddresses:
    """Three quarters are the zones' private subnets. The last quarter begins with the public ones."""
    *private, last_quarter = network.subnets(prefixlen_diff=2)
    return AwsAddresses(tuple(private), tuple(last_quarter.subnets(new_prefix=24))[:3])


def gcp(network: IPv4Network) -> GcpAddresses:
    """The upper half is for pods. The lower half begins with nodes, services and the control plane."""
    lower, pods = network.subnets(prefixlen_diff=1)
    nodes, services, third, *_ = lower.subnets(new_prefix=20)
    return GcpAddresses(nodes, services, next(third.subnets(new_prefix=28)), pods)


def azure(network: IPv4Network) -> AzureAddresses:
    """A quarter is for nodes. The next quarter begins with the API server's subnet."""
    nodes, second, *_ = network.subnets(prefixlen_diff=2)
    return AzureAddresses(nodes, next(second.subnets(new_prefix=28)))
