"""A region's life on AWS: built, grown by the autoscaler, edited, changed by a person, removed, and made again under its name."""

from __future__ import annotations

from pathlib import Path

import pytest

import fleet
from sandbox.clouds.core.store import Row
from sandbox.machine.home import CHECKOUT
from tests.engine.clouds.engine_harness import ClusterStack, cluster_stack

FLEET = fleet.read(CHECKOUT)
STAGING, PRODUCTION = "staging-aws-eu-west-1", "prod-aws-us-east-1"
GROUP = "aws:eks/nodeGroup:NodeGroup"
POOLS = """config:
  regions:nodePools:
    general: {{ machineType: {machine}, minNodes: {least}, maxNodes: {most} }}
"""


def groups(cloud: ClusterStack) -> list[Row]:
    """The node groups, in the order of their names."""
    return sorted((row for row in cloud.rows() if row.type == GROUP), key=lambda row: row.id)


def sizes(cloud: ClusterStack) -> list[int]:
    """The number of nodes of each group, in order."""
    return sorted(int(row.outputs["scalingConfig"]["desiredSize"]) for row in groups(cloud))


def resize(cloud: ClusterStack, **change: int) -> None:
    """Change the first group's size in the cloud."""
    with cloud.store.transaction() as tx:
        row = min((row for row in tx.all() if row.type == GROUP), key=lambda row: row.id)
        scaling = {"scalingConfig": {**row.outputs["scalingConfig"], **change}}
        tx.save(row.uid, row.inputs | scaling, row.outputs | scaling, row.usable_from)


def test_an_autoscaled_region_shows_no_drift_and_keeps_its_nodes_through_edits(tmp_path: Path) -> None:
    with cluster_stack(FLEET.regions[STAGING], tmp_path) as cloud:
        text = cloud.stack_file.read_text()

        def edit(machine: str = "m7i.large", least: int = 3, most: int = 9, more: str = "") -> None:
            settings = POOLS.format(machine=machine, least=least, most=most)
            cloud.stack_file.write_text(text.replace("config:\n", settings + more))

        edit()
        assert cloud.up() == ""
        assert cloud.preview() == []
        resize(cloud, desiredSize=3)
        assert sizes(cloud) == [1, 1, 3]
        assert cloud.drift() == []
        assert cloud.preview() == []

        edit(least=6)
        assert cloud.up() == ""
        assert sizes(cloud) == [2, 2, 3]
        edit(least=3, most=9, more="  regions:tags: { data-class: internal }\n")
        before = cloud.cloud_ids()
        assert cloud.up() == ""
        assert sizes(cloud) == [2, 2, 3], "a tag takes no node"
        assert cloud.cloud_ids() == before, "and replaces nothing"

        old = {row.id for row in groups(cloud)}
        edit(machine="m7i.xlarge")
        output = cloud.pulumi("up", "--yes", "--skip-preview")
        assert 0 < output.rindex("created replacement") < output.index("deleted original"), output
        assert not old & {row.id for row in groups(cloud)}
        assert cloud.preview() == []
        assert cloud.destroy() == ""
        assert cloud.cloud_ids() == []


@pytest.mark.parametrize("change", [{"maxSize": 8}, {"minSize": 0}])
def test_a_person_s_change_to_a_pool_is_drift(change: dict[str, int], tmp_path: Path) -> None:
    with cluster_stack(FLEET.regions[STAGING], tmp_path) as cloud:
        assert cloud.up() == ""
        resize(cloud, **change)
        ((group, fields),) = cloud.drift()
        assert (group, fields) == (GROUP, [f"scalingConfig.{key}" for key in change])


def test_backups_outlive_a_production_region_and_its_name_comes_again(tmp_path: Path) -> None:
    with cluster_stack(FLEET.regions[PRODUCTION], tmp_path) as cloud:
        text = cloud.stack_file.read_text()
        cloud.stack_file.write_text(text.replace("config:\n", "config:\n  regions:protect: false\n"))
        assert cloud.up() == ""
        kept = cloud.kept_ids()
        assert cloud.destroy() == ""
        assert cloud.cloud_ids() == kept
        assert {name.split()[0] for name in kept} == {
            "aws:backup/vault:Vault",
            "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
            "aws:kms/key:Key",
        }
        assert cloud.up() == ""
        assert set(kept) < set(cloud.cloud_ids())
        assert cloud.preview() == []
