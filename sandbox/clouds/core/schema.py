"""Checks inputs of the SIMULATED clouds against the installed Pulumi SDK's own metadata.

The SDK's classes declare the wire name and type of every property, and the required properties. So an unknown or
missing property is an error here, as it would be in the cloud.
"""

from __future__ import annotations

import difflib
import enum
import functools
import importlib
import importlib.util
import inspect
import json
import re
import sys
import threading
import types
import typing
from collections import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pulumi import _types as sdk_types
from pulumi.output import Output

from sandbox.machine.errors import SandboxError
from sandbox.provider_sdk.values import UNKNOWN


@dataclass(frozen=True)
class SchemaError:
    """An error in inputs: the property's path, the kind of error and a text without the path."""

    path: str
    kind: typing.Literal["unknown", "missing", "type", "value"]
    reason: str


@dataclass(frozen=True)
class ResourceSchema:
    """A resource type as its SDK declares it."""

    token: str
    arguments: type
    inputs: frozenset[str]
    outputs: frozenset[str]
    api_version: str | None
    """The version of Azure's API behind the SDK's type. Only azure-native's types have one."""


class Sdk:
    """The installed Python SDK of one provider. Modules are imported when a type of theirs is asked for."""

    def __init__(self, package: str, *, closed_enums: bool) -> None:
        self.package = package
        self.closed_enums = closed_enums
        """Whether a string must be a member of the enum, where the SDK's type is `str | Enum`."""
        self._lock = threading.Lock()
        self._schemas: dict[str, ResourceSchema] = {}

    @functools.cached_property
    def _folder(self) -> Path:
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            raise SandboxError(f"{self.package} is not installed in this Python. See requirements.txt")
        return Path(spec.origin).parent

    @functools.cached_property
    def _classes(self) -> Mapping[str, tuple[str, str]]:
        # The package's own source is read, not imported: importing it would import every module's stub.
        with open(self._folder / "__init__.py", encoding="utf-8") as source:
            match = re.search(r'resource_modules="""\n(.*?)"""', source.read(), re.DOTALL)
        assert match is not None
        return {
            token: (module["fqn"], name)
            for module in json.loads(match.group(1))
            for token, name in module["classes"].items()
        }

    @functools.cached_property
    def version(self) -> str:
        """The SDK's version, which is the plugin's too."""
        with open(self._folder / "pulumi-plugin.json", encoding="utf-8") as file:
            return str(json.load(file)["version"])

    def has(self, token: str) -> bool:
        """Whether the SDK has a type."""
        return token in self._classes

    def resource(self, token: str) -> ResourceSchema:
        """The schema of a type. Raises KeyError if the SDK has no such type."""
        # The SDK's modules load lazily, which two threads must not do at once.
        with self._lock:
            if token not in self._schemas:
                self._schemas[token] = self._load(token)
            return self._schemas[token]

    def _load(self, token: str) -> ResourceSchema:
        module, name = self._classes[token]
        resource = getattr(importlib.import_module(module), name)
        # By `__all__`: the arguments of pulumi_azure_native.network.Subnet are SubnetInitArgs, and
        # SubnetArgs a nested type.
        defined = sys.modules[resource.__module__]
        arguments = getattr(defined, next(n for n in defined.__all__ if n.endswith("Args")))
        return ResourceSchema(
            token=token,
            arguments=arguments,
            inputs=frozenset(sdk_types.input_type_types(arguments)),
            outputs=frozenset(sdk_types.resource_types(resource)) - {"id", "urn"},
            api_version=_api_version(defined),
        )

    def input_errors(self, token: str, inputs: Mapping[str, Any]) -> list[SchemaError]:
        """All errors in the inputs of a resource."""
        return list(self._object(self.resource(token).arguments, inputs, ""))

    def _object(self, cls: type, value: Mapping[str, Any], path: str) -> Iterator[SchemaError]:
        declared, required = _properties(cls)
        for key, item in value.items():
            item_path = f"{path}.{key}" if path else key
            if key in declared:
                yield from self._value(declared[key], item, item_path)
            elif not key.startswith("__"):  # the engine's and the bridges' own marks
                yield SchemaError(item_path, "unknown", _hint(key, declared))
        for key in required - value.keys():
            yield SchemaError(f"{path}.{key}" if path else key, "missing", "")

    def _value(self, annotation: Any, value: Any, path: str) -> Iterator[SchemaError]:
        members = _members(annotation)
        if value is None or value is UNKNOWN or not members or Any in members:
            return
        enums = [m for m in members if _is_enum(m)]
        if enums and isinstance(value, str) and (self.closed_enums or str not in members):
            allowed = [str(member.value) for e in enums for member in e]
            if value.lower() not in {a.lower() for a in allowed}:
                yield SchemaError(path, "value", f"'{value}' is not one of {', '.join(allowed)}")
            return
        fitting = [m for m in members if _shape_fits(m, value)]
        if not fitting:
            expected = " or ".join(dict.fromkeys(_type_name(m) for m in members))
            yield SchemaError(path, "type", f"expected {expected} type, got {_value_name(value)} type")
            return
        yield from min((list(self._inside(m, value, path)) for m in fitting), key=len)

    def _inside(self, member: Any, value: Any, path: str) -> Iterator[SchemaError]:
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._value(_argument(member, 0), item, f"{path}[{index}]")
        elif isinstance(value, dict) and sdk_types.is_input_type(member):
            yield from self._object(member, value, path)
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from self._value(_argument(member, 1), item, f"{path}.{key}")


def _api_version(module: types.ModuleType) -> str | None:
    with open(str(module.__file__), encoding="utf-8") as source:
        match = re.search(r"Uses Azure REST API version ([\w-]+)", source.read())
    return match.group(1) if match else None


@functools.cache
def _properties(cls: type) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Wire names and annotations of an arguments class, and the names that are required."""
    names = sdk_types.input_type_py_to_pulumi_names(cls)
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    required = {names[n] for n, p in parameters.items() if n in names and p.default is inspect.Parameter.empty}
    return sdk_types.input_type_types(cls), frozenset(required)


def _members(annotation: Any) -> list[Any]:
    """The types that a value may have, without the `Input` plumbing around them."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return [annotation]
    members: list[Any] = []
    for argument in get_args(annotation):
        if get_origin(argument) in (Union, types.UnionType):
            members += _members(argument)
        elif not (
            argument is type(None)
            or argument is Output
            or get_origin(argument) in (Output, abc.Awaitable, abc.Coroutine)
            or typing.is_typeddict(argument)
        ):
            members.append(argument)
    return members


def _is_enum(member: Any) -> bool:
    return inspect.isclass(member) and issubclass(member, enum.Enum)


def _is_list(member: Any) -> bool:
    return member is list or get_origin(member) in (list, abc.Sequence)


def _is_map(member: Any) -> bool:
    return (
        member is dict
        or get_origin(member) in (dict, abc.Mapping)
        or (inspect.isclass(member) and sdk_types.is_input_type(member))
    )


def _argument(member: Any, index: int) -> Any:
    arguments = get_args(member)
    return arguments[index] if len(arguments) > index else Any


def _shape_fits(member: Any, value: Any) -> bool:
    if _is_list(member):
        return isinstance(value, list)
    if _is_map(member):
        return isinstance(value, dict)
    if isinstance(value, bool):
        return member is bool
    if isinstance(value, (int, float)):
        return member is float or (member is int and isinstance(value, int)) or (_is_enum(member) and member is not str)
    if isinstance(value, str):
        return member is str or _is_enum(member)
    return not isinstance(value, (list, dict))


def _type_name(member: Any) -> str:
    if _is_list(member):
        return "list"
    if _is_map(member):
        return "object"
    return {bool: "boolean", int: "number", float: "number"}.get(member, "string")


def _value_name(value: Any) -> str:
    for kind, name in (
        (bool, "boolean"),
        (int | float, "number"),
        (str, "string"),
        (list, "list"),
        (dict, "object"),
    ):
        if isinstance(value, kind):
            return name
    return type(value).__name__


def _hint(key: str, declared: Mapping[str, Any]) -> str:
    names = {name.lower().replace("_", ""): name for name in declared}
    close = difflib.get_close_matches(key.lower().replace("_", ""), names, n=1)
    return f"Did you mean '{names[close[0]]}'?" if close else ""
