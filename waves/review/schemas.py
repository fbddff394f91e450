"""Validates rendered objects by Kubernetes' schemas, and custom resources by the definitions that the repository pins. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator
from kubernetes_validate import utils

from waves.review.render import Object, identity

DEFINITIONS = "components/upstream/"
"""The repository's folder of definitions of custom resources: the files in its crds/ folders."""
Schemas = Mapping[tuple[str, str], dict[str, Any]]
"""apiVersion and kind to schema."""

# By itself, the library lists its folder and parses a megabyte of JSON for each object.
utils.all_versions = cache(utils.all_versions)
utils.schema_contents = cache(utils.schema_contents)


def definitions(files: Mapping[str, str]) -> dict[tuple[str, str], dict[str, Any]]:
    """The schemas of all custom resources that a repository's files define."""
    schemas: dict[tuple[str, str], dict[str, Any]] = {}
    for path, text in files.items():
        if path.startswith(DEFINITIONS) and "/crds/" in path:
            schemas |= _definitions_in(text)
    return schemas


@cache
def _definitions_in(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The schemas in one file. Argo CD's are long, and mostly equal on both sides of a comparison."""
    schemas: dict[tuple[str, str], dict[str, Any]] = {}
    for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
        spec = (document or {}).get("spec", {})
        for version in spec.get("versions", ()):
            schema = version.get("schema", {}).get("openAPIV3Schema", {})
            schemas[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return schemas


def schema_errors(objects: Sequence[Object], version: str, custom: Schemas) -> Iterator[tuple[str, str]]:
    """Object and error. `version` is the minor version of Kubernetes that the region runs."""
    for item in objects:
        for path, message in _errors_of(item, version, custom):
            yield identity(item), f"{path}: {message}" if path else message


def _errors_of(item: Object, version: str, custom: Schemas) -> Iterator[tuple[str, str]]:
    try:
        kubernetes_validate.validate(item, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield _path(error.path), error.message
    except kubernetes_validate.SchemaNotFoundError:
        schema = custom.get((item["apiVersion"], item["kind"]))
        if schema is None:
            yield "", f"neither Kubernetes {version} nor {DEFINITIONS} has {item['kind']} of {item['apiVersion']}"
            return
        yield from _errors_against(schema, item)


def _errors_against(schema: Mapping[str, Any], item: Object) -> Iterator[tuple[str, str]]:
    """The path and message of each error of an object by a schema."""
    for error in Draft202012Validator(schema).iter_errors(item):
        yield _path(error.path), error.message


def _path(parts: Any) -> str:
    return ".".join(map(str, parts))
