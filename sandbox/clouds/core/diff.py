"""The difference between two sets of inputs of a SIMULATED cloud's resource, and the changes that replace it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.clouds.core import property_paths
from sandbox.provider_sdk.values import UNKNOWN

Kind = Literal["add", "delete", "update"]
Difference = tuple[str, Kind, Any, Any]
"""Path, kind, old value, new value."""


@dataclass(frozen=True)
class PropertyChange:
    """A changed property. `path` is in the engine's notation (`a.b[0]`)."""

    path: str
    kind: Kind
    replaces: bool = False


@dataclass(frozen=True)
class Replacement:
    """The changes that replace a resource. See the fields of the same names in `model.ResourceRule`."""

    replace: Sequence[str] = ()
    replace_when: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict)
    irreversible: Sequence[str] = ()

    def applies(self, path: str, kind: Kind, old: Any, new: Any) -> bool:
        """Whether a change replaces the resource."""
        plain = _plain(path)
        if kind == "delete" and plain in self.irreversible:
            return True
        condition = self.replace_when.get(plain)
        if condition is not None and kind == "update" and UNKNOWN not in (old, new):
            return condition(old, new)
        leaves = (leaf for value in (old, new) for leaf in _leaves(value, plain))
        return any(_below(leaf, self.replace) for leaf in leaves)


def changes(
    old: Mapping[str, Any], new: Mapping[str, Any], replacement: Replacement, defaults: Mapping[str, Any]
) -> list[PropertyChange]:
    """The differences between two property bags, `__` marks left out."""
    before, after = (deepcopy({k: v for k, v in bag.items() if not k.startswith("__")}) for bag in (old, new))
    for path, value in defaults.items():
        for bag in (before, after):
            property_paths.drop(bag, path, value)
    return [
        PropertyChange(path, kind, replacement.applies(path, kind, old_value, new_value))
        for path, kind, old_value, new_value in _differences(before, after, "")
    ]


def _differences(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _in_maps(old, new, path)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _in_lists(old, new, path)
    elif old is UNKNOWN or new is UNKNOWN or type(old) is not type(new) or old != new:
        yield path, "update", old, new


def _in_maps(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    for key in [*old, *(k for k in new if k not in old)]:
        item_path = _join(path, key)
        before, after = old.get(key), new.get(key)
        if before is None and after is not None:
            yield item_path, "add", None, after
        elif before is not None and after is None:
            yield item_path, "delete", before, None
        else:
            yield from _differences(before, after, item_path)


def _in_lists(old: list[Any], new: list[Any], path: str) -> Iterator[Difference]:
    if _scalars(old) and _scalars(new) and sorted(map(repr, old)) == sorted(map(repr, new)):
        # Nearly all lists of the clouds' APIs are sets. The real providers do not compare their order.
        return
    for index, item in enumerate(old):
        if index < len(new):
            yield from _differences(item, new[index], f"{path}[{index}]")
        else:
            yield f"{path}[{index}]", "delete", item, None
    for index in range(len(old), len(new)):
        yield f"{path}[{index}]", "add", None, new[index]


def _scalars(values: list[Any]) -> bool:
    return not any(isinstance(v, (dict, list)) or v is UNKNOWN for v in values)


def _join(path: str, key: str) -> str:
    if re.fullmatch(r"[\w-]+", key):
        return f"{path}.{key}" if path else key
    return f'{path}["{key}"]'  # a tag such as kubernetes.io/role/elb


def _plain(path: str) -> str:
    return re.sub(r"\[[^\]]*\]", "", path)


def _leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for item in value:
            yield from _leaves(item, path)
    elif value is not None:
        yield path


def _below(path: str, patterns: Sequence[str]) -> bool:
    return any(path == p or path.startswith(f"{p}.") for p in patterns)
