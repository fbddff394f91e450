"""One pass of the conductor: read the world, plan, and push the moves, all or nothing.

The conductor keeps no state between passes. Every push carries the ledger, under a lease on the version that was read.
A concurrent record (a pause, another conductor's move) makes the whole push fail. The next pass reads the world again.
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
    """The refs of a repository at one moment."""

    history: Sequence[Commit]
    branches: Mapping[str, Commit]
    ledger: Ledger
    tip: str | None
    """The ledger's own commit, for the lease. None if there is no ledger yet."""


class Refs(Protocol):
    """The git side of a host."""

    def snapshot(self) -> Snapshot:
        """Read main, the regions' branches and the ledger, at one moment."""

    def release(self, commit: Commit) -> Release:
        """The fleet of a commit's files."""

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
    """A pass that was read and planned, and not yet pushed."""

    snapshot: Snapshot
    world: World
    plan: Plan

    @property
    def changes(self) -> bool:
        """Whether there is anything to push."""
        return bool(self.plan.moves) or self.plan.ledger != self.world.ledger


def read(refs: Refs, receipts: Receipts, *, all_targets: bool = False) -> tuple[Snapshot, World]:
    """The world now. Refs are read before receipts: a branch that moves concurrently fails the push's lease.

    `all_targets` reads the receipts of all targets, for people. A pass reads only the receipts that could change its plan.
    """
    now = receipts.now()
    snapshot = refs.snapshot()
    releases: dict[Commit, Release] = {}
    while missing := releases_needed(snapshot.history, snapshot.ledger, releases):
        releases |= {commit: refs.release(commit) for commit in missing}
    world = World(snapshot.history, releases, snapshot.branches, {}, snapshot.ledger, now)
    commits = receipts_needed(world)
    if all_targets:
        on_main = set(snapshot.history)
        commits |= {r.target for r in snapshot.ledger.waves.values() if r.target is not None and r.target in on_main}
    received = receipts.of(commits) if commits else {}
    return snapshot, World(snapshot.history, releases, snapshot.branches, received, snapshot.ledger, now)


def prepare(refs: Refs, receipts: Receipts, *, all_targets: bool = False) -> Pass:
    """Read and plan. `all_targets` as in `read`: it does not change the plan."""
    snapshot, world = read(refs, receipts, all_targets=all_targets)
    return Pass(snapshot, world, plan(world))


def carry_out(refs: Refs, prepared: Pass) -> bool:
    """Push a pass. False if a ref changed concurrently: then nothing was pushed, and the next pass reads the change."""
    if not prepared.changes:
        return True
    return refs.push(prepared.plan.moves, prepared.plan.ledger, prepared.snapshot.tip, subject(prepared.plan))


def subject(plan: Plan) -> str:
    """The entry of a pass in the ledger's log: a summary, then one line for each move."""
    if not plan.moves:
        return "Record the regions that joined, and the waves' targets"
    first = plan.moves[0]
    waves = sorted({move.wave for move in plan.moves})
    head = f"Move {len(plan.moves)} region(s) of {', '.join(waves)} to {first.new[:10]}"
    lines = [f"{m.region}: {(m.old or 'new')[:10]} -> {m.new[:10]}, {m.reason}" for m in plan.moves]
    return "\n".join([head, "", *lines])
