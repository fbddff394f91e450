"""A customer's region shares no credential and no route with another tenant's. Both are read from their resources."""

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
from fleet.management import AwsManagement, AzureManagement, Management
from fleet.settings import AwsSettings, AzureSettings, GitHubApps, StatusApp
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
class Item:
    """A cloud's resource or a Kubernetes object: its kind, all its text, and the address ranges in it."""

    kind: str
    text: str
    networks: tuple[IPv4Network, ...]


@dataclass(frozen=True)
class RegionContents:
    """All parts of a region: the resources that Pulumi registers, and the objects that Argo CD deploys."""

    region: fleet.Region
    items: tuple[Item, ...]
    secrets: frozenset[str]

    def with_more(self, kind: str, inputs: Any) -> RegionContents:
        """The same with one item more."""
        addition = contents_of(self.region, [(kind, inputs)])
        return replace(self, items=(*self.items, *addition.items), secrets=self.secrets | addition.secrets)


HUBS = Management(
    aws={
        "globex/us-east-1": AwsManagement(range=IPv4Network("10.254.0.0/24"), transit_gateway="tgw-0000000000000000f")
    },
    azure={
        "globex": AzureManagement(
            range=IPv4Network("10.254.1.0/24"),
            network="/subscriptions/99999999-bbbb-4bbb-8ccc-000000000001/resourceGroups/hub/providers/Microsoft.Network"
            "/virtualNetworks/globex",
        )
    },
)


def private(like: str, **changes: Any) -> fleet.Region:
    """A shared region as it were if it were tenant globex's, with everything of its own."""
    status = StatusApp(app_id="1000009", installation_id="2000009", login="globex-receipts[bot]")
    region = FLEET.regions[like]
    own = {
        "tenant": "globex",
        "github_apps": GitHubApps(status=status),
        "network": IPv4Network("10.200.0.0/16"),
        "management": HUBS,
    }
    settings = region.settings.model_copy(update={**own, **changes})
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
def contents(name: str) -> RegionContents:
    """All parts of a region."""
    region = REGIONS[name]
    recorded_region = recorded(name) if name in FLEET.regions else record(region)
    resources = [(resource.type, resource.inputs) for resource in recorded_region.resources]
    objects = [(item["kind"], item) for item in render(FILES, region, REPOSITORY, COMMIT)]
    return contents_of(region, [*resources, *objects])


def contents_of(region: fleet.Region, resources: list[tuple[str, Any]]) -> RegionContents:
    """A region of such items, looked through once."""
    items = tuple(Item(kind, "\n".join(texts(inputs)), tuple(networks(inputs))) for kind, inputs in resources)
    values = [
        inputs.get(key) or {} for kind, inputs in resources if kind.endswith("Secret") for key in ("stringData", "data")
    ]
    keys = frozenset(text for secret_data in values for text in texts(secret_data) if "PRIVATE KEY" in text)
    return RegionContents(region, items, keys)


def texts(value: Any) -> Iterator[str]:
    """Every text in a value, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)
    else:
        yield str(value)


def names(region: fleet.Region) -> dict[str, str]:
    """Names of this region alone: its own name, and those of its app, account, project, subscription and group."""
    settings = region.settings
    own_names = {
        "name": region.name,
        "app": settings.github_apps.status.app_id,
        "installation": settings.github_apps.status.installation_id,
    }
    if settings.aws:
        own_names["account"] = settings.aws.account_id
    if settings.gcp:
        own_names["project"] = settings.gcp.project
    if settings.azure:
        own_names |= {"subscription": settings.azure.subscription_id, "group": settings.azure.deploy_group_id}
    return own_names


def networks(value: Any) -> Iterator[IPv4Network]:
    """The address ranges in a value that could be another region's, or hold it."""
    for text in texts(value):
        for address in ADDRESSES.findall(text):
            try:
                network = IPv4Network(address, strict=False)
            except ValueError:  # a version, say
                continue
            if network != EVERYWHERE:
                yield network


def joins_own_hub(item: Item, mine: fleet.Region, other: fleet.Region) -> bool:
    """Whether a resource joins a region to the network of its own environment's runners, which the other does not join."""
    network = mine.settings.management_network
    if network is None or network == other.settings.management_network:
        return False
    if isinstance(network, AwsManagement):
        return network.transit_gateway in item.text
    return network.network in item.text or (network.resource_group in item.text and network.name in item.text)


def shared(mine: RegionContents, other: RegionContents) -> list[str]:
    """A region's overlap with another: names, address ranges, secrets, and resources that could join their networks."""
    findings = []
    for item in mine.items:
        findings += [
            f"{item.kind} has the other's {kind}" for kind, name in names(other.region).items() if name in item.text
        ]
        if any(network.overlaps(other.region.settings.network) for network in item.networks):
            findings.append(f"{item.kind} has the other's addresses")
        if JOINING.search(item.kind.lower()) and not joins_own_hub(item, mine.region, other.region):
            findings.append(f"{item.kind} joins networks")
    return findings + ["a secret of both"] * len(mine.secrets & other.secrets)


@pytest.mark.parametrize("one", PRIVATE)
def test_a_private_region_shares_no_credential_and_no_route_with_another_tenants(one: str) -> None:
    tenant = REGIONS[one].settings.tenant
    others = [name for name, region in REGIONS.items() if region.settings.tenant != tenant]
    assert len(others) >= len(FLEET.regions) - 1
    for other in others:
        assert shared(contents(one), contents(other)) == [], other
        assert shared(contents(other), contents(one)) == [], other


@pytest.mark.parametrize("one", PRIVATE)
def test_a_regions_names_and_secrets_are_in_its_own_parts(one: str) -> None:
    """Otherwise the test before this one could not fail."""
    own = contents(one)
    everything = "\n".join(item.text for item in own.items)
    assert [kind for kind, name in names(own.region).items() if name not in everything] == []
    assert len(own.secrets) == 1
    assert any(network.overlaps(own.region.settings.network) for item in own.items for network in item.networks)


PLANTS: dict[str, tuple[str, Callable[[RegionContents], Any], str]] = {
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
def test_a_planted_credential_or_route_is_reported(plant: str) -> None:
    kind, inputs, words = PLANTS[plant]
    mine, other = contents("acme-gcp-europe-west4"), contents("prod-gcp-europe-west4")
    findings = shared(mine.with_more(kind, inputs(other)), other)
    assert any(words in finding for finding in findings), findings


def test_a_private_region_does_not_get_the_shared_key_from_the_environment() -> None:
    shared_key = {RECEIPTS_KEY: "-----BEGIN PRIVATE KEY----- of all others"}
    with pytest.raises(fleet.FleetError, match=f"{RECEIPTS_KEY}_ACME: not set"):
        read_secrets(REGIONS["acme-gcp-europe-west4"], shared_key)
