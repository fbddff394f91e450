"""`regions pause`, `resume`, `waive`, `retry`, `rollback`, `retire`: recorded in git with who, when and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import typer

from fleet.console import errors, examples, output
from waves.cli.arguments import RegionName
from waves.rollout import conductor, operations, summary
from waves.rollout.ledger import iso
from waves.rollout.model import Note, World
from waves.scm.connect import GitHost
from waves.scm.git import GitError
from waves.scm.options import Json, options

app = typer.Typer()
Reason = Annotated[str, typer.Option(help="The reason, which is recorded in git with the author and the time.")]
WaveOrAll = Annotated[str, typer.Argument(help="A wave, or `all`.")]

ATTEMPTS = 5
"""Attempts of an operation while the ledger changes concurrently."""


@app.command(
    epilog=examples('regions pause external --reason "a customer\'s launch"', 'regions pause all --reason "#42"')
)
def pause(context: typer.Context, wave: WaveOrAll, reason: Reason, as_json: Json = False) -> None:
    """Stop all moves in a wave until it is resumed."""
    host = options(context).host()
    subject = f"Pause {wave}: {reason}"
    _record(host, lambda world: operations.pause(world, wave, _note(host, world, reason)), subject, as_json)


@app.command(epilog=examples('regions resume external --reason "the launch is over"'))
def resume(context: typer.Context, wave: WaveOrAll, reason: Reason, as_json: Json = False) -> None:
    """End a pause."""
    host = options(context).host()
    _record(host, lambda world: operations.resume(world, wave), f"Resume {wave}: {reason}", as_json)


@app.command(epilog=examples('regions waive staging-gcp-us-central1 --commit 1a2b3c4d --reason "the zone is down"'))
def waive(
    context: typer.Context,
    region: RegionName,
    commit: Annotated[str, typer.Option(help="The commit that the waiver is for.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Waive a region's receipts on one commit."""
    host = options(context).host()
    full = host.refs.resolve(commit)
    _record(
        host, lambda world: operations.waive(world, region, full, _note(host, world, reason)),
        f"Waive {region} at {full[:10]}: {reason}", as_json,
    )  # fmt: skip


@app.command(epilog=examples("regions retry staging-aws-eu-west-1"))
def retry(context: typer.Context, region: RegionName, reason: Reason = "try again", as_json: Json = False) -> None:
    """Ask a region to prove its commit again: older receipts no longer count. Then start the failed job there."""
    host = options(context).host()
    _record(host, lambda world: operations.retry(world, region), f"Retry {region}: {reason}", as_json)
    errors.text(f"Now start the check: `argocd app sync {region}` in the region, or CI's job for region/{region}.")


@app.command(epilog=examples('regions rollback external --to 1a2b3c4d --reason "#42: writes fail"'))
def rollback(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="A region, or a wave: all its regions.")],
    to: Annotated[str, typer.Option(help="A commit that each of these regions has passed.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Take regions back to a commit that they have passed, and pause their wave."""
    host = options(context).host()
    commit = host.refs.resolve(to)

    def change(world: World) -> operations.LedgerChange:
        full = _with_receipts(host, world, commit)
        return operations.rollback(
            full, operations.rollback_targets(full, target, commit), commit, _note(host, world, reason)
        )

    _record(host, change, f"Roll {target} back to {commit[:10]}: {reason}", as_json)


@app.command(epilog=examples('regions retire acme-gcp-europe-west4 --reason "the contract ended"'))
def retire(context: typer.Context, region: RegionName, reason: Reason, as_json: Json = False) -> None:
    """Take a region out of every gate for good. Needs a stack file removed from main, after a long enough suspension."""
    host = options(context).host()

    def change(world: World) -> operations.LedgerChange:
        last_commit = world.branches.get(region)
        full = _with_receipts(host, world, last_commit) if last_commit else world
        return operations.retire(full, region, _note(host, world, reason))

    _record(host, change, f"Retire {region}: {reason}", as_json)


def with_release(host: GitHost, world: World, commit: str) -> World:
    """The world with the release of one more commit."""
    return replace(world, releases={**world.releases, commit: host.refs.release(commit)})


def _with_receipts(host: GitHost, world: World, commit: str) -> World:
    return replace(with_release(host, world, commit), receipts={**world.receipts, **host.receipts.of({commit})})


def _note(host: GitHost, world: World, reason: str) -> Note:
    return Note(by=f"{host.by[0]} <{host.by[1]}>", at=world.now, reason=reason)


def _record(host: GitHost, change: Callable[[World], operations.LedgerChange], subject: str, as_json: bool) -> None:
    """Record an operation in the ledger. Retries if the ledger changed concurrently."""
    for _ in range(ATTEMPTS):
        snapshot, world = conductor.read(host.refs, host.receipts)
        result = change(world)
        if host.refs.push(result.moves, result.ledger, snapshot.tip, subject, host.by, world.now):
            if as_json:
                print(json.dumps({"recorded": subject, "at": iso(world.now), "moves": summary.moves(result.moves)}))
            else:
                output.text(subject)
            return
    raise GitError(f"the ledger changed {ATTEMPTS} times during this command. Run it again")
