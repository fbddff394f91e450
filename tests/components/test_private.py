"""A customer's region shares no credential and no route with another tenant's: read from what is made of both."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import IPv4Network
from typing import Any

import pytest

import fleet
from components.shared.secrets import read_secrets
from fleet.keys import RECEIPTS_KEY
from fleet.settings import AwsSettings, AzureSettings
from tests.components.recording import FLEET, REPOSITORY, record, recorded
from tests.repository import ROOT
from waves.review.render import render, sources

FILES = sources(ROOT)
COMMIT = "9f6a403fb75e95b441c10d57cd87720841a814f2"
JOINING = re.compile(
    r"peering|transitgateway|vpn|interconnect|expressroute|endpointservice|privatelinkservice|sharedvpc|ram/"
)
"""Kinds of resources, in lower case, that join two networks."""
ADDRESSES = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?")
EVERYWHERE = IPv4Network("0.0.0.0/0")
"""The way out to the internet, which every region has for itself."""


@dataclass(frozen=True)
class Thing:
    """A cloud's resource or a Kubernetes object: its kind, all its text, and the address ranges in it."""

    kind: str
    text: str
    networks: tuple[IPv4Network, ...]


@dataclass(frozen=True)
class Made:
    """All that a region is made of: what Pulumi registers, and what Argo CD deploys."""

    region: fleet.Region
    things: tuple[Thing, ...]
    secrets: frozenset[str]

    def with_more(self, kind: str, inputs: Any) -> Made:
        """The same with one thing more."""
        more = made_of(self.region, [(kind, inputs)])
        return replace(self, things=(*self.things, *more.things), secrets=self.secrets | more.secrets)


def private(like: str, **changed: Any) -> fleet.Region:
    """A shared region as it were if it were tenant globex's, with everything of its own."""
    own = {"tenant": "globex", "receipts_app": "1000009", "receipts_installation": "2000009",
           "receipts_login": "globex-receipts[bot]", "network": IPv4Network("10.200.0.0/16")}  # fmt: skip
    region = FLEET.regions[like]
    settings = region.settings.model_copy(update={**own, **changed})
    return replace(region, name=f"globex-{settings.cloud}", settings=settings)


AZURE = FLEET.regions["prod-azure-westeurope"].settings.azure
assert AZURE is not None
REGIONS = {
    **FLEET.regions,
    "globex-aws": private("prod-aws-us-east-1", aws=AwsSettings(account_id="999988887777")),
    "globex-azure": private(
        "prod-azure-westeurope",
        azure=AzureSettings(
            subscription_id="88888888-aaaa-4bbb-8ccc-000000000008",
            directory_id=AZURE.directory_id,
            deploy_group_id="66666666-aaaa-4bbb-8ccc-000000000008",
        ),
    ),
}
PRIVATE = [name for name, region in REGIONS.items() if region.settings.private]


@cache
def made(name: str) -> Made:
    """What a region is made of."""
    region = REGIONS[name]
    of_it = recorded(name) if name in FLEET.regions else record(region)
    resources = [(each.type, each.inputs) for each in of_it.resources]
    objects = [(item["kind"], item) for item in render(FILES, region, REPOSITORY, COMMIT)]
    return made_of(region, [*resources, *objects])


def made_of(region: fleet.Region, given: list[tuple[str, Any]]) -> Made:
    """A region of such things, looked through once."""
    things = tuple(Thing(kind, "\n".join(texts(inputs)), tuple(networks(inputs))) for kind, inputs in given)
    values = [
        inputs.get(key) or {} for kind, inputs in given if kind.endswith("Secret") for key in ("stringData", "data")
    ]
    keys = frozenset(text for each in values for text in texts(each) if "PRIVATE KEY" in text)
    return Made(region, things, keys)


def texts(value: Any) -> Iterator[str]:
    """Every text in a value, keys too."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)
    else:
        yield str(value)


def names(region: fleet.Region) -> dict[str, str]:
    """What only this region's cloud, host and people have a use for: by it they would be let in."""
    settings = region.settings
    found = {"name": region.name, "app": settings.receipts_app, "installation": settings.receipts_installation}
    if settings.aws:
        found["account"] = settings.aws.account_id
    if settings.gcp:
        found["project"] = settings.gcp.project
    if settings.azure:
        found |= {"subscription": settings.azure.subscription_id, "group": settings.azure.deploy_group_id}
    return found


def networks(value: Any) -> Iterator[IPv4Network]:
    """The address ranges in a value that could be another region's, or hold it."""
    for text in texts(value):
        for found in ADDRESSES.findall(text):
            try:
                network = IPv4Network(found, strict=False)
            except ValueError:  # a version, say
                continue
            if network != EVERYWHERE:
                yield network


def shared(mine: Made, other: Made) -> list[str]:
    """What a region has of another's: names, address ranges, secrets, and whatever could join their networks."""
    found = []
    for thing in mine.things:
        found += [f"{thing.kind} has the other's {w}" for w, name in names(other.region).items() if name in thing.text]
        if any(network.overlaps(other.region.settings.network) for network in thing.networks):
            found.append(f"{thing.kind} has the other's addresses")
        if JOINING.search(thing.kind.lower()):
            found.append(f"{thing.kind} joins networks")
    return found + ["a secret of both"] * len(mine.secrets & other.secrets)


@pytest.mark.parametrize("one", PRIVATE)
def test_a_private_region_shares_no_credential_and_no_route_with_another_tenants(one: str) -> None:
    tenant = REGIONS[one].settings.tenant
    others = [name for name, region in REGIONS.items() if region.settings.tenant != tenant]
    assert len(others) >= len(FLEET.regions) - 1
    for other in others:
        assert shared(made(one), made(other)) == [], other
        assert shared(made(other), made(one)) == [], other


@pytest.mark.parametrize("one", PRIVATE)
def test_what_is_looked_for_is_there_in_the_region_itself(one: str) -> None:
    """Or the test before this one would find nothing wherever it looks."""
    own = made(one)
    everything = "\n".join(thing.text for thing in own.things)
    assert [what for what, name in names(own.region).items() if name not in everything] == []
    assert len(own.secrets) == 1
    assert any(network.overlaps(own.region.settings.network) for thing in own.things for network in thing.networks)


PLANTS: dict[str, tuple[str, Callable[[Made], Any], str]] = {
    "a peering": ("gcp:compute/networkPeering:NetworkPeering", lambda other: {}, "joins networks"),
    "a transit gateway": ("aws:ec2transitgateway/vpcAttachment:VpcAttachment", lambda other: {}, "joins networks"),
    "a route": ("aws:ec2/route:Route",
                lambda other: {"destinationCidrBlock": str(other.region.settings.network)}, "other's addresses"),
    "a way in for all of 10.0.0.0/8": ("NetworkPolicy", lambda other: {"from": [{"cidr": "10.0.0.0/8"}]}, "other's addresses"),
    "an address": ("Deployment", lambda other: {"args": [f"--peer={other.region.settings.network[9]}:80"]}, "other's addresses"),
    "a service account": ("gcp:projects/iAMMember:IAMMember",
                          lambda other: {"member": f"serviceAccount:{other.region.name}-nodes@example.com"}, "other's name"),
    "a role of its account": ("aws:iam/role:Role",
                              lambda other: {"assumeRolePolicy": json.dumps(names(other.region))}, "other's app"),
    "the same key": ("kubernetes:core/v1:Secret",
                     lambda other: {"stringData": {"key": next(iter(other.secrets))}}, "a secret of both"),
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS)
def test_a_credential_or_route_that_is_planted_is_found(plant: str) -> None:
    kind, inputs, words = PLANTS[plant]
    mine, other = made("acme-gcp-europe-west4"), made("prod-gcp-europe-west4")
    found = shared(mine.with_more(kind, inputs(other)), other)
    assert any(words in each for each in found), found


def test_the_shared_key_does_not_get_into_a_private_region_though_it_is_in_the_environment() -> None:
    shared_key = {RECEIPTS_KEY: "-----BEGIN PRIVATE KEY----- of all others"}
    with pytest.raises(fleet.FleetError, match=f"{RECEIPTS_KEY}_ACME: not set"):
        read_secrets(REGIONS["acme-gcp-europe-west4"], shared_key)
