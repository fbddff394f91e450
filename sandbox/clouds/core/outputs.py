"""The outputs of a SIMULATED cloud's resource, by the rule of its type."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from sandbox.clouds.core import property_paths
from sandbox.clouds.core.dialect import Dialect
from sandbox.clouds.core.model import Context
from sandbox.provider_sdk.values import UNKNOWN, has_unknowns


def add_computed(dialect: Dialect, context: Context, old_outputs: Mapping[str, Any], *, preview: bool) -> None:
    """Add the outputs of the cloud and its provider to the inputs in `context.outputs`."""
    rule, updating = context.rule, bool(old_outputs)
    for path, value in rule.defaults.items():
        property_paths.fill(context.outputs, path, deepcopy(value), create="." not in path)
    live = dict.fromkeys(rule.effect.outputs if rule.effect else (), None)
    context.outputs |= dialect.inherited_outputs(context)
    for path, value in [*rule.outputs.items(), *live.items()]:
        if property_paths.get(context.outputs, path) is not None:
            continue
        old = property_paths.get(dict(old_outputs), path)
        stays = updating and path not in rule.volatile and property_paths.get(context.old_inputs, path) is None
        if stays and (old is not None or path not in live):
            property_paths.fill(context.outputs, path, deepcopy(old))
        elif preview and (path in live or callable(value) or isinstance(value, str)):
            property_paths.fill(context.outputs, path, UNKNOWN)
        elif path not in live and (computed := context.value(value)) is not None:
            property_paths.fill(context.outputs, path, deepcopy(computed))
    for path, rewrite in rule.rewrites.items():
        value = property_paths.get(context.outputs, path)
        if value is not None:
            set_outputs(context, {path: UNKNOWN if has_unknowns(value) else rewrite(context, value)})


def set_outputs(context: Context, values: Mapping[str, Any]) -> None:
    """Set outputs at dotted paths, over any earlier value."""
    for path, value in values.items():
        parent, _, last = path.rpartition(".")
        bag = context.outputs
        for key in parent.split(".") if parent else ():
            bag = bag.setdefault(key, {})
        bag[last] = value


def declared_outputs(dialect: Dialect, context: Context) -> dict[str, Any]:
    """All outputs that the SDK declares for the type, with a value or null."""
    schema = dialect.sdk.resource(context.rule.token)
    return {key: context.outputs.get(key) for key in sorted(schema.outputs)}
