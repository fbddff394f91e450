"""A fleet of seven in memory, brought to where a test begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from fleet import Wave
from tests.waves.rollout.memory import MemoryHost, wave
from waves.rollout import conductor, operations
from waves.rollout.model import Plan, StatusState, World

FLEET = {
    "staging": ["s1", "s2", "s3"],
    "internal": ["i1"],
    "external": ["e1", "e2", "e3"],
}
WAVES = [wave("staging"), wave("internal", soak="5m"), wave("external", gate="none")]
COHORTS = [*WAVES[:2], wave("external", cohorts=[1, "50%", "100%"])]


def report(host: MemoryHost, wave: str, commit: str, state: StatusState = StatusState.SUCCESS) -> None:
    """All regions of a wave post this status, on both checks."""
    for name in FLEET[wave]:
        host.post_statuses(name, commit, state)


def settle(host: MemoryHost) -> None:
    """Passes until no branch moves any longer."""
    for _ in range(20):
        prepared = conductor.prepare(host, host)
        if not prepared.changes:
            return
        assert conductor.carry_out(host, prepared)
    raise AssertionError("the conductor never comes to rest")


def planned(host: MemoryHost) -> Plan:
    """The plan of a pass now."""
    return conductor.prepare(host, host).plan


def world(host: MemoryHost) -> World:
    """The world with all receipts."""
    return conductor.read(host, host, all_targets=True)[1]


def running(waves: Sequence[Wave] = WAVES) -> MemoryHost:
    """A fleet whose every region has passed a first commit."""
    host = MemoryHost()
    first = host.commit(waves, FLEET)
    for names in FLEET.values():
        settle(host)
        for name in names:
            host.post_statuses(name, first)
        settle(host)
        host.wait(timedelta(minutes=6))
    settle(host)
    assert set(host.branches.values()) == {first}
    assert all(host.ledger.region(name).joined for names in FLEET.values() for name in names)
    host.requests.clear()
    return host


def operated(host: MemoryHost, operation: Callable[[World], operations.LedgerChange]) -> None:
    """A person's operation, recorded."""
    _, now = conductor.read(host, host)
    change = operation(now)
    assert host.push(change.moves, change.ledger, str(host.tip), "")


def through(host: MemoryHost, commit: str) -> None:
    """Staging and internal prove a commit, and internal's soak is over."""
    for name in ("staging", "internal"):
        settle(host)
        report(host, name, commit)
    host.wait(timedelta(minutes=6))
    settle(host)
