"""A region's life on Azure: built, grown by the autoscaler, edited, removed, and made again under its name."""

from __future__ import annotations

from pathlib import Path

import fleet
from sandbox.machine.home import CHECKOUT
from tests.components.test_aks import KEPT, POOL
from tests.engine.clouds.engine_harness import ClusterStack, cluster_stack

FLEET = fleet.read(CHECKOUT)
STAGING, PRODUCTION = "staging-azure-eastus", "prod-azure-westeurope"
POOLS = """config:
  regions:nodePools:
    general: {{ machineType: {machine}, minNodes: {least}, maxNodes: {most} }}
"""


def pools(cloud: ClusterStack) -> dict[str, int]:
    """Zone to the number of nodes that are there."""
    return {row.inputs["availabilityZones"][0]: row.outputs["count"] for row in cloud.rows() if row.type == POOL}


def grow(cloud: ClusterStack, zone: str, count: int) -> None:
    """Set a pool's number of nodes, as the autoscaler does."""
    with cloud.store.transaction() as tx:
        for row in tx.of_type(POOL, ""):
            if row.inputs["availabilityZones"] == [zone]:
                tx.save(row.uid, row.inputs, row.outputs | {"count": count}, row.usable_from)


def test_an_autoscaled_region_shows_no_drift_and_keeps_its_nodes_through_edits(tmp_path: Path) -> None:
    with cluster_stack(FLEET.regions[STAGING], tmp_path) as cloud:
        text = cloud.stack_file.read_text()

        def edit(machine: str = "Standard_D2s_v5", least: int = 3, most: int = 6) -> None:
            settings = POOLS.format(machine=machine, least=least, most=most)
            cloud.stack_file.write_text(text.replace("config:\n", settings))

        edit()
        assert cloud.up() == ""
        grow(cloud, "1", 2)
        assert cloud.drift() == []
        assert cloud.preview() == []

        edit(least=6)
        assert "Cannot manually scale" in cloud.up(), "with the number of nodes from before the autoscaler"
        assert cloud.attempt("up", "--yes", "--skip-preview", "--refresh") == ""
        assert pools(cloud) == {"1": 2, "2": 2, "3": 2}
        edit(most=3)
        assert cloud.attempt("up", "--yes", "--skip-preview", "--refresh") == ""
        assert pools(cloud) == {"1": 2, "2": 2, "3": 2}, "no node that is in use goes"

        old = {row.id for row in cloud.rows() if row.type == POOL}
        edit(machine="Standard_D4s_v5")
        output = cloud.pulumi("up", "--yes", "--skip-preview", "--refresh")
        assert 0 < output.rindex("created replacement") < output.index("deleted original"), output
        assert not old & {row.id for row in cloud.rows()}
        assert cloud.destroy() == ""
        assert cloud.cloud_ids() == []


def test_a_person_s_change_to_a_pool_is_drift(tmp_path: Path) -> None:
    with cluster_stack(FLEET.regions[STAGING], tmp_path) as cloud:
        assert cloud.up() == ""
        with cloud.store.transaction() as tx:
            row = tx.of_type(POOL, "")[0]
            change = {"maxCount": row.outputs["maxCount"] + 1}
            tx.save(row.uid, row.inputs | change, row.outputs | change, row.usable_from)
        ((pool, fields),) = cloud.drift()
        assert (pool, fields) == ("azure-native:containerservice:AgentPool", ["maxCount"])


def test_backups_outlive_a_production_region_and_its_name_comes_again(tmp_path: Path) -> None:
    with cluster_stack(FLEET.regions[PRODUCTION], tmp_path) as cloud:
        text = cloud.stack_file.read_text()
        cloud.stack_file.write_text(text.replace("config:\n", "config:\n  regions:protect: false\n"))
        assert cloud.up() == ""
        cloud.pulumi("destroy", "--yes", "--skip-preview")
        kept = cloud.cloud_ids()
        assert {name.split()[0] for name in kept} == KEPT
        assert cloud.up() == ""
        assert set(kept) < set(cloud.cloud_ids())
