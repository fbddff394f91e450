"""Times as people write them in the fleet's files: `90s`, `10m`, `1h30m`, `2d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Unit to seconds."""
_DURATION = r"^([0-9]+[smhd])+$"


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.match(_DURATION, value):
        raise ValueError("not a duration of the form 90s, 10m, 1h30m or 2d")
    return timedelta(seconds=sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"([0-9]+)([smhd])", value)))


def text(value: timedelta) -> str:
    """A time in the form that `Duration` reads."""
    return f"{value.total_seconds():.0f}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(text),
    WithJsonSchema({"type": "string", "pattern": _DURATION}),
]
"""A time as people write it: `90s`, `10m`, `1h30m`, `2d`."""
