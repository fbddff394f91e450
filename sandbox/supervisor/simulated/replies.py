"""Replies of the simulated parts of a cluster's network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reply:
    """An HTTP response."""

    status: int
    text: str | bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(status: int, data: object) -> Reply:
    """A reply with a JSON body."""
    return Reply(status, json.dumps(data), {"Content-Type": "application/json"})
