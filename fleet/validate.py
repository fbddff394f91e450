"""Data to models, and pydantic's findings to problems that name file, key, value and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from fleet.errors import Problem

Model = TypeVar("Model", bound=BaseModel)

RENAMED = {
    "asleep": "suspended",
    "access": "clusterAccess",
    "apiAccess": "apiAllowedCidrs",
    "receiptsApp": "githubApps.status.appId",
    "receiptsInstallation": "githubApps.status.installationId",
    "receiptsLogin": "githubApps.status.login",
    "conductorApp": "githubApps.conductor.appId",
    "conductorInstallation": "githubApps.conductor.installationId",
    "flagsApp": "githubApps.flags.appId",
    "flagsInstallation": "githubApps.flags.installationId",
    "screamTest": "retirementHold",
    "creators": "trustedStatusCreators",
}
"""Settings' names before version 0.1.0 to today's."""


def validate(
    model: type[Model], data: dict[str, Any], file: str, prefix: str = ""
) -> tuple[Model | None, list[Problem]]:
    """Make a model of data, or all its problems. `prefix` stands before each key, as in `regions:`."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, [_problem(model, detail, file, prefix) for detail in error.errors()]


def _problem(model: type[BaseModel], detail: ErrorDetails, file: str, prefix: str) -> Problem:
    location = tuple(part for part in detail["loc"] if part != "[key]")
    key = prefix + ".".join(str(part) for part in location) if location else "the file"
    fields = list(_fields_on(model, location))
    if detail["type"] == "extra_forbidden":
        known = [name for name, _ in _siblings(model, location)]
        outer, *inner = RENAMED.get(str(location[-1]), "").split(".")
        if outer in known:
            words = f"{outer}: {{ {inner[0]}: {{ {inner[1]}: … }} }}" if inner else outer
            return Problem(file, key, detail["input"], "renamed", f"Write `{prefix}{words}`")
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"Did you mean `{close[0]}`? Else remove it" if close else f"Remove it; known here: {', '.join(known)}"
        return Problem(file, key, detail["input"], "not a setting", hint)
    field = fields[-1] if fields else None
    remedy = f"Give {field.description}" if field and field.description else "Give a valid value"
    if field and field.examples:
        remedy += f", for example `{_example(field.examples[0])}`"
    if detail["type"] == "missing":
        return Problem(file, key, None, "missing", remedy)
    message = detail["msg"].removeprefix("Value error, ")
    return Problem(file, key, detail["input"], message[:1].lower() + message[1:], remedy)


def _example(value: Any) -> str:
    return value if isinstance(value, str) else str(value).replace("'", "")


def _fields_on(model: type[BaseModel], location: tuple[int | str, ...]) -> Iterator[FieldInfo]:
    """The fields that a location passes through, outermost first."""
    current: type[BaseModel] | None = model
    for part in location:
        field = _field(current, part)
        if field is None:
            continue  # a list's index or a mapping's key: the model inside is already the current one
        yield field
        current = next(iter(models_in(field.annotation)), None)


def _siblings(model: type[BaseModel], location: tuple[int | str, ...]) -> list[tuple[str, FieldInfo]]:
    """The settings that are known at the place of a location's last part."""
    current: type[BaseModel] = model
    for part in location[:-1]:
        field = _field(current, part)
        if field is not None:
            current = next(iter(models_in(field.annotation)), current)
    return [(field.alias or name, field) for name, field in current.model_fields.items()]


def _field(model: type[BaseModel] | None, part: int | str) -> FieldInfo | None:
    if model is None:
        return None
    return next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models in an annotation such as `Model | None`, `list[Model]` or `dict[str, Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]
