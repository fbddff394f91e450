"""Holds a resource's recorded inputs to the cloud's own API model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tests.models.resource_types import GENERATED, NAMED, NAMES, OPERATIONS, SCHEMAS, UNSENT

FOLDER = Path(__file__).parent
SUFFIX = "0a1b2c3"
"""Pulumi ends a generated name with seven hexadecimal digits. Source: pulumi.com/docs/iac/concepts/resources/names."""


def faults(kind: str, name: str, inputs: Mapping[str, Any]) -> list[str]:
    """What the cloud's model refuses in the inputs of a resource of the program, by the place in the cloud's request."""
    if (generated := GENERATED.get(kind)) is not None:
        inputs = {generated: f"{name}-{SUFFIX}"} | dict(inputs)
    if "location" in _schema(kind)["required"]:
        inputs = {"location": "the provider's own"} | dict(inputs)
    document = translated(kind, inputs)
    return [f"{error.json_path}: {error.message}" for error in _validator(kind).iter_errors(document)]


def translated(kind: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's inputs with the cloud's names. An input that the model does not know keeps its own, and is refused."""
    return dict(_object(kind, "", inputs, _schema(kind)))


@cache
def definitions(file: str) -> dict[str, Any]:
    """The definitions in a file of this folder, by name, such as the shapes of a cloud's API models."""
    read: dict[str, Any] = json.loads((FOLDER / f"{file}.json").read_text())["$defs"]
    return read


@cache
def _schema(kind: str) -> dict[str, Any]:
    """The model that judges a type: all that its operations take, and what the first one, which makes it, requires."""
    names = OPERATIONS.get(kind) or (SCHEMAS[kind],)
    known = definitions(kind.partition(":")[0])
    shapes = [_resolved(known[name], known) for name in names]
    return {
        "type": "object",
        "properties": {name: part for shape in shapes for name, part in shape["properties"].items()},
        "required": shapes[0].get("required", []),
        "additionalProperties": False,
    }


@cache
def _validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(_schema(kind) | {"$defs": definitions(kind.partition(":")[0])})


def _resolved(schema: Mapping[str, Any], known: Mapping[str, Any], value: Any = None) -> Mapping[str, Any]:
    """A schema behind its references. Of several, the one whose single values the value has: Azure's discriminators."""
    while "$ref" in schema:
        schema = known[schema["$ref"].removeprefix("#/$defs/")]
    if "oneOf" not in schema:
        return schema
    variants = [_resolved(variant, known, value) for variant in schema["oneOf"]]
    return next(
        (found for found in variants if isinstance(value, dict) and "properties" in found and _is(value, found)), {}
    )


def _is(value: Mapping[str, Any], variant: Mapping[str, Any]) -> bool:
    """Whether a value has what tells a variant apart."""
    fixed = {key: part["enum"] for key, part in variant["properties"].items() if len(part.get("enum", ())) == 1}
    return all(value.get(key) in allowed for key, allowed in fixed.items())


def _object(kind: str, path: str, value: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    known = definitions(kind.partition(":")[0])
    properties = {_folded(name): name for name in schema["properties"]}
    nested: dict[str, Any] = {}
    for key, item in value.items():
        place = f"{path}.{key}".lstrip(".")
        name = NAMES.get(kind, {}).get(place)
        if name == UNSENT:
            continue
        if name is None and key == "tags" and "TagSpecifications" in schema["properties"]:
            name, item = "TagSpecifications", [{"tags": item}]
        if name is not None and "." in name:
            _put(nested, name.split("."), item)
            continue
        name = name or _name(key, properties)
        part = schema["properties"].get(name)
        if part is None and _flat(key, schema, known):
            nested.setdefault("properties", {})[key] = item
            continue
        yield name, item if part is None else _value(kind, place, item, _resolved(part, known, item))
    for name, item in nested.items():
        part = schema["properties"].get(name)
        yield (
            name,
            item if part is None else _value(kind, f"{path}.{name}".lstrip("."), item, _resolved(part, known, item)),
        )


def _flat(key: str, schema: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether an input is one level deeper in the request: the provider takes Azure's `properties` for granted."""
    inner = _resolved(schema["properties"].get("properties", {}), known)
    return _name(key, {_folded(name): name for name in inner.get("properties", {})}) in inner.get("properties", {})


def _put(nested: dict[str, Any], names: list[str], item: Any) -> None:
    for name in names[:-1]:
        nested = nested.setdefault(name, {})
    nested[names[-1]] = item


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _name(key: str, properties: Mapping[str, str]) -> str:
    """The model's name of an input: the same letters, in the singular or the plural."""
    folded = _folded(key)
    for candidate in (folded, f"{folded}s", folded.removesuffix("s"), folded.removesuffix("es")):
        if candidate in properties:
            return properties[candidate]
    return key


def _value(kind: str, path: str, value: Any, schema: Mapping[str, Any]) -> Any:
    """A value in the model's form. Terraform writes one block as a list, tags as a mapping, and some booleans as text."""
    known = definitions(kind.partition(":")[0])
    last = path.rpartition(".")[2]
    if last in NAMED and isinstance(value, list) and all(isinstance(entry.get(NAMED[last]), str) for entry in value):
        value = {entry[NAMED[last]]: {k: v for k, v in entry.items() if k != NAMED[last]} for entry in value}
    if "additionalProperties" in schema and "properties" not in schema and isinstance(value, list):
        value = {entry: {} for entry in value if isinstance(entry, str)} or value
    if schema.get("type") == "object" and isinstance(value, list) and len(value) == 1:
        value = value[0]
    if schema.get("type") == "object" and isinstance(value, dict):
        if "properties" in schema:
            return dict(_object(kind, path, value, schema))
        return {
            name: _value(kind, path, entry, _resolved(schema["additionalProperties"], known, entry))
            for name, entry in value.items()
        }
    if schema.get("type") == "array":
        item = _resolved(schema["items"], known)
        if isinstance(value, dict):
            names = set(item.get("properties", {}))
            pair = next((pair for pair in (("Key", "Value"), ("TagKey", "TagValue")) if names == set(pair)), None)
            value = [dict(zip(pair, entry, strict=True)) for entry in value.items()] if pair else [value]
        entries = value if isinstance(value, list) else [value]
        return [_value(kind, path, entry, _resolved(schema["items"], known, entry)) for entry in entries]
    if schema.get("type") == "boolean" and isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    return value
