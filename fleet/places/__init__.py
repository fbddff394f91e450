"""The clouds' locations, their zones, and their machine types, as the clouds' own lists have them.

The lists are in this folder, each with its date and its source. `make places` reads one again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fleet.base import Cloud

ZONES = 3
"""The zones of every region."""

ARM = "arm64"
"""The architecture for which no image of a region is built."""

PERSISTENT_DISK_SERIES = ("a2", "c2", "c2d", "c3", "c3d", "e2", "g2", "m1", "m2", "m3", "n1", "n2", "n2d", "t2d", "z3")
"""Google Cloud's machine series that take pd-balanced, the nodes' disks, and pd-ssd, the volumes'.

Source: cloud.google.com/compute/docs/disks/persistent-disks, "Machine series support".
"""
ARM_SERIES = ("a4x", "c4a", "n4a", "t2a")
"""Source: cloud.google.com/compute/docs/instances/arm-on-compute."""

AZURE_SIZE = re.compile(r"Standard_(?P<family>[A-Z]+)\d+(-\d+)?(?P<features>[a-z]*)(_[A-Z][A-Za-z0-9]*)*(_v\d+)?")
"""The form of a size. Source: learn.microsoft.com/azure/virtual-machines/vm-naming-conventions."""


@dataclass(frozen=True)
class Location:
    """A place of a cloud with its zones, and on AWS the machine types that it has."""

    zones: tuple[str, ...]
    """AWS's ids, such as `euw1-az1`: an account's letters for the same zones differ. Google Cloud's names. Azure's numbers."""
    machine_types: Mapping[str, Mapping[str, str]]
    """On AWS: zones, to the families that they have, to the family's sizes. Spaces separate zones and sizes."""

    def zones_of(self, machine_type: str) -> list[str]:
        """The zones of AWS that have a machine type."""
        family, _, size = machine_type.partition(".")
        groups = (zones for zones, families in self.machine_types.items() if size in families.get(family, "").split())
        return next(groups, "").split()


@dataclass(frozen=True)
class Places:
    """A cloud's list."""

    date: str
    locations: Mapping[str, Location]
    architectures: Mapping[str, str]
    """On AWS: family of machine types to architecture."""
    elsewhere: Mapping[str, str]
    """Locations that need another sign-in, other ARNs or other addresses, to their name: AWS China, Azure Government."""


@cache
def places(cloud: Cloud) -> Places:
    """A cloud's list."""
    data = json.loads((files(__name__) / f"{cloud}.json").read_text())
    locations = {
        name: Location(tuple(entry["zones"]), entry.get("machineTypes", {}))
        for name, entry in data["locations"].items()
    }
    return Places(data["date"], locations, data.get("architectures", {}), data["elsewhere"])


def zones(cloud: Cloud, location: str) -> tuple[str, ...]:
    """The zones that a region has unless its settings name others: the location's first three. Fewer where it has fewer."""
    entry = places(cloud).locations.get(location)
    return entry.zones[:ZONES] if entry else ()


def machine_fault(cloud: Cloud, location: str, chosen: Sequence[str], machine_type: str) -> str | None:
    """The reason why a region cannot have a machine type. None if the lists know no reason."""
    fault = {"aws": _aws_fault, "gcp": _gcp_fault, "azure": _azure_fault}[cloud]
    return fault(location, chosen, machine_type)


def _aws_fault(location: str, chosen: Sequence[str], machine_type: str) -> str | None:
    entry = places("aws").locations.get(location)
    if entry is None:
        return None
    if places("aws").architectures.get(machine_type.partition(".")[0]) == ARM:
        return f"a machine of {ARM}, for which no image of a region is built"
    offered = entry.zones_of(machine_type)
    if not offered:
        return f"not a machine type of {location}"
    lacking = [zone for zone in chosen if zone not in offered]
    return f"not in zone {', '.join(lacking)}, but in {', '.join(offered)}" if lacking else None


def _gcp_fault(location: str, chosen: Sequence[str], machine_type: str) -> str | None:
    series, hyphen, _ = machine_type.partition("-")
    if series in ARM_SERIES:
        return f"a machine of {ARM}, for which no image of a region is built"
    if not hyphen or not re.fullmatch(r"[a-z]\d+[a-z]*", series):
        return "not the form of a machine type"
    if series not in PERSISTENT_DISK_SERIES:
        return "of a series that takes no pd-balanced and pd-ssd disks, which nodes and volumes have"
    return None


def _azure_fault(location: str, chosen: Sequence[str], machine_type: str) -> str | None:
    match = AZURE_SIZE.fullmatch(machine_type)
    if not match:
        return "not the form of a machine size"
    if "p" in match["features"]:
        return f"a machine of {ARM}, for which no image of a region is built"
    if "s" not in match["features"]:
        return "a size without premium disks, which volumes have"
    return None
