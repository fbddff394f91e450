"""An edit of a pool on AWS starts from the nodes that the autoscaler has added."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pulumi.runtime import MockCallArgs

from fleet.sizes import MAIN_POOLS
from tests.components.mocks import CloudMocks
from tests.components.recording import FLEET, Registered, record

REGION = FLEET.regions["staging-aws-eu-west-1"]
POOL = MAIN_POOLS["small"]["aws"]
DESIRED = "scalingConfig.desiredSize"


class Grown(CloudMocks):
    """A cluster whose node groups have two nodes each, of one to two."""

    def call(self, args: MockCallArgs) -> Any:
        names = [f"{REGION.name}-general-{zone}-0a1b2c3" for zone in REGION.settings.zone_names]
        if args.token == "aws:eks/getClusters:getClusters":
            return {"names": [REGION.name]}
        if args.token == "aws:eks/getNodeGroups:getNodeGroups":
            return {"names": names}
        if args.token == "aws:eks/getNodeGroup:getNodeGroup":
            assert args.args["nodeGroupName"] in names
            scaling = {"minSize": 1, "desiredSize": 2, "maxSize": 2}
            return {"instanceTypes": [POOL.machine_type], "scalingConfigs": [scaling]}
        return super().call(args)


@pytest.mark.parametrize(
    ("change", "sizes", "left_alone"),
    [
        ({}, (1, 1, 2), True),  # the autoscaler's size stays: the engine sends no new one
        ({"min_nodes": 9, "max_nodes": 9}, (3, 3, 3), False),  # EKS wants a desired size of three at least
        ({"max_nodes": 9}, (1, 2, 3), False),  # no node is thrown away
        ({"max_nodes": 3}, (1, 1, 1), False),
        (
            {"machine_type": "m7i.xlarge"},
            (1, 2, 2),
            False,
        ),  # the new group begins with as many nodes as the old one has
    ],
)
def test_a_group_keeps_the_nodes_that_it_has(
    change: dict[str, Any], sizes: tuple[int, int, int], left_alone: bool
) -> None:
    pools = {"general": POOL.model_copy(update=change)}
    edited = REGION.settings.model_copy(update={"node_pools": pools})
    groups: list[Registered] = record(replace(REGION, settings=edited), Grown()).of("aws:eks/nodeGroup:NodeGroup")
    assert len(groups) == 3
    for group in groups:
        scaling = group.inputs["scalingConfig"]
        assert (scaling["minSize"], scaling["desiredSize"], scaling["maxSize"]) == sizes
        assert (DESIRED in group.ignored) == left_alone


def test_a_new_cluster_begins_with_the_least_nodes() -> None:
    groups = record(REGION).of("aws:eks/nodeGroup:NodeGroup")
    assert [group.inputs["scalingConfig"]["desiredSize"] for group in groups] == [1, 1, 1]
    assert not any(group.ignored for group in groups)
