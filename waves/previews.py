"""`waves preview` and `waves comment`: what a pull request does to each region, before it is merged. Changes nothing anywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import fleet
from waves import costs, trees
from waves.affected import Base, Touched, common, since
from waves.changes import grouped
from waves.comment import MARK, NO_PREVIEW, Report, comment
from waves.console import Json, Options, errors, output
from waves.engine import Preview, previews
from waves.github import Forbidden
from waves.host import api, job_url
from waves.preflight import ExceptionsError
from waves.rendering import PLACE
from waves.review import compare, judge, texts
from waves.validation import DEFINITIONS

app = typer.Typer()
FOLDER = Path("build/previews")


@app.command()
def preview(
    regions: Annotated[
        list[str] | None, typer.Argument(help="Regions; those that the change touches, unless given.")
    ] = None,
    base: Base = "origin/main",
    into: Annotated[Path, typer.Option(help="The folder for what is found: a file for each region.")] = FOLDER,
    parallel: Annotated[int, typer.Option(min=1, help="How many regions at once.")] = os.cpu_count() or 1,
    as_json: Json = False,
) -> None:
    """Run `pulumi preview` with the policies for regions, some at a time. Exit code 1 if the change must not go on."""
    known = fleet.read(Options.checkout)
    files = trees.here(Options.checkout)
    chosen = [known.region(name) for name in regions or affected_by(base, files)]
    into.mkdir(parents=True, exist_ok=True)
    if chosen:
        errors.print(f"previewing {len(chosen)} region{'s' * (len(chosen) != 1)}, {parallel} at a time", markup=False)
    found = []
    for done in previews(Options.checkout, chosen, parallel):
        found.append(done)
        (into / f"{done.region}.json").write_text(json.dumps({"files": files, "preview": asdict(done)}, indent=2))
        if not as_json:  # each as it comes: they take their time
            _say(done)
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    elif not found:
        output.print("this change touches no region")
    if any(each.blocked for each in found):
        raise typer.Exit(1)


@app.command("comment")
def comment_(
    base: Base = "origin/main",
    previewed: Annotated[Path, typer.Option("--from", help="The folder that `waves preview` wrote to.")] = FOLDER,
    pull: Annotated[int, typer.Option(help="The number of the pull request to comment on; without it, print.")] = 0,
) -> None:
    """Write what a change does as one comment: previews, policies, costs, preflight, what regions run. Exit code 1 if blocked.

    A region that the change touches and that has no preview blocks it. On a pull request the one comment is kept up to date.
    """  # fmt: skip
    report = _report(base, previewed)
    print(comment(report, limit=1 << 20))
    if pull:
        try:
            _post(pull, report)
        except Forbidden as error:
            errors.print(f"not commented: {error}", style="yellow", markup=False, soft_wrap=True)
    if report.blocked:
        raise typer.Exit(1)


def affected_by(base: str, files: str) -> list[str]:
    """The regions that the change from `base` to a tree touches."""
    return [each.region for each in since(common(base), files).regions]


def _report(base: str, folder: Path) -> Report:
    start, files = common(base), trees.here(Options.checkout)
    touched = since(start, files)
    found = [_previewed(folder, each, files) for each in touched.regions]
    before, after = texts(start, PLACE, DEFINITIONS), texts("", PLACE, DEFINITIONS)
    compared, judged = compare(before, after), []
    broken = list(compared.broken.values())
    try:
        judged = judge(compared, before, after) if not broken else []
    except ExceptionsError as error:
        broken.append(str(error))
    groups = tuple(grouped(compared.changes))
    return Report(tuple(found), touched.removed, _costs(before, after), groups, tuple(broken), tuple(judged))


def _previewed(folder: Path, touched: Touched, files: str) -> Preview:
    """What is in the folder of a region; why that does not count otherwise. `files` is the tree that is here."""
    file, where = folder / f"{touched.region}.json", (touched.region, touched.wave or "?", touched.cloud or "?")
    if not file.exists():
        return Preview(*where, NO_PREVIEW)
    kept = json.loads(file.read_text())
    if kept["files"] != files:
        return Preview(*where, f"{file} is a preview of other files than those that are here. Preview it once more")
    return Preview.of(kept["preview"])


def _costs(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, float | None]:
    """USD a month more or less, of the regions that there are or were."""
    listed = costs.prices()
    old, new = fleet.load(before).regions, fleet.load(after).regions

    def monthly(region: fleet.Region | None) -> float:
        return sum(costs.monthly(region, listed).values()) if region else 0.0

    found: dict[str, float | None] = {}
    for name in {*old, *new}:
        try:
            found[name] = monthly(new.get(name)) - monthly(old.get(name))
        except KeyError:
            found[name] = None
    return found


def _post(pull: int, report: Report) -> None:
    """Write the comment, or the one that is there anew. Where there never was anything to say, nothing is written.

    Only an app's comment is taken for it, as CI's is: a person could write one that begins alike, and change it afterwards.
    """
    host = api(Options.checkout, Options.remote, Options.repository)
    place, needs = f"{host.place}/issues", "pull-requests: write"
    body = comment(report, whole=job_url() and f"[the job's summary]({job_url()})")
    said = host.listed(f"{place}/{pull}/comments", needs)
    there = [each for each in said if (each["body"] or "").startswith(MARK) and each["user"]["type"] == "Bot"]
    if there:
        host.request("PATCH", f"{place}/comments/{there[0]['id']}", needs, json={"body": body})
    elif not report.silent:
        host.request("POST", f"{place}/{pull}/comments", needs, json={"body": body})


def _say(done: Preview) -> None:
    counts = done.counted or "no change"
    output.print(f"{'[red]blocked[/] ' if done.blocked else ''}{done.region}: {counts} ({done.seconds:.0f} s)")
    if done.error:
        output.print(f"    {done.error}", markup=False, soft_wrap=True)
    for verdict in done.verdicts:
        output.print(f"    {verdict.level}: {verdict.policy}: {verdict.message}", markup=False, soft_wrap=True)
