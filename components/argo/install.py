"""Installs a product's controllers from its manifests, so that they come and go in the right order."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.argo.manifests import Manifest

Objects = pulumi.Output[list[pulumi.Resource]]
"""Every object of an installation, for what must be created after all of them, and deleted before any."""

_RUNNING = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Service")
"""What runs. A Service is with its pods: the provider waits until it has some."""


def install(
    parent: pulumi.ComponentResource,
    name: str,
    after: list[pulumi.Resource],
    definitions: list[Manifest],
    objects: list[Manifest],
) -> Objects:
    """Create, after some resources, the definitions, then settings and rights, then what runs. `destroy` goes the other way.

    A process reads most settings as it starts, and a pod may start without a config map that is optional to it; so those
    have to be there before.

    To depend on a ConfigGroup is not to depend on its objects: the engine would delete those first, together with
    whatever still needs them. So everything here depends on the objects themselves.
    """
    crds = kubernetes.yaml.v2.ConfigGroup(
        f"{name}-crds", objs=definitions, opts=pulumi.ResourceOptions(parent=parent, depends_on=after)
    )
    settings = kubernetes.yaml.v2.ConfigGroup(
        name,
        objs=[each for each in objects if each["kind"] not in _RUNNING],
        opts=pulumi.ResourceOptions(parent=parent, depends_on=listed(crds.resources)),
    )
    running = kubernetes.yaml.v2.ConfigGroup(
        f"{name}-running",
        objs=[each for each in objects if each["kind"] in _RUNNING],
        opts=pulumi.ResourceOptions(parent=parent, depends_on=listed(settings.resources)),
    )
    return pulumi.Output.all(listed(settings.resources), listed(running.resources)).apply(
        lambda both: [*both[0], *both[1]]
    )


def listed(resources: pulumi.Output[Any]) -> Objects:
    """The objects of a ConfigGroup, by its `resources`."""
    return resources.apply(lambda found: list(found or []))
