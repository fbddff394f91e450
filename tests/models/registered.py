"""All that bootstrap and the shipped regions register, and the statements of their policies on AWS."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.bootstrap.recording import shipped
from tests.components.recording import FLEET, Registered, recorded

POLICIES = ("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy")


@cache
def resources() -> tuple[Registered, ...]:
    """The resources of every shipped region and of bootstrap."""
    regions = (resource for region in FLEET.regions for resource in recorded(region).resources)
    return (*regions, *shipped().resources)


def statements() -> list[dict[str, Any]]:
    """The statements, each once."""
    texts = {resource.inputs["policy"] for resource in resources() if resource.type in POLICIES}
    found = {json.dumps(entry) for text in sorted(texts) for entry in json.loads(text)["Statement"]}
    return [json.loads(entry) for entry in sorted(found)]
