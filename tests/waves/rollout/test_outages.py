"""Outages of other projects, played again on this rollout. The sources are their trackers and analyses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.waves.rollout.memory import MemoryHost, wave
from tests.waves.rollout.scenarios import (
    COHORTS,
    FLEET,
    WAVES,
    operated,
    planned,
    report,
    running,
    settle,
    through,
    world,
)
from waves.rollout import operations, summary
from waves.rollout.model import Member, Note, StatusState

WITHOUT_SOAK = [wave("staging"), wave("internal"), wave("external", gate="none")]


def have(host: MemoryHost, commit: str) -> set[str]:
    """The regions that have a commit."""
    return {name for name, at in host.branches.items() if at == commit}


def test_2023_02_a_health_check_that_breaks_large_clusters_meets_one_of_them_first_and_the_rest_never_get_it() -> None:
    large: dict[str, Sequence[str | Member]] = {
        **FLEET,
        "external": [Member("e1", 3), Member("e2", 40), Member("e3", 3)],
    }
    host = running(COHORTS)
    commit = host.commit(COHORTS, large)
    through(host, commit)
    assert have(host, commit) & {"e1", "e2", "e3"} == {"e2"}, "the largest alone"
    host.post_statuses("e2", commit, StatusState.FAILURE, ["apps"])
    host.wait(timedelta(hours=5))
    settle(host)
    assert have(host, commit) & {"e1", "e3"} == set()
    status = summary.status(world(host), planned(host))
    (external,) = [wave for wave in status["waves"] if wave["wave"] == "external"]
    assert {r["region"]: r["state"] for r in external["regions"]} == {"e2": "failed", "e1": "next", "e3": "next"}


def test_a_region_is_retired_only_after_it_was_suspended_for_the_retirement_hold() -> None:
    host = running()

    def retired() -> bool:
        now = replace(world(host), releases=host.releases, receipts=host.statuses)
        return operations.retire(now, "s3", Note("ann", host.clock, "closed")).ledger.region("s3").retired is not None

    smaller: dict[str, Sequence[str | Member]] = {**FLEET, "staging": ["s1", "s2"]}
    host.commit(WAVES, smaller)
    settle(host)
    with pytest.raises(operations.OperationRefusedError, match="s3 is not suspended"):
        retired()
    suspended = host.commit(WAVES, {**smaller, "staging": ["s1", "s2", Member("s3", 3, suspended=True)]})
    report(host, "staging", host.branches["s1"])
    settle(host)
    host.commit(WAVES, smaller)
    settle(host)
    assert host.branches["s3"] == suspended
    with pytest.raises(
        operations.OperationRefusedError,
        match=r"s3 must be suspended for 600s first, .*: waiting: no receipt yet of apps",
    ):
        retired()
    host.post_statuses("s3", suspended)
    host.wait(timedelta(minutes=9))
    with pytest.raises(
        operations.OperationRefusedError, match=r"s3 must be suspended for 600s first, .*: well for 9 min of 10 min"
    ):
        retired()
    host.wait(timedelta(minutes=1))
    assert retired()
    del host.branches["s3"]
    with pytest.raises(operations.OperationRefusedError, match="the branch region/s3 is gone"):
        retired()


def test_2025_05_a_frozen_wave_stays_frozen_though_the_waves_before_it_pass() -> None:
    host = running()
    operated(host, lambda now: operations.pause(now, "external", Note("ann", host.clock, "incident 7")))
    for _ in range(3):
        through(host, host.commit(WAVES, FLEET))
        host.wait(timedelta(days=2))
        settle(host)
    assert len({host.branches[name] for name in FLEET["external"]}) == 1
    assert host.branches["e1"] == host.history[-1], "the first commit of all"
    assert any("paused by ann" in hold.reason and "incident 7" in hold.reason for hold in planned(host).holds)


@pytest.mark.parametrize("issue", ["argo-cd 29410", "argo-cd 29347", "argo-cd 22558"])
def test_argo_cd_29410_health_of_the_old_commit_gives_no_region_the_new_one(issue: str) -> None:
    """Every region is healthy at the old commit when the new one lands, and posts that again and again."""
    host = running(WITHOUT_SOAK)
    old, commit = host.history[0], host.commit(WITHOUT_SOAK, FLEET)
    for name in FLEET:
        report(host, name, old)
    settle(host)
    assert have(host, commit) == set(FLEET["staging"])
    if issue == "argo-cd 22558":  # production is synced while development has not begun
        report(host, "internal", commit)
        report(host, "external", commit)
    else:  # one of staging is healthy, and the others still post the old health
        host.post_statuses("s1", commit)
        report(host, "staging", old)
    settle(host)
    assert have(host, commit) == set(FLEET["staging"])


def test_ocm_1207_a_soak_begins_again_with_each_commit_and_not_with_an_old_time_stamp() -> None:
    host = running()
    first = host.commit(WAVES, FLEET)
    through(host, first)
    host.wait(timedelta(days=1))
    second = host.commit(WAVES, FLEET)
    settle(host)
    report(host, "staging", second)
    settle(host)
    report(host, "internal", second)
    settle(host)
    assert have(host, second) & set(FLEET["external"]) == set(), "well for a day, but not on this commit"
    host.wait(timedelta(minutes=5))
    settle(host)
    assert have(host, second) >= set(FLEET["external"])


def test_kargo_7032_and_6360_a_stream_of_commits_starves_no_wave_and_a_soak_with_many_regions_ends() -> None:
    host = running()
    arrived = set()
    for _ in range(40):  # a commit a minute, for longer than any soak
        host.commit(WAVES, FLEET)
        settle(host)
        for name in FLEET:
            at = host.branches[FLEET[name][0]]
            if not any(receipt.region == FLEET[name][0] for receipt in host.statuses.get(at, [])):
                report(host, name, at)
        host.wait(timedelta(minutes=1))
        settle(host)
        arrived.add(host.branches["e1"])
    assert len(arrived) >= 5, "external production gets a commit every time that internal production has soaked one"


def test_aks_5655_a_stopped_cluster_delays_its_wave_to_the_deadline_and_may_be_waived() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    settle(host)
    for name in ("s1", "s2"):
        host.post_statuses(name, commit)
    settle(host)
    assert "i1" not in have(host, commit)
    operated(host, lambda now: operations.waive(now, "s3", commit, Note("ann", host.clock, "the cluster is stopped")))
    settle(host)
    assert "i1" in have(host, commit)
    fresh = host.commit(WAVES, FLEET)
    settle(host)
    assert "s3" in have(host, fresh), "a waiver is for one commit"


def test_aks_5338_and_5733_a_straggler_is_tried_again_with_the_same_commit() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    settle(host)
    for name in ("s1", "s2"):
        host.post_statuses(name, commit)
    host.post_statuses("s3", commit, StatusState.FAILURE)
    settle(host)
    assert "i1" not in have(host, commit)
    host.wait(timedelta(minutes=1))
    operated(host, lambda now: operations.retry(now, "s3"))
    host.wait(timedelta(minutes=1))
    host.post_statuses("s3", commit)
    settle(host)
    assert "i1" in have(host, commit)


def test_argo_cd_17974_and_kargo_1422_one_command_stops_every_wave_and_one_resumes_them() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    operated(host, lambda now: operations.pause(now, "all", Note("ann", host.clock, "stop")))
    settle(host)
    assert have(host, commit) == set()
    operated(host, lambda now: operations.resume(now, "all"))
    settle(host)
    assert have(host, commit) == set(FLEET["staging"])
