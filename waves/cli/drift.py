"""`regions drift`: compares regions with their commits."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

import fleet
from fleet.console import errors, examples, output
from waves.cli.arguments import sound_regions
from waves.regions.drift import Drift, format_drift, region_drift, sync_issue, update_in_progress
from waves.scm.connect import open_api
from waves.scm.git import HEADS, GitRefs
from waves.scm.options import Json, options

app = typer.Typer()


@app.command(epilog=examples("regions drift", "regions drift prod-aws-us-east-1", "regions drift --issues"))
def drift(
    context: typer.Context,
    regions: Annotated[list[str] | None, typer.Argument(help="Regions. Default: all.")] = None,
    issues: Annotated[bool, typer.Option("--issues", help="Keep one issue open for each region that drifted.")] = False,
    as_json: Json = False,
) -> None:
    """Compare regions with their last update, and that with their commit. Exit code 1 if any has drifted."""
    here = options(context)
    selection = sound_regions(fleet.read(here.checkout), regions)
    refs = GitRefs(here.checkout, here.remote)
    heads = refs.list_refs(*(f"{HEADS}{region.branch}" for region in selection))
    host = open_api(here.checkout, here.remote, here.repository) if issues else None
    results = []
    for region in selection:
        commit = heads.get(f"{HEADS}{region.branch}")
        if commit is None:
            errors.text(f"{region.name}: has no branch yet")
            continue
        refs.fetch_commit(commit)
        result = region_drift(here.checkout, region, commit)
        if host and not result.clean and update_in_progress(host, refs, region, commit):
            errors.text(f"{region.name}: an update is in progress; the next run compares it")
            continue
        results.append(result)
        if host:
            sync_issue(host, result)
        if not as_json:
            _print(result)
    if as_json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    if not all(result.clean for result in results):
        raise typer.Exit(1)


def _print(result: Drift) -> None:
    output.text(f"{result.region}: ", "in sync" if result.clean else ("drifted", "red"))
    for line in [] if result.clean else format_drift(result):
        output.text(f"    {line}")
