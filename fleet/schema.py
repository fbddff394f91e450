"""The JSON Schemas of the fleet's files, made from the models, for editors to complete and check with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from fleet.checks import STACK_KEYS
from fleet.duration import text
from fleet.settings import RegionSettings
from fleet.waves import Waves

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, but default times are written as in stack files, not as in ISO 8601."""

    def encode_default(self, dft: Any) -> Any:
        """A default in the form of stack files."""
        return text(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def stack_schema(namespace: str = "regions") -> dict[str, Any]:
    """The schema of stacks/Pulumi.<region>.yaml. Nothing is required in it: common values may come from Pulumi.yaml."""
    model = RegionSettings.model_json_schema(by_alias=True, schema_generator=_Generator)
    return {
        "$schema": DIALECT,
        "title": "A region's stack file",
        "type": "object",
        "required": ["config"],
        "additionalProperties": False,
        "properties": {
            **{key: {"type": "string"} for key in STACK_KEYS if key != "config"},
            "config": {
                "type": "object",
                "additionalProperties": False,
                "patternProperties": {"^pulumi:": {}},
                "properties": {f"{namespace}:{key}": value for key, value in model["properties"].items()},
            },
        },
        "$defs": model["$defs"],
    }


def waves_schema() -> dict[str, Any]:
    """The schema of waves.yaml."""
    model = Waves.model_json_schema(by_alias=True, schema_generator=_Generator)
    return {"$schema": DIALECT, **model, "title": "The waves"}


SCHEMAS = {"stacks/stack.schema.json": stack_schema, "stacks/waves.schema.json": waves_schema}
"""The file of each schema, and the function that makes it."""
