"""`waves render`, `diff`, `validate`: what regions run, and what a change does to that, before it is merged. Asks no cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, replace
from typing import Annotated

import typer
import yaml
from rich.markup import escape

import fleet
from waves.changes import Change, Group, between, grouped
from waves.console import Json, Options, Region, errors, output
from waves.host import followed
from waves.preflight import Finding, excuses, findings, images, undefined
from waves.refs import GitError, GitRefs
from waves.rendering import PLACE, Object, RenderError, render, sources
from waves.validation import DEFINITIONS, definitions, problems

app = typer.Typer()
COLOURS = {"added": "green", "removed": "red", "changed": "yellow"}


@app.command("render")
def render_(
    region: Region,
    at: Annotated[str, typer.Option(help="A commit; without it, the files as they are here.")] = "",
    as_json: Json = False,
) -> None:
    """Print the objects that a region runs, as Argo CD renders them."""
    files = texts(at)
    commit = _refs().resolve(at or "HEAD")
    settings = fleet.load(files).region(region)
    objects = render(files, settings, followed(settings, Options.checkout, Options.remote), commit)
    print(
        json.dumps(objects, indent=2) if as_json else yaml.dump_all(objects, Dumper=yaml.CSafeDumper, sort_keys=False)
    )


@app.command()
def diff(
    commits: Annotated[str, typer.Argument(help="A..B; A.. compares with the files as they are here.")],
    region: Annotated[str, typer.Option(help="Of this region alone.")] = "",
    as_json: Json = False,
) -> None:
    """Show what a change does to each region's objects. Regions in which it does the same are shown as one."""
    old, new = _two(commits)
    before, after = texts(old), texts(new)
    compared = compare(before, after, region)
    groups = grouped(compared.changes)
    if as_json:
        print(json.dumps({"groups": [asdict(group) for group in groups], "broken": compared.broken}, indent=2))
    else:
        for group in groups:
            _show(group)
        if not groups and not compared.broken:
            output.print("no object changes in any region")
    _fail_if_broken(compared)


@app.command()
def validate(
    region: Annotated[str, typer.Argument(help="This region alone; all, unless given.")] = "",
    at: Annotated[str, typer.Option(help="A commit; without it, the files as they are here.")] = "",
    as_json: Json = False,
) -> None:
    """Hold what regions run against the schemas of their Kubernetes version and of pinned definitions. Exit code 1 if not well."""
    files = texts(at, DEFINITIONS)
    known, custom = fleet.load(files), definitions(files)
    regions = [known.region(region)] if region else known.in_waves()
    found: dict[tuple[str, str], list[str]] = {}
    for each in regions:
        for wrong in problems(_objects(files, each), each.settings.kubernetes_version, custom):
            found.setdefault(wrong, []).append(each.name)
    rows = [{"object": item, "problem": problem, "regions": names} for (item, problem), names in found.items()]
    if as_json:
        print(json.dumps(rows, indent=2))
    for row in [] if as_json else rows:
        output.print(f"{row['object']}: {row['problem']} ({', '.join(row['regions'])})", markup=False, soft_wrap=True)
    if rows:
        raise typer.Exit(1)
    if not as_json:
        output.print(f"all objects of {len(regions)} region{'s' * (len(regions) != 1)} are valid", markup=False)


@app.command()
def preflight(
    commits: Annotated[str, typer.Argument(help="A..B; A.. looks at the files as they are here.")],
    as_json: Json = False,
) -> None:
    """Say what a change must not do to any region unless it says why, in gitops/exceptions/. Exit code 1 if there is something."""
    old, new = _two(commits)
    before, after = texts(old, DEFINITIONS), texts(new, DEFINITIONS)
    compared = compare(before, after)
    _fail_if_broken(compared)
    judged = judge(compared, before, after)
    if as_json:
        print(json.dumps([asdict(each) for each in judged], indent=2))
    for each in [] if as_json else judged:
        colour, word = ("yellow", f"excused: {each.excuse}") if each.excuse else ("red", "blocked")
        output.print(f"[{colour}]{word}[/] {each.rule} {escape(each.item)} ({', '.join(each.regions)})", soft_wrap=True)
        output.print(f"    {each.what}", markup=False, soft_wrap=True)
    if any(not each.excuse for each in judged):
        raise typer.Exit(1)
    if not as_json and not judged:
        output.print("nothing to say against it", markup=False)


@dataclass(frozen=True)
class Judged:
    """What a change does in some regions, and the reason that it gives."""

    rule: str
    item: str
    what: str
    regions: tuple[str, ...]
    excuse: str


def judge(compared: Comparison, before: Mapping[str, str], after: Mapping[str, str]) -> list[Judged]:
    """What a change does that it must not, and its reasons. Raises ExceptionsError."""
    given = excuses(before, after)
    return [
        Judged(each.rule, each.item, each.what, regions, given.get((each.rule, each.item), ""))
        for each, regions in compared.findings.items()
    ]


@dataclass(frozen=True)
class Comparison:
    """What some files make of each region's objects beside what others make of them."""

    changes: dict[str, tuple[Change, ...]]
    """By region; those that there were, too."""
    findings: dict[Finding, tuple[str, ...]]
    """What must not be, and in which regions."""
    broken: dict[str, str]
    """Why something does not load or render: by region, or by the place in a file."""


def compare(before: Mapping[str, str], after: Mapping[str, str], only: str = "") -> Comparison:
    """Compare what all regions run, or one. Raises FleetError if there is no such one."""
    old, new = fleet.load(before).regions, fleet.load(after)
    if only and only not in old:
        new.region(only)  # raises FleetError with what is wrong with it, or that there is none
    kept = {only} if only else {*old, *new.regions}
    compared = between_files(before, after, _of(old, kept), _of(new.regions, kept))
    problems = {f"{problem.file} {problem.key}": str(problem) for problem in new.problems}
    return replace(compared, broken=compared.broken | problems)


def between_files(
    before: Mapping[str, str],
    after: Mapping[str, str],
    old: Mapping[str, fleet.Region],
    new: Mapping[str, fleet.Region],
) -> Comparison:
    """The same for given regions: what was and is, and what is rendered from which files. Each region is rendered once a side."""
    changes: dict[str, tuple[Change, ...]] = {}
    found: dict[Finding, list[str]] = {}
    broken: dict[str, str] = {}
    running: set[str] = set()
    gone = list(undefined(definitions(before), definitions(after)))
    # A new region comes last: it runs what the others run already, and those images are no news in it.
    for name in [*sorted(old), *sorted(new.keys() - old.keys())]:
        ran = _old(before, old.get(name))
        running.update(images(ran))
        try:
            objects = _objects(after, new[name]) if name in new else []
        except RenderError as error:
            broken[name] = str(error)
            continue
        changes[name] = between(ran, objects)
        if name in new:
            for each in [*gone, *findings(ran, objects, new[name], () if name in old else running)]:
                found.setdefault(each, []).append(name)
    return Comparison(
        dict(sorted(changes.items())), {each: tuple(sorted(names)) for each, names in found.items()}, broken
    )


def _fail_if_broken(compared: Comparison) -> None:
    """Say on stderr what does not load or render, and end with exit code 1."""
    for reason in compared.broken.values():
        errors.print(f"error: {reason}", style="red", markup=False, soft_wrap=True)
    if compared.broken:
        raise typer.Exit(1)


def _two(commits: str) -> tuple[str, str]:
    """The two sides of A..B."""
    old, dots, new = commits.partition("..")
    if not dots or not old:
        raise GitError(f"{commits} names no two commits. Write A..B, or A.. for the files as they are here")
    return old, new


def _of(regions: Mapping[str, fleet.Region], names: Set[str]) -> dict[str, fleet.Region]:
    return {name: region for name, region in regions.items() if name in names}


def _objects(files: Mapping[str, str], region: fleet.Region) -> list[Object]:
    """A region's objects for a comparison, in which neither repository nor commit is news. Raises RenderError."""
    return render(files, region, "REPOSITORY", "COMMIT")


def _old(files: Mapping[str, str], region: fleet.Region | None) -> list[Object]:
    """What a region ran before; nothing if it was not there, or could not be rendered."""
    try:
        return _objects(files, region) if region else []
    except RenderError:
        return []


def texts(commit: str, *places: str) -> dict[str, str]:
    """The fleet's files, all of gitops/, and what is at further places, of a commit or as they are."""
    if commit:
        refs = _refs()
        return refs.files(refs.resolve(commit), [*fleet.PLACES, PLACE, *places])
    return {**fleet.files(Options.checkout), **sources(Options.checkout, PLACE, *places)}


def _refs() -> GitRefs:
    return GitRefs(Options.checkout, Options.remote)


def _show(group: Group) -> None:
    regions = ", ".join(group.regions[:5]) + (f" and {len(group.regions) - 5} more" if len(group.regions) > 5 else "")
    output.print(f"[bold]{len(group.regions)} region{'s' * (len(group.regions) > 1)}[/]: {escape(regions)}")
    for change in group.changes:
        output.print(f"  [{COLOURS[change.what]}]{change.what}[/] {escape(change.item)}")
        for path, a, b in change.fields:
            output.print(f"    {escape(path)}: {escape(a or '(none)')} -> {escape(b or '(none)')}", soft_wrap=True)
