"""The parts of requests and answers that all endpoints of the simulated GitHub share."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request


async def read_json(request: Request) -> dict[str, Any]:
    """A request's body."""
    body: dict[str, Any] = json.loads(await request.body() or b"{}")
    return body


def user(login: str) -> dict[str, str]:
    """A user or an app, by its login."""
    return {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}
