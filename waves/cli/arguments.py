"""Arguments and options that several commands have in common."""

from __future__ import annotations

from typing import Annotated

import typer

import fleet
from fleet.console import errors

RegionName = Annotated[str, typer.Argument(help="A region's name.")]
Base = Annotated[
    str, typer.Option(help="The branch or commit to merge into. The change begins at the last common commit.")
]
At = Annotated[str, typer.Option(help="A commit. Default: the files as they are here.")]


def regions_of(known: fleet.Fleet, names: list[str] | None = None) -> list[fleet.Region]:
    """The named regions, or all of them in wave order.

    Raises FleetError for a missing or unsound region. Without names: for any problem of the files, and for an empty fleet.
    """
    if not names and known.problems:
        raise fleet.FleetError(known.problems)
    return sound_regions(known, names)


def sound_regions(known: fleet.Fleet, names: list[str] | None = None) -> list[fleet.Region]:
    """The named regions, or in wave order all those whose files are sound: one bad stack file stops no other region.

    Writes the files' problems to stderr. Raises FleetError for a missing or unsound region that is named, and if no region is
    sound.
    """
    if names:
        return [known.region(name) for name in names]
    if known.problems and not known.regions:
        raise fleet.FleetError(known.problems)
    for problem in known.problems:
        errors.text(str(problem))
    return require_regions(known).in_waves()


def require_regions(known: fleet.Fleet) -> fleet.Fleet:
    """The fleet. Raises FleetError if it is empty: a command without a region must not report success."""
    if known.regions or known.problems:
        return known
    remedy = "Copy a stack file into it, or name another --checkout"
    raise fleet.FleetError([fleet.Problem("stacks/", "the folder", None, "no region", remedy)])


def count_of_regions(number: int) -> str:
    """`1 region`, `3 regions`."""
    return f"{number} region{'s' * (number != 1)}"
