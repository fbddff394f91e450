"""What a policy is: a pure function from resources to what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fleet


@dataclass(frozen=True)
class Resource:
    """A resource as the engine is about to make or keep it."""

    type: str
    name: str
    properties: Mapping[str, Any]
    protect: bool = False
    urn: str = ""

    def get(self, path: str, default: Any = None) -> Any:
        """An input at a dotted path; lists are not followed."""
        found: Any = self.properties
        for key in path.split("."):
            if not isinstance(found, Mapping) or found.get(key) is None:
                return default
            found = found[key]
        return found


@dataclass(frozen=True)
class Violation:
    """What is wrong with one resource, and what to do."""

    resource: Resource
    message: str


@dataclass(frozen=True)
class Rule:
    """A policy: its name, what it wants in one sentence, and how it finds what does not hold.

    `each` looks at one resource of the named types; `together` at all of a stack at once.
    """

    name: str
    description: str
    types: tuple[str, ...] = ()
    each: Callable[[Resource, fleet.Region], Iterable[str]] | None = None
    together: Callable[[Sequence[Resource], fleet.Region], Iterable[Violation]] | None = None

    def violations(self, resources: Sequence[Resource], region: fleet.Region) -> Iterator[Violation]:
        """Everything in a stack that breaks the rule."""
        if self.each:
            for resource in resources:
                if self.applies(resource):
                    yield from (Violation(resource, message) for message in self.each(resource, region))
        if self.together:
            yield from self.together(resources, region)

    def applies(self, resource: Resource) -> bool:
        """Whether the rule looks at a resource of this type; a type that ends with a colon or slash stands for all below it."""
        return any(
            resource.type == kind or (kind.endswith((":", "/")) and resource.type.startswith(kind))
            for kind in self.types
        )
