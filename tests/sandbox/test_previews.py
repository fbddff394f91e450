"""The first preview of every region, as CI shows it on the pull request that adds it: nothing is there yet."""

from __future__ import annotations

import json

import pytest

import fleet
from sandbox import lifecycle, regions
from sandbox.home import CHECKOUT, Home

FLEET = fleet.read(CHECKOUT)
CLUSTER = {
    "aws": "aws:eks/cluster:Cluster",
    "gcp": "gcp:container/cluster:Cluster",
    "azure": "azure-native:containerservice:ManagedCluster",
}


@pytest.mark.parametrize("region", FLEET.regions)
def test_the_first_preview_shows_what_would_be_created_and_creates_nothing(home: Home, region: str) -> None:
    lifecycle.publish(home, CHECKOUT, [])
    checkout = lifecycle.clone(home)
    lifecycle.initialise_stacks(home, [region])
    steps = json.loads(regions.pulumi(home, checkout, "preview", "--json", "-s", region))["steps"]
    assert {step["op"] for step in steps} == {"create"}
    kinds = [step["newState"]["type"] for step in steps]
    assert kinds.count(CLUSTER[FLEET.regions[region].settings.cloud]) == 1
    assert kinds.count("kubernetes:argoproj.io/v1alpha1:Application") == 1
    assert regions.resources(home, region) == 0
    assert lifecycle.status(home)["clusters"] == []
