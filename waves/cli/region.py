"""`regions check`, `schema`, `region`, `doctor`: the fleet's files, and a machine's fitness to build a region."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

import fleet
from fleet.console import errors, examples, output
from fleet.schema import SCHEMAS
from waves.cli.arguments import RegionName, require_regions
from waves.regions.doctor import examine, run
from waves.regions.stack_file import diff, new_file
from waves.scm.options import Json, options

app = typer.Typer()
region = typer.Typer(help="Regions as the checkout's files have them.", no_args_is_help=True)
app.add_typer(region, name="region")
MARKS = {True: ("ok", "green"), False: ("FAIL", "red"), None: ("?", "yellow")}
"""A check's `fit` to its mark and colour on a terminal."""


@app.command(epilog=examples("regions check", "regions --checkout ../other check --json"))
def check(context: typer.Context, as_json: Json = False) -> None:
    """Print the fleet as a table, or every problem of its files: exit code 1 if there is one. Asks no cloud."""
    known = require_regions(fleet.read(options(context).checkout))
    if as_json:
        problems = [problem.as_dict() for problem in known.problems]
        print(json.dumps({"regions": _rows(known), "problems": problems}, indent=2))
    elif known.problems:
        for problem in known.problems:
            errors.text(str(problem))
        errors.text(f"{len(known.problems)} problem(s) in the fleet's files")
    else:
        output.print(_table(_rows(known)))
    if known.problems:
        raise typer.Exit(1)


@app.command(epilog=examples("regions schema"))
def schema(context: typer.Context) -> None:
    """Write the JSON Schemas of the fleet's files, for editors."""
    for file, make in SCHEMAS.items():
        (options(context).checkout / file).write_text(json.dumps(make(), indent=2) + "\n")
        output.text(file)


@app.command(epilog=examples("regions doctor staging-aws-eu-west-1"))
def doctor(context: typer.Context, region: RegionName, as_json: Json = False) -> None:
    """Check that this machine is fit to build a region: tools, credentials, state, keys, quotas. Exit code 1 if it is not."""
    settings = fleet.read(options(context).checkout).region(region)
    checks = []
    for check in examine(settings, os.environ, run):
        checks.append(check)
        if not as_json:  # one by one: a cloud may answer slowly
            mark, colour = MARKS[check.fit]
            output.text((f"{mark:<5}", colour), f"{check.name}: {check.result}")
            if check.remedy:
                output.text(f"      {check.remedy}")
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    if any(check.fit is False for check in checks):
        raise typer.Exit(1)


@region.command("list", epilog=examples("regions region list", "regions region list --json"))
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the sound regions, in wave order. Problems go to stderr."""
    known = require_regions(fleet.read(options(context).checkout))
    columns = ("wave", "region", "cloud", "location", "network")
    rows = [{name: row[name] for name in columns} for row in _rows(known)]
    for problem in known.problems:
        errors.text(str(problem), style="red")
    if as_json:
        print(json.dumps(rows, indent=2))
    elif rows:
        output.print(_table(rows))
    if known.problems:
        raise typer.Exit(1)


@region.command(
    epilog=examples("regions region new prod-aws-eu-central-1 --from prod-aws-us-east-1 --location eu-central-1")
)
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The new region's name.")],
    source: Annotated[str, typer.Option("--from", help="The region whose stack file is copied.")],
    location: Annotated[str | None, typer.Option(help="Its location, by the cloud's own name.")] = None,
    wave: Annotated[str | None, typer.Option(help="Its wave. Default: the other region's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the file, and do not write it.")] = False,
    as_json: Json = False,
) -> None:
    """Copy a stack file, with the next free network, and show the difference. After the merge the region joins by itself."""
    checkout = options(context).checkout
    files = fleet.files(checkout)
    settings = {"location": location, "wave": wave}
    path, text = new_file(files, name, source, {key: value for key, value in settings.items() if value})
    difference = diff(files, source, path, text)
    print(
        json.dumps({"file": path, "text": text, "diff": difference, "written": not dry_run}) if as_json else difference
    )
    if not dry_run:
        (checkout / path).write_text(text)
        errors.text(f"wrote {path}. Review and merge it: then the region joins by itself")


def _rows(known: fleet.Fleet) -> list[dict[str, str]]:
    return [
        {
            "wave": region.wave.name,
            "region": region.name,
            "cloud": region.settings.cloud,
            "location": region.settings.location,
            "size": region.settings.size,
            "network": str(region.settings.network),
            "kubernetes": region.settings.kubernetes_version,
            "nodes": " ".join(
                f"{name}:{pool.min_nodes}-{pool.max_nodes}" for name, pool in region.settings.pools.items()
            ),
            "tenant": region.settings.tenant,
        }
        for region in known.in_waves()
    ]


def _table(rows: list[dict[str, str]]) -> Table:
    table = Table(*rows[0], box=None)
    for row in rows:
        table.add_row(*row.values())
    return table
