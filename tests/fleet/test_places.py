"""A region's location, zones, machines and public ranges are held to the clouds' own lists."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import fleet
from fleet.places import places, renew, zones
from tests.fleet.test_fleet import files

CLOUDS = {
    "aws": ("stacks/Pulumi.staging-aws-eu-west-1.yaml", "eu-west-1"),
    "gcp": ("stacks/Pulumi.staging-gcp-us-central1.yaml", "us-central1"),
    "azure": ("stacks/Pulumi.staging-azure-eastus.yaml", "eastus"),
}
POOL = "regions:nodePools: {{ more: {{ machineType: {}, minNodes: 1, maxNodes: 3 }} }}"


def problems(cloud: fleet.Cloud, location: str = "", *lines: str) -> list[fleet.Problem]:
    """The problems of a cloud's shipped stack file with another location, where its API is public, and further settings."""
    (file, shipped), texts = CLOUDS[cloud], files()
    if location:
        lines = ("regions:apiAllowedCidrs: [203.0.113.0/24]", *lines)
    more = "".join(f"\n  {line}" for line in lines)
    texts[file] = texts[file].replace(f"location: {shipped}", f"location: {location or shipped}{more}")
    return list(fleet.load(texts).problems)


@pytest.mark.parametrize(
    ("cloud", "location", "lines", "key", "words"),
    [
        ("aws", "cn-north-1", [], "location", "AWS China.*public cloud"),
        ("aws", "us-gov-west-1", [], "location", "AWS GovCloud"),
        ("aws", "eusc-de-east-1", [], "location", "European Sovereign Cloud"),
        ("azure", "usgovvirginia", [], "location", "Azure Government"),
        ("azure", "chinanorth3", [], "location", "Azure China"),
        ("aws", "eu-west-9", [], "location", "not in the list.*eu-west-.*make places CLOUD=aws"),
        ("gcp", "us-central9", [], "location", "not in the list.*us-central1.*make places CLOUD=gcp"),
        ("azure", "eastus9", [], "location", "not in the list.*eastus.*make places CLOUD=azure"),
        ("aws", "us-west-1", [], "location", "without three zones.*usw1-az1, usw1-az3"),
        ("azure", "westus", [], "location", "without three zones.*none"),
        ("aws", "", ["regions:zones: [a, a, b]"], "zones", "letters are its own.*euw1-az1, euw1-az2, euw1-az3"),
        ("aws", "", ["regions:zones: [euw1-az1, euw1-az1, euw1-az2]"], "zones", "not three different zones"),
        ("aws", "ca-central-1", ["regions:zones: [cac1-az1, cac1-az2, cac1-az3]"], "zones", "cac1-az3.*cac1-az4"),
        ("gcp", "us-east1", ["regions:zones: [us-east1-a, us-east1-b, us-east1-c]"], "zones", "us-east1-a.*us-east1-d"),
        ("azure", "", ['regions:zones: ["1", "2", "4"]'], "zones", "4.*Take three of 1, 2, 3"),
        ("aws", "", [POOL.format("m7g.large")], "nodePools.more.machineType", "arm64"),
        ("gcp", "", [POOL.format("t2a-standard-4")], "nodePools.more.machineType", "arm64"),
        ("azure", "", [POOL.format("Standard_D4ps_v6")], "nodePools.more.machineType", "arm64"),
        ("aws", "", [POOL.format("m7i.largo")], "nodePools.more.machineType", "not a machine type of eu-west-1"),
        (
            "aws",
            "",
            [POOL.format("p4d.24xlarge")],
            "nodePools.more.machineType",
            "not in zone euw1-az1.*but in euw1-az2",
        ),
        ("gcp", "", [POOL.format("n4-standard-4")], "nodePools.more.machineType", "no pd-balanced and pd-ssd"),
        ("gcp", "", [POOL.format("m7i.large")], "nodePools.more.machineType", "not the form"),
        ("azure", "", [POOL.format("D4s_v5")], "nodePools.more.machineType", "not the form"),
        ("azure", "", [POOL.format("Standard_D4_v5")], "nodePools.more.machineType", "without premium disks"),
        ("aws", "me-south-1", [], "size", "m7i.large: not a machine type of me-south-1.*`general`.*nodePools"),
        ("aws", "", ["regions:apiAllowedCidrs: [0.0.0.0/0]"], "apiAllowedCidrs", "whole world"),
        ("aws", "", ["regions:apiAllowedCidrs: [0.0.0.0/1, 128.0.0.0/1]"], "apiAllowedCidrs", "4,294,967,296"),
        ("gcp", "", ["regions:apiAllowedCidrs: [64.0.0.0/3]"], "apiAllowedCidrs", "whole world"),
        ("azure", "", ["regions:apiAllowedCidrs: [10.1.0.0/16]"], "apiAllowedCidrs", "private"),
        ("aws", "", ["regions:apiAllowedCidrs: [100.64.0.0/24]"], "apiAllowedCidrs", "RFC 6598"),
    ],
)
def test_a_place_that_the_cloud_refuses_is_one_problem_with_its_remedy(
    cloud: fleet.Cloud, location: str, lines: list[str], key: str, words: str
) -> None:
    found = problems(cloud, location, *lines)
    assert [problem.key for problem in found] == [f"regions:{key}"]
    assert found[0].file == CLOUDS[cloud][0]
    assert re.search(words, str(found[0])), found[0]


@pytest.mark.parametrize(
    ("cloud", "location", "lines"),
    [
        ("aws", "ca-central-1", []),
        ("aws", "us-east-1", ["regions:zones: [use1-az1, use1-az2, use1-az6]"]),
        ("aws", "", ["regions:apiAllowedCidrs: [203.0.113.0/24, 198.51.100.0/24]"]),
        ("gcp", "us-east1", ["regions:zones: [us-east1-b, us-east1-c, us-east1-d]"]),
        ("gcp", "", [POOL.format("c3-standard-8")]),
        ("azure", "swedencentral", [POOL.format("Standard_E8-4ds_v5")]),
    ],
)
def test_a_place_that_the_cloud_has_is_taken(cloud: fleet.Cloud, location: str, lines: list[str]) -> None:
    assert problems(cloud, location, *lines) == []


def test_the_zones_of_a_region_are_three_that_its_location_has() -> None:
    assert zones("aws", "ca-central-1") == ("cac1-az1", "cac1-az2", "cac1-az4")
    assert zones("aws", "us-east-1") == ("use1-az1", "use1-az2", "use1-az4"), "EKS refuses use1-az3"
    assert zones("gcp", "us-east1") == ("us-east1-b", "us-east1-c", "us-east1-d")
    assert zones("azure", "westeurope") == ("1", "2", "3")


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_list_has_a_date_and_its_locations(cloud: fleet.Cloud) -> None:
    assert places(cloud).date >= "2026"
    assert len(places(cloud).locations) >= 30
    assert not places(cloud).locations.keys() & places(cloud).elsewhere.keys()


def test_a_cloud_s_answers_become_its_list(tmp_path: Path) -> None:
    """The answers have the shapes of the command lines' references."""
    offers = [
        ("m7i.large", "cac1-az1"),
        ("m7i.large", "cac1-az3"),
        ("m7i.large", "cac1-az4"),
        ("p5.48xlarge", "cac1-az4"),
    ]
    aws = renew.aws(
        {"ca-central-1": [{"InstanceType": kind, "Location": zone} for kind, zone in offers]},
        [{"InstanceType": "m7i.large", "ProcessorInfo": {"SupportedArchitectures": ["i386", "x86_64"]}}],
    )
    assert aws["locations"]["ca-central-1"] == {
        "zones": ["cac1-az1", "cac1-az4"],
        "machineTypes": {"cac1-az1 cac1-az4": {"m7i": "large"}, "cac1-az4": {"p5": "48xlarge"}},
    }
    assert aws["architectures"] == {"m7i": "x86_64"}
    region = "https://www.googleapis.com/compute/v1/projects/p/regions/us-east1"
    gcp = renew.gcp([{"name": "us-east1-c", "region": region}, {"name": "us-east1-b", "region": region}])
    assert gcp == {"locations": {"us-east1": {"zones": ["us-east1-b", "us-east1-c"]}}}
    azure = renew.azure(
        [
            {
                "name": "eastus",
                "metadata": {"regionType": "Physical"},
                "availabilityZoneMappings": [{"logicalZone": "1"}],
            },
            {"name": "westus", "metadata": {"regionType": "Physical"}},
            {"name": "europe", "metadata": {"regionType": "Logical"}},
        ]
    )
    assert azure == {"locations": {"eastus": {"zones": ["1"]}, "westus": {"zones": []}}}
    renew.write("azure", azure, "a test", "2026-11-28", tmp_path)
    written = json.loads((tmp_path / "azure.json").read_text())
    assert written.keys() == {"date", "source", "elsewhere", "locations"}
