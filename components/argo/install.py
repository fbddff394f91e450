"""Installs a product's controllers from its manifests, so that they come and go in the right order."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.argo.manifests import Manifest

Objects = pulumi.Output[list[pulumi.Resource]]
"""All objects of an installation. A resource that depends on it is created after all of them and deleted before any."""

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Service")
"""Kinds that run. A Service belongs to them: the provider waits until it has pods."""


def install(
    parent: pulumi.ComponentResource,
    name: str,
    after: list[pulumi.Resource],
    definitions: list[Manifest],
    objects: list[Manifest],
) -> Objects:
    """Create definitions, then settings and rights, then the workloads, all of them after the resources of `after`.

    `destroy` goes the other way. Settings come before the workloads: a process reads most settings as it starts. A pod starts
    without a config map that is optional to it.

    A dependency on a ConfigGroup is none on its objects: the engine would delete these concurrently with their users.
    So all dependencies here are on the objects themselves.
    """
    crds = kubernetes.yaml.v2.ConfigGroup(
        f"{name}-crds", objs=definitions, opts=pulumi.ResourceOptions(parent=parent, depends_on=after)
    )
    settings = kubernetes.yaml.v2.ConfigGroup(
        name,
        objs=[manifest for manifest in objects if manifest["kind"] not in _WORKLOADS],
        opts=pulumi.ResourceOptions(parent=parent, depends_on=objects_of(crds)),
    )
    workloads = kubernetes.yaml.v2.ConfigGroup(
        f"{name}-running",
        objs=[manifest for manifest in objects if manifest["kind"] in _WORKLOADS],
        opts=pulumi.ResourceOptions(parent=parent, depends_on=objects_of(settings)),
    )
    return pulumi.Output.all(objects_of(settings), objects_of(workloads)).apply(lambda lists: [*lists[0], *lists[1]])


def objects_of(group: kubernetes.yaml.v2.ConfigGroup) -> Objects:
    """The objects of a ConfigGroup."""
    resources: pulumi.Output[Any] = group.resources
    return resources.apply(lambda objects: list(objects or []))
