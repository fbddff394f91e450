"""The regions whose `pulumi preview` a change can alter: perhaps one too many, and never one too few.

Two trees are compared: the files that a region reads unparsed (program_files.py), and the region's settings
(region_settings.py). Another region's settings, a comment in them, or a default that is written out are no change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from waves.review.program_files import ALL, NO_CLOUD, clouds_by_file, is_running
from waves.review.region_settings import TreeSettings, is_setting
from waves.scm import tree
from waves.scm.git import GitError, GitRefs
from waves.scm.tree import Tree

NEW, SETTINGS = "new region", "settings"
"""Reasons that are no changed files."""


@dataclass(frozen=True)
class AffectedRegion:
    """A region whose preview may differ."""

    region: str
    wave: str | None
    """None, like the cloud, if the region does not load on both sides."""
    cloud: str | None
    reasons: tuple[str, ...]
    """`new region` alone, or `settings`, if they differ, and the changed files that the region reads."""


@dataclass(frozen=True)
class Affected:
    """The effect of a change on the fleet."""

    regions: tuple[AffectedRegion, ...]
    """In the order of the waves."""
    removed: tuple[str, ...]
    """Regions whose stack file is removed, so that they have no preview."""


def common(refs: GitRefs, base: str, head: str = "") -> str:
    """The last common commit of a change and its base, the commit to merge into. Raises GitError."""
    base_commit, head_commit = refs.resolve(base), refs.resolve(head or "HEAD")
    try:
        return refs.merge_base(base_commit, head_commit)
    except GitError:
        problem = f"{base} and {head or 'HEAD'} have no commit in common here. Fetch their whole history"
        raise GitError(problem) from None


def since(checkout: Path, start: str, end: str) -> Affected:
    """The effect on the fleet of the change from a commit or tree to another. Raises GitError."""
    return between(read(checkout, start), read(checkout, end))


def read(checkout: Path, revision: str) -> Tree:
    """One side of a comparison: a commit or a tree. Raises GitError."""
    return tree.read(checkout, revision, lambda path: path.endswith(".py") or is_setting(path))


def between(old: Tree, new: Tree) -> Affected:
    """The regions whose preview may differ between the old and the new files."""
    before, after = TreeSettings(old), TreeSettings(new)
    changes = _changed_files(old, new)
    regions = []
    for name in after.names:
        region = after.fleet.regions.get(name) or before.fleet.regions.get(name)
        wave, cloud = (region.wave.name, region.settings.cloud) if region else (None, None)
        reasons = [path for path, clouds in changes.items() if cloud is None or cloud in clouds]
        if name not in before.names:
            reasons = [NEW]
        elif before.settings_for(name) != after.settings_for(name):
            reasons.insert(0, SETTINGS)
        if reasons:
            regions.append(AffectedRegion(name, wave, cloud, tuple(reasons)))
    order = {wave.name: number for number, wave in enumerate(after.fleet.waves)}
    regions.sort(key=lambda region: (order.get(region.wave or "", len(order)), region.region))
    return Affected(tuple(regions), tuple(sorted(before.names - after.names)))


def _changed_files(old: Tree, new: Tree) -> dict[str, frozenset[str]]:
    """The changed files that regions read unparsed, each with the clouds of those regions."""
    readers: Mapping[str, frozenset[str]] = dict.fromkeys({*old.blobs, *new.blobs}, ALL)
    if is_running(new):
        before, after = clouds_by_file(old), clouds_by_file(new)
        readers = {path: before.get(path, NO_CLOUD) | after.get(path, NO_CLOUD) for path in readers}
    return {
        path: clouds
        for path, clouds in sorted(readers.items())
        if clouds and old.blobs.get(path) != new.blobs.get(path)
    }
