"""Installs a product's controllers from its manifests, so that they come and go in the right order."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.upstream import Manifest

Objects = pulumi.Output[list[pulumi.Resource]]
"""Every object of an installation, for what must be created after all of them, and deleted before any."""


def install(
    parent: pulumi.ComponentResource,
    name: str,
    after: list[pulumi.Resource],
    definitions: list[Manifest],
    objects: list[Manifest],
) -> Objects:
    """Create, after some resources, the custom resource definitions, then the other objects. `destroy` goes the other way.

    To depend on a ConfigGroup is not to depend on its objects: the engine would delete those first, together with
    whatever still needs them. So everything here depends on the objects themselves.
    """
    crds = kubernetes.yaml.v2.ConfigGroup(
        f"{name}-crds", objs=definitions, opts=pulumi.ResourceOptions(parent=parent, depends_on=after)
    )
    group = kubernetes.yaml.v2.ConfigGroup(
        name, objs=objects, opts=pulumi.ResourceOptions(parent=parent, depends_on=_listed(crds.resources))
    )
    return _listed(group.resources)


def _listed(resources: pulumi.Output[Any]) -> Objects:
    return resources.apply(lambda found: list(found or []))
