"""Dotted paths into property bags of the SIMULATED clouds: `vpcConfig.subnetIds`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.provider_sdk.values import UNKNOWN


def get_all(bag: Any, path: str) -> Iterator[Any]:
    """Every value at a path, in every element of a list. An unknown on the way gives `UNKNOWN`."""
    if bag is None:
        return
    if bag is UNKNOWN:
        yield UNKNOWN
    elif isinstance(bag, list):
        for item in bag:
            yield from get_all(item, path)
    elif not path:
        yield bag
    elif isinstance(bag, dict):
        head, _, rest = path.partition(".")
        yield from get_all(bag.get(head), rest)


def get(bag: Any, path: str, default: Any = None) -> Any:
    """The value at a path of maps (lists are not followed)."""
    for key in path.split("."):
        if bag is UNKNOWN:
            return UNKNOWN
        if not isinstance(bag, dict) or bag.get(key) is None:
            return default
        bag = bag[key]
    return bag


def fill(bag: dict[str, Any], path: str, value: Any, *, create: bool = True) -> None:
    """Set a value at a path of maps that has none yet. With `create=False`, only inside maps that exist."""
    *parents, last = path.split(".")
    for key in parents:
        if bag.get(key) is None:
            if not create:
                return
            bag[key] = {}
        bag = bag[key]
        if not isinstance(bag, dict):
            return
    if bag.get(last) is None:
        bag[last] = value


def drop(bag: dict[str, Any], path: str, value: Any) -> None:
    """Remove the value at a path of maps if it equals `value`."""
    *parents, last = path.split(".")
    for key in parents:
        bag = bag.get(key) or {}
        if not isinstance(bag, dict):
            return
    if last in bag and bag[last] == value:
        del bag[last]
