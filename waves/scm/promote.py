"""`promote`: the conductor's command. One pass, or one pass after the other."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from fleet.console import errors, output
from waves.rollout import conductor, metrics, summary
from waves.rollout.model import Plan
from waves.scm.connect import GitHost
from waves.scm.git import GitError
from waves.scm.github import HostError
from waves.scm.options import Json, options


def promote(
    context: typer.Context,
    watch: Annotated[bool, typer.Option(help="Repeat: one pass every --every seconds.")] = False,
    interval: Annotated[float, typer.Option("--every", min=1, help="Seconds between passes.")] = 15.0,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="End the repetition after so many minutes. An app's token lasts 60.")
    ] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Also serve Prometheus metrics, on this port.")] = None,
    metrics_host: Annotated[
        str, typer.Option(envvar="WAVES_METRICS_HOST", help="The address that metrics are served on.")
    ] = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Make one pass: move the branches that may move.

    Two passes, also concurrent ones, have the effect of one. A pass may be killed at any time.
    """
    host, exporter = options(context).host(), metrics.MetricsExporter()
    if metrics_port is not None:
        _listen(exporter, metrics_host, metrics_port)
    for _ in _passes(watch, interval, minutes):
        try:
            plan, moves = _run_pass(host, exporter, collect=metrics_port is not None)
        except (GitError, HostError) as error:
            if not watch:
                raise
            errors.text(f"{error}; the next pass tries again", style="yellow")
        else:
            _report(plan, moves, as_json=as_json, quiet=watch)


def print_moves(moves: list[dict[str, Any]], word: str) -> None:
    """Print moves, one a line."""
    if not moves:
        output.text("nothing to move")
    for move in moves:
        old = (move["from"] or "new")[:10]
        output.text(f"{word} {move['region']} ({move['wave']}): {old} -> {move['to'][:10]}, {move['reason']}")


def _passes(watch: bool, interval: float, minutes: float | None) -> Iterator[None]:
    """Yields once for each pass, and sleeps between two."""
    end = None if minutes is None else time.monotonic() + minutes * 60
    while True:
        yield
        if not watch or (end is not None and time.monotonic() + interval > end):
            return
        time.sleep(interval)


def _run_pass(
    host: GitHost, exporter: metrics.MetricsExporter, *, collect: bool
) -> tuple[Plan, list[dict[str, Any]] | None]:
    """Read, plan and push. The moves are None if refs changed concurrently: then nothing was pushed.

    `collect`: serve metrics. A pass then reads all receipts for them, once in a while.
    """
    all_targets = collect and exporter.due(time.monotonic())
    prepared = conductor.prepare(host.refs, host.receipts, all_targets=all_targets)
    moves = summary.moves(prepared.plan.moves) if conductor.carry_out(host.refs, prepared) else None
    if all_targets:
        exporter.update(metrics.samples(prepared.world), time.monotonic())
    exporter.record_pass(time.time())
    return prepared.plan, moves


def _report(plan: Plan, moves: list[dict[str, Any]] | None, *, as_json: bool, quiet: bool) -> None:
    """Print a pass. `quiet`: a pass without a move prints no line."""
    if as_json:
        print(json.dumps({"moves": moves, "holds": [vars(hold) for hold in plan.holds]}), flush=True)
    elif moves is None:
        errors.text("refs changed concurrently; nothing pushed")
    elif moves or not quiet:
        print_moves(moves, "moved")
    for warning in plan.warnings:
        errors.text(f"warning: {warning}", style="yellow")


def _listen(exporter: metrics.MetricsExporter, host: str, port: int) -> None:
    """Serve metrics. The rollout goes on without them, and their absence raises an alarm."""
    try:
        exporter.listen(host, port)
    except OSError as error:
        errors.text(f"no metrics on {host}:{port}: {error}", style="yellow")
