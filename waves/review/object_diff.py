"""What differs between two renderings of regions: by object and field, regions with the same changes together. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from waves.review.render import Object, identity

OWN_NAME = "<region>"
"""Stands for a region's own name, so that a change that names each region is one change."""


@dataclass(frozen=True)
class ObjectDiff:
    """One object that is added, removed or changed."""

    what: str
    """`added`, `removed` or `changed`."""
    item: str
    fields: tuple[tuple[str, str, str], ...] = ()
    """Path, text before, text after; where nothing was or is, the text is empty."""


@dataclass(frozen=True)
class Group:
    """Regions in which a commit changes the very same."""

    regions: tuple[str, ...]
    changes: tuple[ObjectDiff, ...]


def between(before: Sequence[Object], after: Sequence[Object]) -> tuple[ObjectDiff, ...]:
    """What differs between two renderings of a region."""
    old, new = {identity(item): item for item in before}, {identity(item): item for item in after}
    found = [ObjectDiff("removed", name) for name in old if name not in new]
    for name, item in new.items():
        if name not in old:
            found.append(ObjectDiff("added", name))
        elif fields := tuple(_fields("", old[name], item)):
            found.append(ObjectDiff("changed", name, fields))
    return tuple(found)


def grouped(changes: Mapping[str, tuple[ObjectDiff, ...]]) -> list[Group]:
    """Regions by what changes in them; those in which nothing does are left out. The largest group first."""
    groups: dict[tuple[ObjectDiff, ...], list[str]] = {}
    for region, found in changes.items():
        if found:
            groups.setdefault(tuple(_nameless(change, region) for change in found), []).append(region)
    listed = [Group(tuple(regions), found) for found, regions in groups.items()]
    return sorted(listed, key=lambda group: (-len(group.regions), group.regions))


def _nameless(change: ObjectDiff, region: str) -> ObjectDiff:
    def hidden(text: str) -> str:
        return text.replace(region, OWN_NAME)

    return ObjectDiff(
        change.what,
        hidden(change.item),
        tuple((hidden(path), hidden(a), hidden(b)) for path, a, b in change.fields),
    )


def _fields(path: str, old: Any, new: Any) -> Iterator[tuple[str, str, str]]:
    """The leaves that differ. Items of a list that have a name are told apart by it, as Kubernetes merges them."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _fields(f"{path}.{key}" if path else str(key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        left, right = _named(old), _named(new)
        if left is None or right is None:
            left, right = _numbered(old), _numbered(new)
        for key in dict.fromkeys([*left, *right]):
            yield from _fields(f"{path}[{key}]", left.get(key), right.get(key))
    else:
        yield path, _text(old), _text(new)


def _named(items: list[Any]) -> dict[str, Any] | None:
    """A list's items by their names; None if they have none, or share one."""
    found = {item["name"]: item for item in items if isinstance(item, dict) and "name" in item}
    return found if len(found) == len(items) else None


def _numbered(items: list[Any]) -> dict[str, Any]:
    return {str(number): item for number, item in enumerate(items)}


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
