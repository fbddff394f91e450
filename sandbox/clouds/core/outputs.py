"""How the outputs of a SIMULATED cloud's resource come about, by the rule of its type."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from sandbox.clouds.core import property_paths
from sandbox.clouds.core.dialect import Flavour
from sandbox.clouds.core.model import Context
from sandbox.provider_sdk.server import UNKNOWN, has_unknowns


def settle(flavour: Flavour, context: Context, old_outputs: Mapping[str, Any], *, preview: bool) -> None:
    """Add to the inputs in `context.outputs` what the cloud and its provider add to them."""
    rule, updating = context.rule, bool(old_outputs)
    for path, value in rule.defaults.items():
        property_paths.fill(context.outputs, path, deepcopy(value), create="." not in path)
    live = dict.fromkeys(rule.effect.outputs if rule.effect else (), None)
    context.outputs |= flavour.inherited(context)
    for path, value in [*rule.outputs.items(), *live.items()]:
        if property_paths.get(context.outputs, path) is not None:
            continue
        old = property_paths.get(dict(old_outputs), path)
        stays = updating and path not in rule.volatile and property_paths.get(context.old_inputs, path) is None
        if stays and (old is not None or path not in live):
            property_paths.fill(context.outputs, path, deepcopy(old))
        elif preview and (path in live or callable(value) or isinstance(value, str)):
            property_paths.fill(context.outputs, path, UNKNOWN)
        elif path not in live and (made := context.value(value)) is not None:
            property_paths.fill(context.outputs, path, deepcopy(made))
    for path, rewrite in rule.rewrites.items():
        given = property_paths.get(context.outputs, path)
        if given is not None:
            apply(context, {path: UNKNOWN if has_unknowns(given) else rewrite(context, given)})


def apply(context: Context, live: Mapping[str, Any]) -> None:
    """Set outputs at dotted paths, whatever is there."""
    for path, value in live.items():
        parent, _, last = path.rpartition(".")
        bag = context.outputs
        for key in parent.split(".") if parent else ():
            bag = bag.setdefault(key, {})
        bag[last] = value


def complete(flavour: Flavour, context: Context) -> dict[str, Any]:
    """All outputs that the SDK declares for the type, set or null."""
    schema = flavour.sdk.resource(context.rule.token)
    return {key: context.outputs.get(key) for key in sorted(schema.outputs)}
