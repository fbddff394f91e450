"""The reference page of the settings, made from the models: `make reference` writes docs/reference/settings.md."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from fleet.duration import text
from fleet.settings import RegionSettings
from fleet.validate import models_in
from fleet.waves import Waves

HEAD = """# Settings

`make reference` writes this page from the models in `fleet/`. `regions check` checks the files against them.
"""


def page() -> str:
    """The whole page, in Markdown."""
    region = "\n".join(
        _section("Region", "stacks/Pulumi.REGION.yaml or Pulumi.yaml, under `config:`", RegionSettings, "regions:")
    )
    waves = "\n".join(_section("Waves", "waves.yaml", Waves, ""))
    return "\n".join([HEAD, region, waves])


def _section(title: str, place: str, model: type[BaseModel], prefix: str, level: int = 2) -> Iterator[str]:
    """A model's settings, then those of the models in it."""
    yield f"{'#' * level} {title}\n"
    yield f"In {place}.\n" if level == 2 else f"{(model.__doc__ or '').strip().splitlines()[0]}\n"
    yield "| setting | meaning | default | example |\n| --- | --- | --- | --- |"
    inner: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        example = _value(field.examples[0]) if field.examples else ""
        yield f"| `{prefix}{key}` | {_cell(field.description or '')} | {_default(field)} | {example} |"
        inner += [(key, model) for model in models_in(field.annotation)]
    yield ""
    for key, inner_model in inner:
        yield from _section(f"{prefix}{key}", "", inner_model, "", level + 1)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return "" if field.default in (None, [], {}) or isinstance(field.default, BaseModel) else _value(field.default)


def _value(value: Any) -> str:
    """A value as it stands in YAML, near enough for a table."""
    scalar = (
        text(value) if isinstance(value, timedelta) else str(value).lower() if isinstance(value, bool) else str(value)
    )
    return f"`{_cell(scalar)}`"


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("'", '"' if words.startswith(("{", "[")) else "'")


if __name__ == "__main__":
    sys.stdout.write(page())
