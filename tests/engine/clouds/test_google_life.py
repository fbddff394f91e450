"""The life of a region on Google Cloud: Google's own patches, its end with locked backups, and the same name again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import fleet
from sandbox.clouds.gcp.patches import PATCH, patch_clusters
from sandbox.machine.home import CHECKOUT
from tests.engine.clouds.engine_harness import ClusterStack, cluster_stack

REGION = "prod-gcp-europe-west4"
POOL = "gcp:container/nodePool:NodePool"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[ClusterStack]:
    """An empty cloud, and a stack of a production region that is not protected."""
    with cluster_stack(fleet.read(CHECKOUT).regions[REGION], tmp_path) as stack:
        add_setting(stack, "protect: false")
        yield stack


def add_setting(cloud: ClusterStack, setting: str) -> None:
    """Add a line to the region's stack file."""
    text = cloud.stack_file.read_text()
    cloud.stack_file.write_text(text.replace("config:\n", f"config:\n  regions:{setting}\n", 1))


def test_a_patch_by_google_is_no_drift_and_nodes_follow_it_at_the_next_update_of_the_cluster(
    cloud: ClusterStack,
) -> None:
    assert cloud.up() == ""
    patch_clusters(cloud.store)
    cloud.pulumi("refresh", "--preview-only", "--expect-no-changes")
    assert cloud.preview() == []
    assert not any(PATCH in row.inputs["version"] for row in cloud.rows() if row.type == POOL)
    add_setting(cloud, "tags: { data-class: internal }")
    assert cloud.up() == ""
    assert all(PATCH in row.inputs["version"] for row in cloud.rows() if row.type == POOL)
    assert cloud.preview() == []


def test_a_production_region_ends_but_for_its_backup_plan_and_its_name_can_be_used_again(cloud: ClusterStack) -> None:
    plans = []
    for _ in range(2):
        assert cloud.up() == ""
        plans += cloud.kept_ids()
        assert cloud.destroy() == ""
        assert cloud.state_ids() == []
        assert cloud.cloud_ids() == sorted(plans)
    assert len(set(plans)) == 2
    assert all("backupPlan" in plan for plan in plans)
