"""The node groups that a region's cluster has already, and the size that each shall have.

The autoscaler moves a group's desired size. EKS refuses a minimum above the desired size, and a desired size of old ends nodes.
Pulumi's `ignore_changes` sends the size of the group's creation. So an edit of a group starts from its size in the cloud.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from fleet import Region

SUFFIX = re.compile(r"-[0-9a-f]{7,}$")
"""Pulumi's random end of a name, so that a group's replacement exists beside it."""


@dataclass(frozen=True)
class GroupSize:
    """A node group's size."""

    least: int
    desired: int
    most: int
    settled: bool
    """Whether an update leaves the desired size to the autoscaler."""


@dataclass(frozen=True)
class RunningGroup:
    """A node group in the cloud."""

    machine_type: str
    least: int
    desired: int
    most: int


def node_groups(region: Region, parent: pulumi.Resource) -> Mapping[str, RunningGroup]:
    """The cluster's node groups by their names without the random end. Empty if there is no cluster yet."""
    options = pulumi.InvokeOptions(parent=parent)
    if region.name not in aws.eks.get_clusters(opts=options).names:
        return {}
    groups = {}
    for name in aws.eks.get_node_groups(cluster_name=region.name, opts=options).names:
        group = aws.eks.get_node_group(cluster_name=region.name, node_group_name=name, opts=options)
        (scaling,) = group.scaling_configs
        groups[SUFFIX.sub("", name)] = RunningGroup(
            next(iter(group.instance_types), ""), scaling.min_size, scaling.desired_size, scaling.max_size
        )
    return groups


def group_size(running: RunningGroup | None, machine_type: str, least: int, most: int) -> GroupSize:
    """The size of a group, out of the settings and the group in the cloud."""
    if running is None:
        return GroupSize(least, least, most, settled=False)
    if (running.machine_type, running.least, running.most) == (machine_type, least, most):
        return GroupSize(least, least, most, settled=True)
    return GroupSize(least, min(max(running.desired, least), most), most, settled=False)
