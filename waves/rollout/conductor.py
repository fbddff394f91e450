"""One pass of the conductor: read the world, plan, and push what moves, all or nothing.

It keeps nothing between passes. Every push carries the ledger, with a lease on what was read, so that whatever else was
recorded meanwhile (a pause, another conductor's move) makes the whole push fail, and the next pass begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from waves.rollout.model import Commit, Ledger, Move, Plan, Receipt, Release, World
from waves.rollout.planner import plan, receipts_needed, releases_needed


@dataclass(frozen=True)
class Snapshot:
    """What git says at one moment."""

    history: Sequence[Commit]
    branches: Mapping[str, Commit]
    ledger: Ledger
    tip: str | None
    """The ledger's own commit, for the lease; None if there is no ledger yet."""


class Refs(Protocol):
    """The git side of a host."""

    def snapshot(self) -> Snapshot:
        """Read main, the regions' branches and the ledger, at one moment."""

    def release(self, commit: Commit) -> Release:
        """What a commit's files say of the fleet."""

    def push(self, moves: Sequence[Move], ledger: Ledger, tip: str | None, subject: str) -> bool:
        """Move branches and ledger, all or nothing, if each is still where it was read. False if one is not."""


class Receipts(Protocol):
    """The commit statuses of a host."""

    def of(self, commits: set[Commit]) -> Mapping[Commit, Sequence[Receipt]]:
        """All receipts on these commits."""

    def now(self) -> datetime:
        """The host's clock."""


@dataclass(frozen=True)
class Pass:
    """What a pass found and planned, not yet pushed."""

    snapshot: Snapshot
    world: World
    plan: Plan

    @property
    def changes(self) -> bool:
        """Whether there is anything to push."""
        return bool(self.plan.moves) or self.plan.ledger != self.world.ledger


def read(refs: Refs, receipts: Receipts, *, everything: bool = False) -> tuple[Snapshot, World]:
    """The world now. Refs are read before receipts: what moves meanwhile fails the push's lease.

    `everything` reads the receipts of all targets, for people to look at; a pass reads only what could change it.
    """
    now = receipts.now()
    snapshot = refs.snapshot()
    releases: dict[Commit, Release] = {}
    while missing := releases_needed(snapshot.history, snapshot.ledger, releases):
        releases |= {commit: refs.release(commit) for commit in missing}
    world = World(snapshot.history, releases, snapshot.branches, {}, snapshot.ledger, now)
    wanted = receipts_needed(world)
    if everything:
        on_main = set(snapshot.history)
        wanted |= {r.target for r in snapshot.ledger.waves.values() if r.target is not None and r.target in on_main}
    found = receipts.of(wanted) if wanted else {}
    return snapshot, World(snapshot.history, releases, snapshot.branches, found, snapshot.ledger, now)


def prepare(refs: Refs, receipts: Receipts, *, everything: bool = False) -> Pass:
    """Read and plan. `everything` as in `read`: it changes nothing of the plan."""
    snapshot, world = read(refs, receipts, everything=everything)
    return Pass(snapshot, world, plan(world))


def carry_out(refs: Refs, prepared: Pass) -> bool:
    """Push what was planned. False if something else moved meanwhile: nothing was changed, and the next pass sees it."""
    if not prepared.changes:
        return True
    return refs.push(prepared.plan.moves, prepared.plan.ledger, prepared.snapshot.tip, subject(prepared.plan))


def subject(plan: Plan) -> str:
    """What a pass did, for the ledger's log: a line in all, and one for each move."""
    if not plan.moves:
        return "Record what regions have joined, and where waves are"
    first = plan.moves[0]
    waves = sorted({move.wave for move in plan.moves})
    head = f"Move {len(plan.moves)} region(s) of {', '.join(waves)} to {first.new[:10]}"
    lines = [f"{m.region}: {(m.old or 'new')[:10]} -> {m.new[:10]}, {m.reason}" for m in plan.moves]
    return "\n".join([head, "", *lines])
