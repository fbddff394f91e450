"""`regions status`, `plan`, `history`: where each commit is, and why each wave waits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from fleet.console import errors, examples, output
from waves.cli.arguments import RegionName
from waves.cli.operations import with_release
from waves.rollout import conductor, summary
from waves.rollout.planner import plan as make_plan
from waves.scm.git import LedgerEntry
from waves.scm.github import HostError
from waves.scm.options import Json, options
from waves.scm.promote import print_moves

app = typer.Typer()
COLOURS = {
    "passed": "green",
    "failed": "red",
    "late": "red",
    "astray": "red",
    "soaking": "cyan",
    "waiting": "cyan",
    "closed": "cyan",
}
"""A region's state to the colour that it has on a terminal."""


@app.command(epilog=examples("regions status", "regions status --json | jq '.waves[].holds'"))
def status(context: typer.Context, as_json: Json = False) -> None:
    """Show waves and regions: commit, age, receipts, and why each wave waits."""
    host = options(context).host()
    _, world = conductor.read(host.refs, host.receipts, all_targets=True)
    rollout = summary.status(world, make_plan(world))
    if as_json:
        print(json.dumps(rollout, indent=2))
        return
    output.print(_table(rollout["waves"]))
    output.text(f"main is at {(rollout['main'] or '-')[:10]}")
    for wave in rollout["waves"]:
        output.text(
            f"{wave['wave']}: at {(wave['target'] or '-')[:10]}, {'proven' if wave['proven'] else 'not proven'}"
        )
        for reason in wave["holds"]:
            output.text(f"  waits: {reason}")
    for reason in rollout["holds"]:
        output.text(f"holds: {reason}")
    for warning in rollout["warnings"]:
        errors.text(f"warning: {warning}", style="yellow")


@app.command(epilog=examples("regions plan", "regions plan 1a2b3c4d   # the steps that this commit still needs"))
def plan(
    context: typer.Context,
    commit: str = typer.Argument("", help="A commit: show the steps that it still needs instead."),
    as_json: Json = False,
) -> None:
    """Show the moves of the next pass, and change nothing."""
    host = options(context).host()
    _, world = conductor.read(host.refs, host.receipts, all_targets=True)
    if commit:
        full = host.refs.resolve(commit)
        _print_steps(summary.still_needs(with_release(host, world, full), full), as_json)
        return
    next_pass = make_plan(world)
    moves = summary.moves(next_pass.moves)
    if as_json:
        print(json.dumps({"moves": moves, "holds": [vars(hold) for hold in next_pass.holds]}, indent=2))
        return
    print_moves(moves, "would move")
    for hold in next_pass.holds:
        output.text(f"{hold.wave} waits: {hold.reason}")


@app.command(epilog=examples("regions history prod-aws-us-east-1"))
def history(context: typer.Context, region: RegionName, as_json: Json = False) -> None:
    """Show every change of a region in the ledger, the newest first."""
    host = options(context).host()
    rows = list(changes_of(region, host.refs.log(host.refs.snapshot().tip)))
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    if not rows:
        raise HostError(f"the ledger has no entry for {region}")
    for row in rows:
        output.text(f"{row['at']}  {(row['commit'] or '-')[:10]}  {row['by']}: {row['event']}")


def changes_of(region: str, entries: Sequence[LedgerEntry]) -> Iterable[dict[str, Any]]:
    """The entries of the ledger's log that change a region's record or a waiver of it. `entries`: the newest first."""
    for entry, before in zip_longest(entries, entries[1:]):
        if _region_part(entry, region) != (_region_part(before, region) if before else (None, frozenset())):
            lines = entry.text.splitlines()
            text = next((line for line in lines if line.startswith(f"{region}:")), lines[0])
            record = entry.ledger.regions.get(region)
            yield {
                "at": entry.at.isoformat(),
                "by": entry.by,
                "event": text,
                "commit": record.at if record else None,
            }


def _region_part(entry: LedgerEntry, region: str) -> tuple[object, frozenset[str]]:
    """A region's part of the ledger: its record, and the commits that are waived for it."""
    waived = frozenset(commit for name, commit in entry.ledger.waivers if name == region)
    return entry.ledger.regions.get(region), waived


def _table(waves: Iterable[dict[str, Any]]) -> Table:
    table = Table("wave", "region", "commit", "age", "receipts", "state", "reason", box=None)
    for wave in waves:
        for region in wave["regions"]:
            receipts = ", ".join(f"{check} {receipt['state']}" for check, receipt in region["receipts"].items())
            state = Text(region["state"], COLOURS.get(region["state"], ""))
            commit = (region["commit"] or "-")[:10]
            table.add_row(
                wave["wave"], region["region"], commit, region["age"], receipts or "-", state, region["reason"]
            )
    return table


def _print_steps(steps: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(steps, indent=2))
        return
    for step in steps:
        output.text(f"{step['wave']}: {step['state']}")
        for need in step["needs"]:
            output.text(f"  needs {need}")
