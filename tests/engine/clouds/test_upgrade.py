"""A new Kubernetes version goes through a region in its order, and replaces no cluster, no node pool and no volume."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fleet
from sandbox.machine.home import CHECKOUT
from tests.engine.clouds.engine_harness import cluster_stack

FLEET = fleet.read(CHECKOUT)
OLD, NEW = sorted(fleet.KUBERNETES)[-2:]
ORDER = {
    "staging-aws-eu-west-1": ["aws:eks:Cluster", "aws:eks:Addon", "aws:eks:NodeGroup"],
    "staging-gcp-us-central1": ["gcp:container:Cluster", "gcp:container:NodePool"],
    "staging-azure-eastus": ["azure-native:containerservice:ManagedCluster", "azure-native:containerservice:AgentPool"],
}
"""Control plane, then nodes. On AWS the nodes' daemon sets are add-ons, and come between."""


@pytest.mark.parametrize("name", ORDER)
def test_the_next_version_moves_control_plane_then_nodes_and_replaces_nothing(name: str, tmp_path: Path) -> None:
    with cluster_stack(FLEET.regions[name], tmp_path) as cloud:
        text = cloud.stack_file.read_text()
        cloud.stack_file.write_text(text.replace("config:\n", f'config:\n  regions:kubernetesVersion: "{OLD}"\n'))
        assert cloud.up() == ""
        before = cloud.cloud_ids()
        cloud.stack_file.write_text(cloud.stack_file.read_text().replace(f'"{OLD}"', f'"{NEW}"'))
        assert {step["op"] for step in cloud.preview()} == {"update"}
        output = cloud.pulumi("up", "--yes", "--skip-preview")
        updated = re.findall(r"~ +(\S+) \S+ updated \(", output)
        order = [kind for kind in dict.fromkeys(updated) if kind in ORDER[name]]
        assert order == ORDER[name], output
        assert cloud.cloud_ids() == before, "the very same resources"
        assert all(NEW in version for version in cloud.clusters.clusters.values())
        assert cloud.preview() == []
