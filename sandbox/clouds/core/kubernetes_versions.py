"""Kubernetes versions in the SIMULATED clouds: which there are, and how a control plane may move between
them."""

from __future__ import annotations

import re
from typing import Final

MINORS: Final = tuple(f"1.{minor}" for minor in range(30, 38))
"""What the clouds offer. They differ by a few months; the sandbox's real API servers are all of one version
anyway."""
DEFAULT: Final = "1.35"


def minor(version: str) -> str | None:
    """`1.33` of `1.33`, `1.33.4` and `1.33.4-gke.1010`; None if it is no version that the clouds offer."""
    match = re.match(r"v?(\d+\.\d+)(?:\.|-|$)", version)
    return match.group(1) if match and match.group(1) in MINORS else None


def may_move(old: str, new: str) -> bool:
    """Control planes go up by one minor version at a time, in every cloud, and never down."""
    before, after = minor(old), minor(new)
    if before is None or after is None:
        return False
    return 0 <= MINORS.index(after) - MINORS.index(before) <= 1


def newer(one: str, other: str) -> bool:
    """Whether a version's minor is newer than another's: nodes never are, in every cloud."""
    first, second = minor(one), minor(other)
    return first is not None and second is not None and MINORS.index(first) > MINORS.index(second)


def full(version: str, suffix: str = "") -> str:
    """A version with a patch number: `1.33.4` for `1.33`, with the cloud's own suffix; a full one stays as
    it is."""
    return version if version.count(".") > 1 else f"{version}.4{suffix}"
