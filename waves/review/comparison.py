"""Compares two states of the repository by the objects of each region, and applies the preflight rules."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path

import fleet
from waves.review.object_diff import ObjectDiff, between
from waves.review.preflight import Finding, exemptions, findings, images, removed_definitions
from waves.review.render import PLACE, Object, RenderError, render, sources
from waves.review.schemas import definitions
from waves.scm.git import GitRefs


@dataclass(frozen=True)
class PreflightViolation:
    """A preflight rule that a change breaks in some regions."""

    rule: str
    item: str
    fault: str
    regions: tuple[str, ...]
    exemption: str
    """The reason that the change gives in gitops/exceptions/. Empty: it blocks the change."""


@dataclass(frozen=True)
class Comparison:
    """Each region's objects, before a change and after it."""

    changes: dict[str, tuple[ObjectDiff, ...]]
    """By region, removed regions included."""
    findings: dict[Finding, tuple[str, ...]]
    """The broken rules, each with its regions."""
    broken: dict[str, str]
    """Why a file does not load, or a region does not render: by region, or by the place in a file."""


def compare(before: Mapping[str, str], after: Mapping[str, str], only: str = "") -> Comparison:
    """Compare the objects of all regions, or of one. Raises FleetError if there is no such region."""
    old, new = fleet.load(before).regions, fleet.load(after)
    if only and only not in old:
        new.region(only)  # raises FleetError, also for a missing region
    names = {only} if only else {*old, *new.regions}
    comparison = between_files(before, after, _of(old, names), _of(new.regions, names))
    problems = {f"{problem.file} {problem.key}": str(problem) for problem in new.problems}
    return replace(comparison, broken=comparison.broken | problems)


def between_files(
    before: Mapping[str, str],
    after: Mapping[str, str],
    old: Mapping[str, fleet.Region],
    new: Mapping[str, fleet.Region],
) -> Comparison:
    """The same for given regions: the old ones of the files before, the new ones of the files after.

    Renders each region once a side.
    """
    changes: dict[str, tuple[ObjectDiff, ...]] = {}
    regions_by_finding: dict[Finding, list[str]] = {}
    broken: dict[str, str] = {}
    running: set[str] = set()
    removed_kinds = list(removed_definitions(definitions(before), definitions(after)))
    # A new region comes last: the images that the others run already are not new in it.
    for name in [*sorted(old), *sorted(new.keys() - old.keys())]:
        old_objects = _old_objects(before, old.get(name))
        running.update(images(old_objects))
        try:
            objects = region_objects(after, new[name]) if name in new else []
        except RenderError as error:
            broken[name] = str(error)
            continue
        changes[name] = between(old_objects, objects)
        if name in new:
            known_images = () if name in old else running
            for finding in [*removed_kinds, *findings(old_objects, objects, new[name], known_images)]:
                regions_by_finding.setdefault(finding, []).append(name)
    return Comparison(
        dict(sorted(changes.items())),
        {finding: tuple(sorted(names)) for finding, names in regions_by_finding.items()},
        broken,
    )


def violations(comparison: Comparison, before: Mapping[str, str], after: Mapping[str, str]) -> list[PreflightViolation]:
    """The preflight rules that a change breaks, with its reasons. Raises ExceptionsError."""
    reasons = exemptions(before, after)
    return [
        PreflightViolation(
            finding.rule, finding.item, finding.fault, regions, reasons.get((finding.rule, finding.item), "")
        )
        for finding, regions in comparison.findings.items()
    ]


def region_objects(files: Mapping[str, str], region: fleet.Region) -> list[Object]:
    """A region's objects for a comparison, with the same repository and commit on both sides. Raises RenderError."""
    return render(files, region, "REPOSITORY", "COMMIT")


def repository_files(checkout: Path, commit: str, *places: str) -> dict[str, str]:
    """The fleet's files, all of gitops/ and some further places, path to text: of a commit, or of the checkout as it is.

    Raises GitError.
    """
    if commit:
        refs = GitRefs(checkout)
        return refs.files(refs.resolve(commit), [*fleet.PLACES, PLACE, *places])
    return {**fleet.files(checkout), **sources(checkout, PLACE, *places)}


def _of(regions: Mapping[str, fleet.Region], names: Set[str]) -> dict[str, fleet.Region]:
    return {name: region for name, region in regions.items() if name in names}


def _old_objects(files: Mapping[str, str], region: fleet.Region | None) -> list[Object]:
    """A region's objects before. Empty if the region was missing, or did not render."""
    try:
        return region_objects(files, region) if region else []
    except RenderError:
        return []
