"""All statements of the policies on AWS that bootstrap and the regions make."""

from __future__ import annotations

import json
from typing import Any

from tests.bootstrap.recording import shipped
from tests.components.recording import FLEET, recorded

POLICIES = ("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy")


def statements() -> list[dict[str, Any]]:
    """The statements, each once."""
    regions = (resource for region in FLEET.regions for resource in recorded(region).resources)
    texts = {resource.inputs["policy"] for resource in (*regions, *shipped().resources) if resource.type in POLICIES}
    found = {json.dumps(entry) for text in sorted(texts) for entry in json.loads(text)["Statement"]}
    return [json.loads(entry) for entry in sorted(found)]
