"""`waves affected`: the regions whose `pulumi preview` a change can alter. It may name one too many, and never one too few.

Two trees are compared: what a region reads as it is, by what git knows of the files (waves/reads.py), and its settings, by what
the files say of it (waves/sides.py). So another region's settings, a comment, or a default that is written out are no change.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from waves import trees
from waves.console import Json, Options, output
from waves.reads import ALL, is_running, readers
from waves.refs import GitError, GitRefs
from waves.sides import Side, is_setting
from waves.trees import Tree

app = typer.Typer()
Base = Annotated[
    str, typer.Option(help="What the change is to be merged into. It counts from the last commit common to both.")
]
NEW, SETTINGS = "new region", "settings"


@dataclass(frozen=True)
class Touched:
    """A region whose preview may be another."""

    region: str
    wave: str | None
    """None, like the cloud, if something is wrong with the region on both sides."""
    cloud: str | None
    reasons: tuple[str, ...]
    """`new region`; or `settings`, if they differ, and the changed files that the region reads."""


@dataclass(frozen=True)
class Affected:
    """What a change does to the fleet."""

    regions: tuple[Touched, ...]
    """In the order of the waves."""
    removed: tuple[str, ...]
    """Regions whose stack file is gone: there is nothing to preview."""


@app.command("affected")
def affected_(
    base: Base,
    head: Annotated[str, typer.Argument(help="A commit; without it, the files as they are here.")] = "",
    as_json: Json = False,
) -> None:
    """Name the regions whose `pulumi preview` a change can alter, with the reasons; perhaps one too many, never one too few."""
    refs = GitRefs(Options.checkout, Options.remote)
    found = since(common(base, head), refs.resolve(head) if head else trees.here(Options.checkout))
    if as_json:
        print(json.dumps(asdict(found), indent=2))
        return
    for each in found.regions:
        output.print(f"{each.region}: {', '.join(each.reasons)}", markup=False, soft_wrap=True)
    for name in found.removed:
        output.print(f"{name}: removed, nothing to preview", markup=False, soft_wrap=True)
    if not found.regions and not found.removed:
        output.print("no region", markup=False)


def common(base: str, head: str = "") -> str:
    """The last commit that a change has in common with what it is to be merged into. Raises GitError."""
    refs = GitRefs(Options.checkout, Options.remote)
    one, other = refs.resolve(base), refs.resolve(head or "HEAD")
    try:
        return refs.fork(one, other)
    except GitError:
        words = f"{base} and {head or 'HEAD'} have no commit in common here; fetch their whole history"
        raise GitError(words) from None


def since(start: str, end: str) -> Affected:
    """What the change from a commit or tree to another does to the fleet. Raises GitError."""
    return between(read(Options.checkout, start), read(Options.checkout, end))


def read(checkout: Path, tree: str) -> Tree:
    """One side of a comparison: a commit or a tree. Raises GitError."""
    return trees.read(checkout, tree, lambda path: path.endswith(".py") or is_setting(path))


def between(old: Tree, new: Tree) -> Affected:
    """The regions whose preview may be another with the new files than with the old ones."""
    before, after = Side(old), Side(new)
    changed = _read_changes(old, new)
    found = []
    for name in after.names:
        region = after.fleet.regions.get(name) or before.fleet.regions.get(name)
        wave, cloud = (region.wave.name, region.settings.cloud) if region else (None, None)
        reasons = [path for path, clouds in changed.items() if cloud is None or cloud in clouds]
        if name not in before.names:
            reasons = [NEW]
        elif before.says(name) != after.says(name):
            reasons.insert(0, SETTINGS)
        if reasons:
            found.append(Touched(name, wave, cloud, tuple(reasons)))
    order = {wave.name: number for number, wave in enumerate(after.fleet.waves)}
    found.sort(key=lambda each: (order.get(each.wave or "", len(order)), each.region))
    return Affected(tuple(found), tuple(sorted(before.names - after.names)))


def _read_changes(old: Tree, new: Tree) -> dict[str, frozenset[str]]:
    """The changed files that some region reads as they are, each with the clouds of those that do."""
    known = is_running(new)
    sides = [readers(tree) if known else dict.fromkeys(tree.blobs, ALL) for tree in (old, new)]
    return {
        path: clouds
        for path in sorted({*old.blobs, *new.blobs})
        if old.blobs.get(path) != new.blobs.get(path)
        and (clouds := frozenset[str]().union(*(side.get(path, ()) for side in sides)))
    }
