"""A policy as data: pure functions from resources to their violations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fleet


@dataclass(frozen=True)
class Resource:
    """A resource as the engine is about to create, update or keep it."""

    type: str
    name: str
    properties: Mapping[str, Any]
    protect: bool = False
    urn: str = ""

    def get(self, path: str, default: Any = None) -> Any:
        """An input at a dotted path. The path does not go into lists."""
        value: Any = self.properties
        for key in path.split("."):
            if not isinstance(value, Mapping) or value.get(key) is None:
                return default
            value = value[key]
        return value


@dataclass(frozen=True)
class Violation:
    """One resource that breaks a policy. The message has the remedy."""

    resource: Resource
    message: str


@dataclass(frozen=True)
class Policy:
    """A policy: its name, its demand in one sentence, and its check.

    `check_resource` checks one resource of the named types. `check_stack` checks all resources of a stack together.
    """

    name: str
    description: str
    types: tuple[str, ...] = ()
    check_resource: Callable[[Resource, fleet.Region], Iterable[str]] | None = None
    check_stack: Callable[[Sequence[Resource], fleet.Region], Iterable[Violation]] | None = None

    def violations(self, resources: Sequence[Resource], region: fleet.Region) -> Iterator[Violation]:
        """All violations of the policy in a stack."""
        if self.check_resource:
            for resource in resources:
                if self.applies(resource):
                    yield from (Violation(resource, message) for message in self.check_resource(resource, region))
        if self.check_stack:
            yield from self.check_stack(resources, region)

    def applies(self, resource: Resource) -> bool:
        """Whether the policy is about a resource's type. A type that ends with a colon or slash stands for all below it."""
        return any(
            resource.type == kind or (kind.endswith((":", "/")) and resource.type.startswith(kind))
            for kind in self.types
        )
