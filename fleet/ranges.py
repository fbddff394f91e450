"""Address ranges: their form in files, and those that may reach a Kubernetes API from the internet.

The check of the files and the policy both judge by this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Annotated

from pydantic import BeforeValidator


def _text(value: object) -> object:
    """Refuse a number or a truth value, which Python would accept as an address."""
    if not isinstance(value, str | IPv4Network):
        raise ValueError("not an address range")
    return value


Network = Annotated[IPv4Network, BeforeValidator(_text, json_schema_input_type=str)]
"""A range of addresses in CIDR notation."""

MOST_ADDRESSES = 2**20
"""Ranges with more addresses, all together, are no company's own: a /12."""

RESERVED = {
    **dict.fromkeys(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), "private (RFC 1918)"),
    "0.0.0.0/8": "this host (RFC 1122)",
    "100.64.0.0/10": "a provider's own (RFC 6598)",
    "127.0.0.0/8": "loopback (RFC 1122)",
    "169.254.0.0/16": "link-local (RFC 3927)",
    "224.0.0.0/4": "multicast (RFC 5771)",
    "240.0.0.0/4": "reserved (RFC 1112)",
}
"""Ranges that no packet from the internet has, and that EKS refuses.
Source: docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html."""


def too_many(ranges: Iterable[IPv4Network | IPv6Network]) -> int | None:
    """The number of networks' addresses if it is too large, counted together: the world's two halves are the world.

    Of IPv6, a /48 counts as one address: a site's own network (RFC 6177).
    """
    ranges = list(ranges)
    fours = collapse_addresses(net for net in ranges if isinstance(net, IPv4Network) and not reserved(net))
    sixes = collapse_addresses(net for net in ranges if isinstance(net, IPv6Network))
    count = sum(net.num_addresses for net in fours)
    count += sum(max(net.num_addresses >> 80, 1) for net in sixes)
    return count if count > MOST_ADDRESSES else None


def reserved(network: IPv4Network) -> str | None:
    """The purpose of a range that the internet does not have."""
    return next((purpose for other, purpose in RESERVED.items() if network.subnet_of(IPv4Network(other))), None)
