"""`python -m waves`: the command line of the rollout.

Exit codes: 0 done (also when there was nothing to do), 1 refused or failed, with the reason, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

import fleet
from waves import (
    acts,
    affected,
    doctor,
    drift,
    images,
    infra,
    jobs,
    metrics,
    operate,
    previews,
    promote,
    regions,
    review,
    stack,
    view,
)
from waves.acts import with_release
from waves.console import Json, Options, Region, errors, opened, output
from waves.github import HostError
from waves.host import job_url, open_receipts
from waves.ledger import LedgerError
from waves.model import State
from waves.pins import PinsError
from waves.plan import plan as make_plan
from waves.preflight import ExceptionsError
from waves.refs import GitError
from waves.rendering import RenderError

app = typer.Typer(
    help="Commits on main reach the regions wave by wave. Reads and writes git refs; nothing moves without proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COLOURS = {
    "passed": "green",
    "failed": "red",
    "late": "red",
    "astray": "red",
    "soaking": "cyan",
    "waiting": "cyan",
    "closed": "cyan",
}

app.add_typer(acts.app)
app.add_typer(affected.app)
app.add_typer(doctor.app)
app.add_typer(review.app)
app.add_typer(previews.app)
app.add_typer(drift.app)
app.add_typer(jobs.app)
app.add_typer(stack.app)
app.add_typer(regions.app, name="region")
app.add_typer(images.app, name="images")


@app.callback()
def common(
    checkout: Annotated[Path, typer.Option(help="A clone of the fleet's repository.")] = Path(),
    remote: Annotated[str, typer.Option(help="Its remote on the git host.")] = "origin",
    repository: Annotated[str | None, typer.Option(help="owner/name there; out of the remote, unless given.")] = None,
    clone: Annotated[
        str | None, typer.Option(help="Clone this address into --checkout first, unless it is there.")
    ] = None,
) -> None:
    """Commits on main reach the regions wave by wave. Reads and writes git refs; nothing moves without proof."""
    Options.checkout, Options.remote, Options.repository, Options.clone = checkout, remote, repository, clone


@app.command()
def status(as_json: Json = False) -> None:
    """Show waves and regions: commit, age, receipts, and why each wave waits."""
    host = opened()
    _, world = promote.read(host.refs, host.receipts, everything=True)
    found = view.status(world, make_plan(world))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table("wave", "region", "commit", "age", "receipts", "verdict", "reason", box=None)
    for wave in found["waves"]:
        for region in wave["regions"]:
            colour = COLOURS.get(region["verdict"], "")
            receipts = ", ".join(f"{check} {said['state']}" for check, said in region["receipts"].items())
            table.add_row(wave["wave"], region["region"], (region["commit"] or "-")[:10], region["age"], receipts or "-",
                          f"[{colour}]{region['verdict']}[/]" if colour else region["verdict"], region["reason"])  # fmt: skip
    output.print(table)
    output.print(f"main is at {(found['main'] or '-')[:10]}", markup=False)
    for wave in found["waves"]:
        done = "proven" if wave["proven"] else "not proven"
        output.print(f"{wave['wave']}: at {(wave['target'] or '-')[:10]}, {done}", markup=False)
        for reason in wave["holds"]:
            output.print(f"  waits: {reason}", markup=False)
    for reason in found["holds"]:
        output.print(f"holds: {reason}", markup=False)
    for warning in found["warnings"]:
        errors.print(f"warning: {warning}", style="yellow", markup=False)


@app.command()
def plan(
    commit: Annotated[str, typer.Argument(help="Show instead what this commit still needs.")] = "",
    as_json: Json = False,
) -> None:
    """Show what would move now, and change nothing."""
    host = opened()
    _, world = promote.read(host.refs, host.receipts, everything=True)
    if commit:
        found = host.refs.resolve(commit)
        steps = view.still_needs(with_release(host, world, found), found)
        if as_json:
            print(json.dumps(steps, indent=2))
        for step in [] if as_json else steps:
            output.print(f"{step['wave']}: {step['state']}", markup=False)
            for need in step["needs"]:
                output.print(f"  needs {need}", markup=False)
        return
    made = make_plan(world)
    if as_json:
        print(json.dumps({"moves": view.moves(made.moves), "holds": [vars(hold) for hold in made.holds]}, indent=2))
        return
    _print_moves(view.moves(made.moves), "would move")
    for hold in made.holds:
        output.print(f"{hold.wave} waits: {hold.reason}", markup=False)


@app.command("promote")
def promote_(
    watch: Annotated[bool, typer.Option(help="Keep on, a pass every --every seconds.")] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds between passes.")] = 15.0,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Keep on for so long only: an app's token lasts 60.")
    ] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Answer Prometheus on this port while it runs.")] = None,
    metrics_host: Annotated[
        str, typer.Option(envvar="WAVES_METRICS_HOST", help="The address to do so on.")
    ] = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Make one pass: move what may move. Safe to run twice, or by two at once, or to kill."""
    host, started = opened(), time.monotonic()
    exporter = metrics.Exporter()
    if metrics_port is not None:
        try:
            exporter.listen(metrics_host, metrics_port)
        except OSError as error:  # the rollout goes on; that nothing is heard of it raises an alarm
            errors.print(f"no metrics on {metrics_host}:{metrics_port}: {error}", style="yellow", markup=False)
    while True:
        try:
            look = metrics_port is not None and exporter.due(time.monotonic())
            prepared = promote.prepare(host.refs, host.receipts, everything=look)
            moved = view.moves(prepared.plan.moves) if promote.carry_out(host.refs, prepared) else None
            if look:
                exporter.show(metrics.samples(prepared.world), time.monotonic())
            exporter.passed(time.time())
        except (GitError, HostError) as error:
            if not watch:
                raise
            errors.print(f"{error}; the next pass tries again", style="yellow", markup=False)
        else:
            if as_json:
                print(json.dumps({"moves": moved, "holds": [vars(hold) for hold in prepared.plan.holds]}), flush=True)
            elif moved is None:
                errors.print("somebody else moved something meanwhile; nothing was changed", markup=False)
            elif moved or not watch:
                _print_moves(moved, "moved")
            for warning in prepared.plan.warnings:
                errors.print(f"warning: {warning}", style="yellow", markup=False)
        if not watch or (minutes is not None and time.monotonic() + every > started + minutes * 60):
            return
        time.sleep(every)


@app.command("infra")
def infra_(region: Region, as_json: Json = False) -> None:
    """Run `pulumi up` for a region from the commit that is checked out, its branch's, and post the receipt. For CI."""
    receipts = open_receipts(Options.checkout, Options.remote, Options.repository, region)
    done = infra.apply(
        Options.checkout, Options.remote, region, receipts, job_url(), lambda text: print(text, flush=True)
    )
    if as_json:
        print(json.dumps(vars(done)))
    else:
        output.print(f"{region} at {done.commit[:10]}: {done.state or 'no receipt'}: {done.description}", markup=False)
    if done.state not in (None, State.SUCCESS):
        raise typer.Exit(1)


@app.command()
def history(region: Region, as_json: Json = False) -> None:
    """Show every change of a region that the ledger has, the newest first."""
    host = opened()
    entries = host.refs.log(host.refs.snapshot().tip)
    rows = []
    for number, entry in enumerate(entries):
        before = entries[number + 1] if number + 1 < len(entries) else None
        now = entry.ledger.regions.get(region)
        waived = {commit for name, commit in entry.ledger.waivers if name == region}
        old = before.ledger.regions.get(region) if before else None
        old_waived = {commit for name, commit in before.ledger.waivers if name == region} if before else set()
        if now != old or waived != old_waived:
            said = [line for line in entry.text.splitlines() if line.startswith(f"{region}:")]
            text = said[0] if said else entry.text.splitlines()[0]
            rows.append({"at": entry.at.isoformat(), "by": entry.by, "what": text, "commit": now.at if now else None})
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    if not rows:
        raise HostError(f"the ledger knows nothing of {region}")
    for row in rows:
        output.print(f"{row['at']}  {(row['commit'] or '-')[:10]}  {row['by']}: {row['what']}", markup=False)


def _print_moves(moves: list[dict[str, Any]], word: str) -> None:
    if not moves:
        output.print("nothing to move", markup=False)
    for move in moves:
        old = (move["from"] or "new")[:10]
        output.print(
            f"{word} {move['region']} ({move['wave']}): {old} -> {move['to'][:10]}, {move['reason']}", markup=False
        )


REASONS = (
    GitError,
    HostError,
    LedgerError,
    fleet.FleetError,
    regions.NewRegionError,
    operate.RefusedError,
    RenderError,
    ExceptionsError,
    PinsError,
)
"""What a command may fail with; the text says why."""


def main(run: Callable[[], None] = app) -> int:
    """Run a command; the result is the exit code."""
    try:
        run()
    except REASONS as error:
        errors.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("interrupted", markup=False)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
