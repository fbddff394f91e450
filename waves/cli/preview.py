"""`regions preview` and `comment`: a pull request's effect on each region, before it is merged. Changes nothing in any cloud."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import fleet
from fleet.console import errors, examples, output
from waves.cli.arguments import Base, count_of_regions
from waves.review.affected import common, since
from waves.review.comment import comment as comment_text
from waves.review.pulumi_preview import Preview, previews
from waves.review.report import post, report
from waves.scm import tree
from waves.scm.connect import open_api
from waves.scm.git import GitRefs
from waves.scm.github import Forbidden
from waves.scm.options import Json, options

app = typer.Typer()
FOLDER = Path("build/previews")
"""The default folder of previews."""


@app.command(epilog=examples("regions preview", "regions preview staging-aws-eu-west-1 --parallel 1"))
def preview(
    context: typer.Context,
    regions: Annotated[
        list[str] | None, typer.Argument(help="Regions. Default: those that the change affects.")
    ] = None,
    base: Base = "origin/main",
    into: Annotated[Path, typer.Option(help="The folder for the results: one file a region.")] = FOLDER,
    parallel: Annotated[
        int, typer.Option(min=1, help="Concurrent previews.", show_default="one a CPU")
    ] = os.cpu_count() or 1,
    as_json: Json = False,
) -> None:
    """Run `pulumi preview` with the policies for regions. Exit code 1 if the change is blocked."""
    checkout = options(context).checkout
    known = fleet.read(checkout)
    files = tree.checkout_tree(checkout)
    selection = [known.region(name) for name in regions or affected_names(checkout, base, files)]
    into.mkdir(parents=True, exist_ok=True)
    if selection:
        errors.text(f"previewing {count_of_regions(len(selection))}, {parallel} at a time")
    results = []
    for result in previews(checkout, selection, parallel):
        results.append(result)
        (into / f"{result.region}.json").write_text(json.dumps({"files": files, "preview": asdict(result)}, indent=2))
        if not as_json:
            _print(result)
    if as_json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    elif not results:
        output.text("this change affects no region")
    if any(result.blocked for result in results):
        raise typer.Exit(1)


@app.command(epilog=examples("regions comment", "regions comment --pull 42"))
def comment(
    context: typer.Context,
    base: Base = "origin/main",
    folder: Annotated[Path, typer.Option("--from", help="The folder that `regions preview` wrote to.")] = FOLDER,
    pull: Annotated[int, typer.Option(help="The pull request to comment on. Default: print only.")] = 0,
) -> None:
    """Write one comment on a change: previews, policies, costs, preflight, changed objects. Exit code 1 if it is blocked.

    An affected region without a preview blocks the change. On a pull request the one comment is kept up to date.
    """
    here = options(context)
    result = report(here.checkout, common(GitRefs(here.checkout), base), folder)
    print(comment_text(result, limit=1 << 20))
    if pull:
        try:
            post(open_api(here.checkout, here.remote, here.repository), pull, result)
        except Forbidden as error:
            errors.text(f"not commented: {error}", style="yellow")
    if result.blocked:
        raise typer.Exit(1)


def affected_names(checkout: Path, base: str, files: str) -> list[str]:
    """The regions that the change from a base to a tree affects. Raises GitError."""
    return [region.region for region in since(checkout, common(GitRefs(checkout), base), files).regions]


def _print(result: Preview) -> None:
    counts = result.summary or "no change"
    output.text(("blocked " if result.blocked else "", "red"), f"{result.region}: {counts} ({result.seconds:.0f} s)")
    if result.error:
        output.text(f"    {result.error}")
    for violation in result.violations:
        output.text(f"    {violation.level}: {violation.policy}: {violation.message}")
