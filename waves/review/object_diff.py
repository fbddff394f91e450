"""The differences between two renderings of regions, by object and field. Regions with equal changes form a group. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from waves.review.render import Object, identity

OWN_NAME = "<region>"
"""Replaces a region's own name, so that regions whose changes differ by the name alone form one group."""


@dataclass(frozen=True)
class ObjectDiff:
    """One object that is added, removed or changed."""

    kind: str
    """`added`, `removed` or `changed`."""
    item: str
    fields: tuple[tuple[str, str, str], ...] = ()
    """Path, text before, text after. The text of an absent field is empty."""


@dataclass(frozen=True)
class Group:
    """Regions with equal changes."""

    regions: tuple[str, ...]
    changes: tuple[ObjectDiff, ...]


def between(before: Sequence[Object], after: Sequence[Object]) -> tuple[ObjectDiff, ...]:
    """The differences between two renderings of a region."""
    old, new = {identity(item): item for item in before}, {identity(item): item for item in after}
    changes = [ObjectDiff("removed", name) for name in old if name not in new]
    for name, item in new.items():
        if name not in old:
            changes.append(ObjectDiff("added", name))
        elif fields := tuple(_fields("", old[name], item)):
            changes.append(ObjectDiff("changed", name, fields))
    return tuple(changes)


def group_by_changes(changes: Mapping[str, tuple[ObjectDiff, ...]]) -> list[Group]:
    """Regions by their changes, the largest group first. Regions without a change are left out."""
    regions_by_changes: dict[tuple[ObjectDiff, ...], list[str]] = {}
    for region, diffs in changes.items():
        if diffs:
            key = tuple(_without_name(change, region) for change in diffs)
            regions_by_changes.setdefault(key, []).append(region)
    groups = [Group(tuple(regions), diffs) for diffs, regions in regions_by_changes.items()]
    return sorted(groups, key=lambda group: (-len(group.regions), group.regions))


def hide_name(text: str, region: str) -> str:
    """A text with OWN_NAME in place of a region's name."""
    return text.replace(region, OWN_NAME)


def _without_name(change: ObjectDiff, region: str) -> ObjectDiff:
    fields = tuple(
        (hide_name(path, region), hide_name(before, region), hide_name(after, region))
        for path, before, after in change.fields
    )
    return ObjectDiff(change.kind, hide_name(change.item, region), fields)


def _fields(path: str, old: Any, new: Any) -> Iterator[tuple[str, str, str]]:
    """The leaves that differ. Items of a list are matched by their names, as Kubernetes merges them, or by their places."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _fields(f"{path}.{key}" if path else str(key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        old_items, new_items = _by_name(old), _by_name(new)
        if old_items is None or new_items is None:
            old_items, new_items = _by_place(old), _by_place(new)
        for key in dict.fromkeys([*old_items, *new_items]):
            yield from _fields(f"{path}[{key}]", old_items.get(key), new_items.get(key))
    else:
        yield path, _text(old), _text(new)


def _by_name(items: list[Any]) -> dict[str, Any] | None:
    """A list's items by their names. None if an item has none, or two share one."""
    by_name = {item["name"]: item for item in items if isinstance(item, dict) and "name" in item}
    return by_name if len(by_name) == len(items) else None


def _by_place(items: list[Any]) -> dict[str, Any]:
    return {str(number): item for number, item in enumerate(items)}


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
