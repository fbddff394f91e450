"""The first preview of every region, as on the pull request that adds the region: no resource exists, no policy is violated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fleet
from sandbox import lifecycle
from sandbox.demo import regions
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home

FLEET = fleet.read(CHECKOUT)
CLUSTER = {
    "aws": "aws:eks/cluster:Cluster",
    "gcp": "gcp:container/cluster:Cluster",
    "azure": "azure-native:containerservice:ManagedCluster",
}


@pytest.fixture
def checkout(home: Home) -> Path:
    """A fresh clone of this checkout."""
    lifecycle.publish(home, CHECKOUT, [])
    return lifecycle.clone(home)


@pytest.mark.parametrize("region", FLEET.regions)
def test_the_first_preview_shows_the_new_resources_and_creates_nothing(home: Home, checkout: Path, region: str) -> None:
    lifecycle.initialise_stacks(home, [region])
    preview = regions.pulumi(home, checkout, "preview", "--json", "--policy-pack", "policy", "-s", region)
    steps = json.loads(preview)["steps"]
    assert {step["op"] for step in steps} == {"create"}
    kinds = [step["newState"]["type"] for step in steps]
    assert kinds.count(CLUSTER[FLEET.regions[region].settings.cloud]) == 1
    assert kinds.count("kubernetes:argoproj.io/v1alpha1:Application") == 1
    assert regions.resources(home, region) == 0
    assert lifecycle.status(home)["clusters"] == []


@pytest.mark.parametrize(
    ("region", "file", "before", "after", "policy"),
    [
        ("staging-aws-eu-west-1", "aws/keys.py", "enable_key_rotation=True", "enable_key_rotation=False", "rotated-keys"),
        ("prod-aws-us-east-1", "aws/cluster.py", "deletion_protection=region.protected", "deletion_protection=False",
         "deletion-protection"),
        ("prod-aws-us-east-1", "shared/cluster.py", "protect=self.protect, **options", "**options", "protected"),
        ("staging-gcp-us-central1", "gcp/cluster.py", "enable_private_nodes=True", "enable_private_nodes=False", "private-nodes"),
        ("staging-gcp-us-central1", "gcp/cluster.py", '"APISERVER", ', "", "control-plane-logs"),
        ("staging-azure-eastus", "azure/cluster.py", "disable_local_accounts=True", "disable_local_accounts=False",
         "static-credentials"),
    ],
)  # fmt: skip
def test_a_change_that_breaks_a_policy_fails_its_preview(
    home: Home, checkout: Path, region: str, file: str, before: str, after: str, policy: str
) -> None:
    source = checkout / "components" / file
    text = source.read_text()
    assert before in text
    source.write_text(text.replace(before, after))
    lifecycle.initialise_stacks(home, [region])
    with pytest.raises(SandboxError, match=rf"\[mandatory\] *{policy}\b"):
        regions.pulumi(home, checkout, "preview", "--policy-pack", "policy", "-s", region)
    assert lifecycle.status(home)["clusters"] == []
