"""A region with change windows gets its wave's commit when they open. No wave waits for the region, and it is never late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from fleet import Wave, Window
from tests.waves.rollout.memory import START, TRUSTED, MemoryHost
from tests.waves.rollout.scenarios import COHORTS, FLEET, WAVES, running, settle, through, world
from waves.rollout import metrics, operations, summary
from waves.rollout.model import Member, Note, StatusState, World
from waves.rollout.planner import plan

NIGHT = Window.model_validate({"days": ["mon"], "start": "22:00", "end": "02:00"})
MEMBERS: dict[str, Sequence[str | Member]] = {
    **FLEET,
    "external": [Member("e1", 9, windows=(NIGHT,), login="acme[bot]"), "e2", "e3"],
}
"""The scenarios' fleet, in which e1, the largest of external, is one customer's. The clock begins on a Monday morning."""


def with_private(waves: list[Wave] = WAVES) -> tuple[MemoryHost, str]:
    """A fleet in which external gets a commit that has e1's windows."""
    host = running(waves)
    commit = host.commit(waves, MEMBERS)
    through(host, commit)
    return host, commit


def until(host: MemoryHost, hour: int) -> None:
    """Wait for an hour of the first day."""
    host.clock = START.replace(hour=0) + timedelta(hours=hour)


def state(host: MemoryHost, region: str) -> tuple[str, str]:
    """The state and reason of a region of external, as in `regions status`."""
    now = world(host)
    rows = summary.status(now, plan(now))["waves"][-1]["regions"]
    (row,) = [row for row in rows if row["region"] == region]
    return row["state"], row["reason"]


def test_outside_of_its_windows_a_region_keeps_its_commit_and_the_others_go_on() -> None:
    host, commit = with_private()
    first = host.branches["e1"]
    assert (host.branches["e2"], host.branches["e3"]) == (commit, commit)
    assert first != commit
    assert state(host, "e1") == ("closed", "outside of its change windows, mon 22:00-02:00 UTC")
    behind = {s.labels[1]: s.value for s in metrics.samples(world(host)) if s.name == "waves_region_behind_seconds"}
    assert behind["e1"] == 0, "it owes no commit, and no alert says that it is behind"
    later = host.commit(WAVES, MEMBERS)
    through(host, later)
    assert (host.branches["e1"], host.branches["e2"]) == (first, later), "the wave does not wait for it"


@pytest.mark.parametrize("waves", [WAVES, COHORTS], ids=["at once", "cohorts"])
def test_when_its_window_opens_it_gets_its_waves_present_commit(waves: list[Wave]) -> None:
    host, _ = with_private(waves)
    for name in ("e2", "e3"):
        settle(host)
        host.post_statuses(name, host.branches["e2"])
    newest = host.commit(waves, MEMBERS)
    through(host, newest)
    for name in ("e2", "e3"):
        settle(host)
        host.post_statuses(name, newest)
    settle(host)
    assert (host.branches["e2"], host.branches["e3"]) == (newest, newest), "it is in no cohort while it is closed"
    assert host.branches["e1"] != newest
    until(host, 23)
    settle(host)
    assert host.branches["e1"] == newest


def test_its_deadline_begins_when_it_gets_the_commit_and_runs_on_after_its_window() -> None:
    host, commit = with_private()
    until(host, 25)
    settle(host)
    assert state(host, "e1")[0] == "waiting"
    until(host, 26)
    host.post_statuses("e1", commit, creator="acme[bot]")
    assert state(host, "e1")[0] == "passed", "an update that began inside of the window counts after its end"


def test_a_region_that_waits_for_its_window_costs_no_reading_of_receipts() -> None:
    host, commit = with_private()
    host.requests.clear()
    settle(host)
    assert host.requests == [], "every pass would ask for all of the commit's, for days"
    until(host, 22)
    settle(host)
    assert host.branches["e1"] == commit


def test_a_branch_moved_by_hand_gets_the_next_commit_of_its_wave_though_that_came_while_it_was_closed() -> None:
    host, first = with_private()
    host.branches["e1"] = first
    assert state(host, "e1")[0] == "waiting", "by hand it has the commit, windows or not"
    newest = host.commit(WAVES, MEMBERS)
    through(host, newest)
    assert state(host, "e1")[0] == "closed"
    until(host, 22)
    settle(host)
    assert host.branches["e1"] == newest


def test_a_new_region_is_built_at_any_time() -> None:
    host = running()
    commit = host.commit(WAVES, {**MEMBERS, "external": [*MEMBERS["external"], Member("new", 3, windows=(NIGHT,))]})
    through(host, commit)
    assert host.branches["new"] == commit


def test_a_rollback_does_not_wait_for_a_window() -> None:
    host, _ = with_private()
    first = host.branches["e1"]
    until(host, 22)
    settle(host)
    until(host, 27)
    now = World(**{**vars(world(host)), "receipts": {first: host.statuses[first]}})
    change = operations.rollback(now, ["e1"], first, Note("ann", host.clock, "incident"))
    assert host.push(change.moves, change.ledger, str(host.tip), "")
    assert host.branches["e1"] == first


def test_only_its_own_app_counts_for_a_private_region_and_that_app_for_no_other() -> None:
    host, commit = with_private()
    until(host, 22)
    settle(host)
    host.post_statuses("e1", commit)
    host.post_statuses("e2", commit, StatusState.FAILURE, creator="acme[bot]")
    assert (state(host, "e1")[0], state(host, "e2")[0]) == ("waiting", "late")
    warnings = plan(world(host)).warnings
    assert [warning.partition(" on ")[0] for warning in warnings] == [
        f"region/{region}/{check}" for region in ("e1", "e2") for check in ("apps", "infra")
    ]
    assert warnings[0].endswith(f"by {TRUSTED} does not count: trusted is acme[bot]")
    host.post_statuses("e1", commit, creator="acme[bot]")
    host.post_statuses("e2", commit)
    assert (state(host, "e1")[0], state(host, "e2")[0]) == ("passed", "passed")
