"""The allowed places of each tenant's data, from policy/residency.yaml: for the check of the files and for the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from fleet.errors import Problem

RESIDENCY_FILE = "policy/residency.yaml"

Residency = Mapping[str, Sequence[str]]
"""Tenant to patterns of cloud:location. A missing tenant has no allowed place."""


def refusal(residency: Residency, tenant: str, cloud: str, place: str) -> str:
    """Why a tenant may not be in a place. Empty if it may."""
    allowed = residency.get(tenant) or ()
    name = place.lower().replace(" ", "") if cloud == "azure" else place
    if any(fnmatchcase(f"{cloud}:{name}", pattern) for pattern in allowed):
        return ""
    return f"tenant {tenant} may not be in {cloud}:{name}: residency.yaml allows {', '.join(allowed) or 'nothing'}"


def parse_residency(data: Mapping[str, Any]) -> tuple[Residency, list[Problem]]:
    """The well-formed tenants of the file, and the problems of the others."""
    sound = {
        str(tenant): allowed
        for tenant, allowed in data.items()
        if isinstance(allowed, list) and all(isinstance(pattern, str) for pattern in allowed)
    }
    return sound, [
        Problem(RESIDENCY_FILE, str(tenant), allowed, "not a list of patterns",
                'Write places as cloud:location, for example `["gcp:europe-*"]`')
        for tenant, allowed in data.items()
        if tenant not in sound
    ]  # fmt: skip
