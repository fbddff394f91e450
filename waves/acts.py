"""What people do to a rollout: pause, resume, waive, retry, roll back, retire. Each is recorded in git with who, when and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import typer

from waves import operate, promote, view
from waves.console import Json, Region, errors, opened, output
from waves.host import Host
from waves.ledger import iso
from waves.model import Note, World
from waves.refs import GitError

app = typer.Typer()
Reason = Annotated[str, typer.Option(help="Why. It is recorded in git, with who and when.")]
WaveOrAll = Annotated[str, typer.Argument(help="A wave, or `all`.")]

TRIES = 5
"""How often an operation is begun anew when somebody else recorded something meanwhile."""


@app.command()
def pause(wave: WaveOrAll, reason: Reason, as_json: Json = False) -> None:
    """Let nothing move in a wave until it is resumed."""
    host = opened()
    subject = f"Pause {wave}: {reason}"
    _operate(host, lambda world: operate.pause(world, wave, _note(host, world, reason)), subject, as_json)


@app.command()
def resume(wave: WaveOrAll, reason: Reason, as_json: Json = False) -> None:
    """End a pause."""
    _operate(opened(), lambda world: operate.resume(world, wave), f"Resume {wave}: {reason}", as_json)


@app.command()
def waive(
    region: Region,
    commit: Annotated[str, typer.Option(help="The commit that it concerns.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Do without a region's receipts on one commit."""
    host = opened()
    found = host.refs.resolve(commit)
    _operate(
        host, lambda world: operate.waive(world, region, found, _note(host, world, reason)),
        f"Waive {region} at {found[:10]}: {reason}", as_json,
    )  # fmt: skip


@app.command()
def retry(region: Region, reason: Reason = "try again", as_json: Json = False) -> None:
    """Ask a region to prove its commit once more: only receipts from now on count. Then start what failed there."""
    _operate(opened(), lambda world: operate.retry(world, region), f"Retry {region}: {reason}", as_json)
    errors.print(f"Now start it: `argocd app sync {region}` there, or CI's job for region/{region}.", markup=False)


@app.command()
def rollback(
    target: Annotated[str, typer.Argument(help="A region, or a wave: all its regions.")],
    to: Annotated[str, typer.Option(help="A commit that each of them has passed.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Take regions back to a commit that they have passed, and pause their wave."""
    host = opened()
    commit = host.refs.resolve(to)

    def change(world: World) -> operate.Change:
        full = _with_receipts(host, world, commit)
        return operate.rollback(full, operate.named(full, target, commit), commit, _note(host, world, reason))

    _operate(host, change, f"Roll {target} back to {commit[:10]}: {reason}", as_json)


@app.command()
def retire(region: Region, reason: Reason, as_json: Json = False) -> None:
    """Take a region, whose stack file is gone from main and which has slept long enough, out of every gate for good."""
    host = opened()

    def change(world: World) -> operate.Change:
        left_at = world.branches.get(region)
        full = _with_receipts(host, world, left_at) if left_at else world
        return operate.retire(full, region, _note(host, world, reason))

    _operate(host, change, f"Retire {region}: {reason}", as_json)


def with_release(host: Host, world: World, commit: str) -> World:
    """The world with what one more commit says of the fleet."""
    return replace(world, releases={**world.releases, commit: host.refs.release(commit)})


def _with_receipts(host: Host, world: World, commit: str) -> World:
    return replace(with_release(host, world, commit), receipts={**world.receipts, **host.receipts.of({commit})})


def _note(host: Host, world: World, reason: str) -> Note:
    return Note(by=f"{host.by[0]} <{host.by[1]}>", at=world.now, reason=reason)


def _operate(host: Host, change: Callable[[World], operate.Change], subject: str, as_json: bool) -> None:
    """Record something, with who and when. Begins anew if something else was recorded meanwhile."""
    for _ in range(TRIES):
        snapshot, world = promote.read(host.refs, host.receipts)
        made = change(world)
        if host.refs.push(made.moves, made.ledger, snapshot.tip, subject, host.by, world.now):
            if as_json:
                print(json.dumps({"recorded": subject, "at": iso(world.now), "moves": view.moves(made.moves)}))
            else:
                output.print(subject, markup=False)
            return
    raise GitError(f"the ledger changed {TRIES} times while this was being recorded; run it again")
