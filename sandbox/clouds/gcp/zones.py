"""Zones and project numbers of the SIMULATED Google Cloud."""

from __future__ import annotations

import re
from typing import Final

from sandbox.clouds.core.nodes import stable_digits

# Regions whose zones are not a, b and c (cloud.google.com/compute/docs/regions-zones).
_LETTERS: Final = {"us-central1": "abcf", "us-east1": "bcd", "europe-west1": "bcd"}
_REGION: Final = re.compile(r"[a-z]+-[a-z]+\d+")


def zones(location: str) -> list[str]:
    """The zones of a region. For a zone: the zone itself."""
    if not _REGION.fullmatch(location):
        return [location]
    return [f"{location}-{letter}" for letter in _LETTERS.get(location, "abc")]


def region_of(location: str) -> str:
    """The region that a location is, or is in."""
    match = _REGION.match(location)
    return match.group(0) if match else location


def exists(location: str) -> bool:
    """Whether a location looks like a region, or like a zone of one."""
    return bool(_REGION.fullmatch(location)) or location in zones(region_of(location))


def project_number(project: str) -> str:
    """The number of a project, always the same."""
    return stable_digits(project, 12)
