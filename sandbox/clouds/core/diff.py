"""What changed between two sets of inputs of a SIMULATED cloud's resource, and which change replaces it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.clouds.core import property_paths
from sandbox.provider_sdk.server import UNKNOWN


@dataclass(frozen=True)
class Change:
    """A changed property: its path in the engine's notation (`a.b[0]`), what happened, and whether it
    replaces."""

    path: str
    kind: Literal["add", "delete", "update"]
    replaces: bool = False


def changes(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    replace: Sequence[str] = (),
    replace_when: Mapping[str, Callable[[Any, Any], bool]] | None = None,
    irreversible: Sequence[str] = (),
    defaults: Mapping[str, Any] | None = None,
) -> list[Change]:
    """The differences between two property bags, `__` marks left out."""
    before, after = (deepcopy({k: v for k, v in bag.items() if not k.startswith("__")}) for bag in (old, new))
    for path, value in (defaults or {}).items():
        for bag in (before, after):
            property_paths.drop(bag, path, value)

    def replaces(path: str, kind: str, was: Any, is_: Any) -> bool:
        plain = _plain(path)
        if kind == "delete" and plain in irreversible:
            return True
        when = (replace_when or {}).get(plain)
        if when is not None and kind == "update" and UNKNOWN not in (was, is_):
            return when(was, is_)
        leaves = (leaf for value in (was, is_) for leaf in _leaves(value, plain))
        return any(_below(leaf, replace) for leaf in leaves)

    return [Change(path, kind, replaces(path, kind, was, is_)) for path, kind, was, is_ in _walk(before, after, "")]


def _walk(old: Any, new: Any, path: str) -> Iterator[tuple[str, Literal["add", "delete", "update"], Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            here = _join(path, key)
            was, is_ = old.get(key), new.get(key)
            if was is None and is_ is not None:
                yield here, "add", None, is_
            elif was is not None and is_ is None:
                yield here, "delete", was, None
            else:
                yield from _walk(was, is_, here)
    elif isinstance(old, list) and isinstance(new, list):
        if _scalars(old) and _scalars(new) and sorted(map(repr, old)) == sorted(map(repr, new)):
            # Nearly all lists of the clouds' APIs are sets; the real providers do not compare their order.
            return
        for index, item in enumerate(old):
            if index < len(new):
                yield from _walk(item, new[index], f"{path}[{index}]")
            else:
                yield f"{path}[{index}]", "delete", item, None
        for index in range(len(old), len(new)):
            yield f"{path}[{index}]", "add", None, new[index]
    elif old is UNKNOWN or new is UNKNOWN or type(old) is not type(new) or old != new:
        yield path, "update", old, new


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
