"""Kubernetes versions of the SIMULATED clouds, and the upgrades that a control plane may do."""

from __future__ import annotations

import re
from typing import Final

MINORS: Final = tuple(f"1.{minor}" for minor in range(30, 38))
"""Minor versions that all clouds offer. The real clouds differ by a few months. The sandbox's real API servers all have
one version."""
DEFAULT: Final = "1.35"


def minor(version: str) -> str | None:
    """`1.33` of `1.33`, `1.33.4` and `1.33.4-gke.1010`. None for a version that the clouds do not offer."""
    match = re.match(r"v?(\d+\.\d+)(?:\.|-|$)", version)
    return match.group(1) if match and match.group(1) in MINORS else None


def may_upgrade(old: str, new: str) -> bool:
    """Whether a control plane may go from one version to another: up by one minor version at most, in every cloud."""
    before, after = minor(old), minor(new)
    if before is None or after is None:
        return False
    return 0 <= MINORS.index(after) - MINORS.index(before) <= 1


def newer(version: str, reference: str) -> bool:
    """Whether a version's minor is newer than the reference's. In every cloud, nodes are never newer than their control plane."""
    first, second = minor(version), minor(reference)
    return first is not None and second is not None and MINORS.index(first) > MINORS.index(second)


def full(version: str, suffix: str = "") -> str:
    """A version with a patch number and the cloud's own suffix: `1.33.4` for `1.33`. A full version stays as it is."""
    return version if version.count(".") > 1 else f"{version}.4{suffix}"
