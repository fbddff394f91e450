"""Where each tenant's data may be: what policy/residency.yaml says, for the check of the files and for the policy alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from fleet.errors import Problem

RESIDENCY_FILE = "policy/residency.yaml"

Residency = Mapping[str, Sequence[str]]
"""Tenant to patterns of cloud:location. A tenant that is not there may be nowhere."""


def refused(residency: Residency, tenant: str, cloud: str, place: str) -> str:
    """Why a tenant may not be in a place; empty if it may."""
    allowed = residency.get(tenant) or ()
    name = place.lower().replace(" ", "") if cloud == "azure" else place
    if any(fnmatchcase(f"{cloud}:{name}", pattern) for pattern in allowed):
        return ""
    return f"tenant {tenant} may not be in {cloud}:{name}: residency.yaml allows {', '.join(allowed) or 'nothing'}"


def parsed(data: Mapping[str, Any]) -> tuple[Residency, list[Problem]]:
    """What the file says, of those tenants that it says it well of; and what is wrong with the others."""
    sound = {
        str(tenant): allowed
        for tenant, allowed in data.items()
        if isinstance(allowed, list) and all(isinstance(each, str) for each in allowed)
    }
    return sound, [
        Problem(RESIDENCY_FILE, str(tenant), allowed, "not a list of patterns",
                'Write places as cloud:location, for example `["gcp:europe-*"]`')
        for tenant, allowed in data.items()
        if tenant not in sound
    ]  # fmt: skip
