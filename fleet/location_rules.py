"""The rules on a region's location, zones and machine types, held to the clouds' own lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from fleet import places
from fleet.errors import Problem
from fleet.settings import LOCATIONS
from fleet.sizes import MAIN_POOL
from fleet.stack import Stack


def problems(stack: Stack) -> list[Problem]:
    """All problems of a stack's place. A wrong location hides those of its zones, and wrong zones those of its machines."""
    return [*_location(stack)] or [*_zones(stack)] or [*_machine_types(stack)]


def _location(stack: Stack) -> Iterator[Problem]:
    """The location exists, in the part of the cloud that the program builds in, and has three zones."""
    cloud, location = stack.settings.cloud, stack.settings.location
    known = places.places(cloud)
    if not re.fullmatch(LOCATIONS[cloud], location):
        yield stack.problem("location", location, f"not the form of a location of {cloud}",
                            f"Give a location of {cloud}, or fix regions:cloud")  # fmt: skip
    elif location in known.elsewhere:
        yield stack.problem("location", location,
                            f"in {known.elsewhere[location]}, whose names and sign-in this program does not have",
                            "Take a location of the public cloud")  # fmt: skip
    elif location not in known.locations:
        similar = get_close_matches(location, known.locations, n=3) or sorted(known.locations)[:3]
        yield stack.problem("location", location, f"not in the list of {cloud}'s locations of {known.date}",
                            f"Take another, for example {', '.join(similar)}. For a new location renew the list: "
                            f"`make places CLOUD={cloud}`")  # fmt: skip
    elif len(known.locations[location].zones) < places.ZONES:
        have = ", ".join(known.locations[location].zones) or "none"
        yield stack.problem("location", location, f"without three zones for a cluster (there: {have})",
                            "Take a location with three zones")  # fmt: skip


def _zones(stack: Stack) -> Iterator[Problem]:
    """The settings name three different zones of the location, if any."""
    cloud, location, chosen = stack.settings.cloud, stack.settings.location, stack.settings.zones or []
    zones = places.places(cloud).locations[location].zones
    wrong = [zone for zone in dict.fromkeys(chosen) if zone not in zones]
    if wrong:
        letters = ": an account's letters are its own, so give ids" if cloud == "aws" else ""
        fault = f"{', '.join(wrong)}: not in the list of {location}'s zones{letters}"
    elif len(set(chosen)) < len(chosen):
        fault = "not three different zones"
    else:
        return
    yield stack.problem("zones", chosen, fault, f"Take three of {', '.join(zones)}")


def _machine_types(stack: Stack) -> Iterator[Problem]:
    """Each pool's machines exist in the region's zones, run its images and take its disks."""
    settings = stack.settings
    for name, pool in settings.pools.items():
        fault = places.machine_fault(settings.cloud, settings.location, settings.zone_names, pool.machine_type)
        if fault and name in settings.node_pools:
            yield stack.problem(f"nodePools.{name}.machineType", pool.machine_type, fault,
                                "Take another machine type of the cloud")  # fmt: skip
        elif fault:
            yield stack.problem("size", f"{settings.size}, with {pool.machine_type}", fault,
                                f"Give the pool `{MAIN_POOL}` another machineType under nodePools")  # fmt: skip
