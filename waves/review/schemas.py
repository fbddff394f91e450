"""Holds rendered objects against Kubernetes' own schemas, and custom ones against definitions that the repository pins. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator

from waves.review.render import Object, identity

DEFINITIONS = "components/upstream/"
"""Where the repository keeps the definitions of custom resources: whatever file below it is one."""
Schemas = Mapping[tuple[str, str], dict[str, Any]]
"""apiVersion and kind to schema."""


def definitions(files: Mapping[str, str]) -> dict[tuple[str, str], dict[str, Any]]:
    """The schemas of all custom resources that a repository's files define."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path, text in files.items():
        if path.startswith(DEFINITIONS) and "/crds/" in path:
            found |= defined(text)
    return found


@cache
def defined(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The schemas in one file. Argo CD's are long, and mostly the same on both sides of a comparison."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
        spec = (document or {}).get("spec", {})
        for version in spec.get("versions", ()):
            schema = version.get("schema", {}).get("openAPIV3Schema", {})
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def problems(objects: Sequence[Object], version: str, custom: Schemas) -> Iterator[tuple[str, str]]:
    """Object and what is wrong with it. `version` is the minor version of Kubernetes that the region runs."""
    for item in objects:
        for path, message in _wrong(item, version, custom):
            yield identity(item), f"{path}: {message}" if path else message


def _wrong(item: Object, version: str, custom: Schemas) -> Iterator[tuple[str, str]]:
    try:
        kubernetes_validate.validate(item, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield _path(error.path), error.message
    except kubernetes_validate.SchemaNotFoundError:
        schema = custom.get((item["apiVersion"], item["kind"]))
        if schema is None:
            yield "", f"neither Kubernetes {version} nor {DEFINITIONS} has {item['kind']} of {item['apiVersion']}"
            return
        yield from against(schema, item)


def against(schema: Mapping[str, Any], item: Object) -> Iterator[tuple[str, str]]:
    """Where an object does not fit a schema, and why."""
    for each in Draft202012Validator(schema).iter_errors(item):
        yield _path(each.path), each.message


def _path(parts: Any) -> str:
    return ".".join(map(str, parts))
