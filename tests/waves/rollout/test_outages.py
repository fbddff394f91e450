"""Outages that others had, played again: what happened there (their trackers, their analyses), and what happens here."""

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

NOBODY_SOAKS = [wave("staging"), wave("internal"), wave("external", gate="none")]


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
    host.say("e2", commit, StatusState.FAILURE, ["apps"])
    host.wait(timedelta(hours=5))
    settle(host)
    assert have(host, commit) & {"e1", "e3"} == set()
    status = summary.status(world(host), planned(host))
    (external,) = [each for each in status["waves"] if each["wave"] == "external"]
    assert {r["region"]: r["verdict"] for r in external["regions"]} == {"e2": "failed", "e1": "next", "e3": "next"}


def test_a_region_that_is_still_in_use_is_missed_before_it_is_retired() -> None:
    host = running()

    def retired() -> bool:
        seen = replace(world(host), releases=host.releases, receipts=host.statuses)
        return operations.retire(seen, "s3", Note("ann", host.clock, "closed")).ledger.region("s3").retired is not None

    gone: dict[str, Sequence[str | Member]] = {**FLEET, "staging": ["s1", "s2"]}
    host.commit(WAVES, gone)
    settle(host)
    with pytest.raises(operations.RefusedError, match="s3 is not asleep"):
        retired()
    asleep = host.commit(WAVES, {**gone, "staging": ["s1", "s2", Member("s3", 3, asleep=True)]})
    report(host, "staging", host.branches["s1"])
    settle(host)
    host.commit(WAVES, gone)
    settle(host)
    assert host.branches["s3"] == asleep
    with pytest.raises(
        operations.RefusedError, match=r"s3 has to sleep for 600s first, .*: waiting: no receipt yet of apps"
    ):
        retired()
    host.say("s3", asleep)
    host.wait(timedelta(minutes=9))
    with pytest.raises(operations.RefusedError, match=r"s3 has to sleep for 600s first, .*: well for 9 min of 10 min"):
        retired()
    host.wait(timedelta(minutes=1))
    assert retired()
    del host.branches["s3"]
    with pytest.raises(operations.RefusedError, match="the branch region/s3 is gone"):
        retired()


def test_2025_05_a_frozen_wave_stays_frozen_whatever_has_passed_before_it() -> None:
    host = running()
    operated(host, lambda seen: operations.pause(seen, "external", Note("ann", host.clock, "incident 7")))
    for _ in range(3):
        through(host, host.commit(WAVES, FLEET))
        host.wait(timedelta(days=2))
        settle(host)
    assert len({host.branches[name] for name in FLEET["external"]}) == 1
    assert host.branches["e1"] == host.history[-1], "the first commit of all"
    assert any("paused by ann" in hold.reason and "incident 7" in hold.reason for hold in planned(host).holds)


@pytest.mark.parametrize("issue", ["argo-cd 29410", "argo-cd 29347", "argo-cd 22558"])
def test_argo_cd_29410_health_of_the_commit_before_lets_nobody_have_the_next(issue: str) -> None:
    """Everything is healthy at the old commit when the new one lands, and says so again and again."""
    host = running(NOBODY_SOAKS)
    old, commit = host.history[0], host.commit(NOBODY_SOAKS, FLEET)
    for name in FLEET:
        report(host, name, old)
    settle(host)
    assert have(host, commit) == set(FLEET["staging"])
    if issue == "argo-cd 22558":  # production is synced while development has not begun
        report(host, "internal", commit)
        report(host, "external", commit)
    else:  # one of staging is well, and the others still show what they were
        host.say("s1", commit)
        report(host, "staging", old)
    settle(host)
    assert have(host, commit) == set(FLEET["staging"])


def test_ocm_1207_a_soak_begins_anew_with_each_commit_and_not_with_an_old_time_stamp() -> None:
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
        host.say(name, commit)
    settle(host)
    assert "i1" not in have(host, commit)
    operated(host, lambda seen: operations.waive(seen, "s3", commit, Note("ann", host.clock, "the cluster is stopped")))
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
        host.say(name, commit)
    host.say("s3", commit, StatusState.FAILURE)
    settle(host)
    assert "i1" not in have(host, commit)
    host.wait(timedelta(minutes=1))
    operated(host, lambda seen: operations.retry(seen, "s3"))
    host.wait(timedelta(minutes=1))
    host.say("s3", commit)
    settle(host)
    assert "i1" in have(host, commit)


def test_argo_cd_17974_and_kargo_1422_one_word_stops_everything_and_one_lets_it_go_on() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    operated(host, lambda seen: operations.pause(seen, "all", Note("ann", host.clock, "stop")))
    settle(host)
    assert have(host, commit) == set()
    operated(host, lambda seen: operations.resume(seen, "all"))
    settle(host)
    assert have(host, commit) == set(FLEET["staging"])
