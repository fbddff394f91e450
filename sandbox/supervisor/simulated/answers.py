"""What the simulated parts of a cluster's network answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    text: str | bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def answered(status: int, data: object) -> Answer:
    """One of JSON."""
    return Answer(status, json.dumps(data), {"Content-Type": "application/json"})
