"""A region's API server is within reach: by a management network, by named ranges, or by Google Cloud's own endpoint."""

from __future__ import annotations

import re

import pytest

import fleet
from fleet.management import AwsManagement, AzureManagement
from tests.fleet.test_fleet import edited
from tests.repository import ROOT

AWS = "stacks/Pulumi.staging-aws-eu-west-1.yaml"
AZURE = "stacks/Pulumi.staging-azure-eastus.yaml"
GATEWAY = "transitGateway: tgw-00000000000000001"


def test_every_shipped_region_is_within_reach() -> None:
    shipped = fleet.read(ROOT)
    for region in shipped.regions.values():
        network = region.settings.management_network
        assert (
            type(network) is {"aws": AwsManagement, "azure": AzureManagement, "gcp": type(None)}[region.settings.cloud]
        )


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "words"),
    [
        (
            "Pulumi.yaml",
            "staging/eu-west-1:",
            "staging/eu-west-2:",
            "management",
            "`staging/eu-west-1`.*bootstrap/.*apiAllowedCidrs",
        ),
        (AWS, "location: eu-west-1", "location: eu-west-2", "management", "`staging/eu-west-2`.*Pulumi.yaml"),
        ("Pulumi.yaml", "        staging:\n", "        other:\n", "management", "no azure network for `staging`"),
        ("Pulumi.yaml", "10.255.0.0/24", "10.16.8.0/24", "network", "overlaps 10.16.8.0/24, the management network"),
        (
            "Pulumi.yaml",
            GATEWAY,
            "transitGateway: vpc-1",
            "management.aws.staging/eu-west-1.transitGateway",
            "tgw-0123",
        ),
        ("Pulumi.yaml", "virtualNetworks/staging", "subnets/x", "management.azure.staging.network", "resource id"),
    ],
)
def test_a_region_out_of_reach_is_refused(file: str, old: str, new: str, key: str, words: str) -> None:
    found = fleet.load(edited(file, old, new)).problems
    assert {problem.key for problem in found} == {f"regions:{key}"}
    assert all(re.search(words, str(problem)) for problem in found), found


def test_named_ranges_are_a_way_in_as_well() -> None:
    line = "location: eu-west-2\n  regions:apiAllowedCidrs: [203.0.113.0/24]"
    assert fleet.load(edited(AWS, "location: eu-west-1", line)).problems == ()


def test_a_stack_file_may_name_a_network_of_its_own() -> None:
    own = (
        "{ aws: { staging/eu-west-2: { range: 10.254.0.0/24, transitGateway: tgw-0123456789abcdef0, runner: here } } }"
    )
    texts = edited(AWS, "location: eu-west-1", f"location: eu-west-2\n  regions:management: {own}")
    region = fleet.load(texts).region("staging-aws-eu-west-1")
    network = region.settings.management_network
    assert isinstance(network, AwsManagement)
    assert (network.transit_gateway, network.runner) == ("tgw-0123456789abcdef0", "here")
