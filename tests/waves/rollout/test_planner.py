"""The rules of the rollout, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.waves.rollout.memory import MemoryHost, wave
from tests.waves.rollout.scenarios import COHORTS, FLEET, WAVES, planned, report, running, settle, through, world
from waves.rollout import conductor, operations
from waves.rollout.model import Member, Note, StatusState, World
from waves.rollout.planner import plan


def test_a_commit_reaches_the_waves_one_after_another() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    settle(host)
    assert [n for n, c in host.branches.items() if c == commit] == FLEET["staging"]
    report(host, "staging", commit)
    settle(host)
    assert host.branches["i1"] == commit
    host.post_statuses("i1", commit)
    settle(host)
    assert host.branches["e1"] != commit, "internal has to soak"
    host.wait(timedelta(minutes=5))
    settle(host)
    assert set(host.branches.values()) == {commit}


def test_a_region_waits_until_every_staging_region_proved_the_commit() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    settle(host)
    host.post_statuses("s1", commit)
    host.post_statuses("s2", commit)
    host.post_statuses("s3", commit, checks=["apps"])
    settle(host)
    assert host.branches["i1"] != commit
    assert any("s3 waiting: no receipt yet of infra" in hold.reason for hold in planned(host).holds)
    host.post_statuses("s3", commit, checks=["infra"])
    settle(host)
    assert host.branches["i1"] == commit


def test_a_commit_that_fails_in_staging_goes_no_further_and_the_fix_goes_past_it() -> None:
    host = running()
    bad = host.commit(WAVES, FLEET)
    settle(host)
    for name in FLEET["staging"]:
        host.post_statuses(name, bad, StatusState.FAILURE if name == "s2" else StatusState.SUCCESS, ["apps"])
        host.post_statuses(name, bad, checks=["infra"])
    settle(host)
    assert host.branches["i1"] != bad
    fix = host.commit(WAVES, FLEET)
    settle(host)
    assert host.branches["s2"] == fix
    assert host.branches["i1"] not in (bad, fix)


def test_a_wave_takes_no_new_commit_before_it_has_settled_at_the_present_one() -> None:
    host = running()
    first = host.commit(WAVES, FLEET)
    settle(host)
    later = [host.commit(WAVES, FLEET) for _ in range(3)]
    settle(host)
    assert host.branches["s1"] == first
    report(host, "staging", first)
    settle(host)
    assert host.branches["s1"] == later[-1], "the newest, not the next"
    assert host.branches["i1"] == first, "what staging has proven is not lost when staging goes on"


def test_a_silent_region_delays_its_wave_to_the_deadline_and_proves_nothing() -> None:
    host = running()
    first = host.commit(WAVES, FLEET)
    settle(host)
    host.post_statuses("s1", first)
    host.post_statuses("s2", first)
    second = host.commit(WAVES, FLEET)
    host.wait(timedelta(minutes=29))
    settle(host)
    assert host.branches["s1"] == first
    host.wait(timedelta(minutes=2))
    settle(host)
    assert host.branches["s1"] == second
    assert host.branches["i1"] not in (first, second)


def test_a_soak_counts_from_the_last_receipt_at_this_commit() -> None:
    """ocm 1207: an old time stamp let all clusters go at once."""
    host = running()
    commit = host.commit(WAVES, FLEET)
    settle(host)
    report(host, "staging", commit)
    settle(host)
    host.post_statuses("i1", commit)
    host.wait(timedelta(minutes=4))
    host.post_statuses("i1", commit, checks=["apps"])
    host.wait(timedelta(minutes=4))
    settle(host)
    assert host.branches["e1"] != commit
    host.wait(timedelta(minutes=1))
    settle(host)
    assert host.branches["e1"] == commit


def test_health_that_fails_during_the_soak_stops_the_commit() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    settle(host)
    report(host, "staging", commit)
    settle(host)
    host.post_statuses("i1", commit)
    host.wait(timedelta(minutes=3))
    host.post_statuses("i1", commit, StatusState.FAILURE, ["apps"])
    host.wait(timedelta(hours=3))
    settle(host)
    assert host.branches["e1"] != commit


def test_a_failure_that_comes_after_the_wave_went_on_revokes_the_proof() -> None:
    host = running()
    first = host.commit(WAVES, FLEET)
    settle(host)
    host.ledger = operations.pause(world(host), "internal", Note("ann", host.clock, "lunch")).ledger
    report(host, "staging", first)
    host.commit(WAVES, FLEET)
    settle(host)
    host.post_statuses("s1", first, StatusState.FAILURE, ["apps"])
    host.ledger = operations.resume(world(host), "internal").ledger
    settle(host)
    assert host.branches["i1"] != first


def test_a_failure_before_the_last_cohort_spares_those_that_do_not_have_the_commit_yet() -> None:
    host = running(COHORTS)
    commit = host.commit(COHORTS, FLEET)
    through(host, commit)
    assert [n for n in FLEET["external"] if host.branches[n] == commit] == ["e1"]
    host.post_statuses("e1", commit)
    host.post_statuses("i1", commit, StatusState.FAILURE, ["apps"])
    settle(host)
    assert [n for n in FLEET["external"] if host.branches[n] == commit] == ["e1"]
    assert "revoked its proof, and has not soaked since: i1" in " ".join(hold.reason for hold in planned(host).holds)
    host.post_statuses("i1", commit)
    host.wait(timedelta(minutes=4))
    settle(host)
    assert [n for n in FLEET["external"] if host.branches[n] == commit] == ["e1"], "it is well, and has to soak again"
    host.post_statuses("i1", commit)
    host.wait(timedelta(minutes=1))
    settle(host)
    assert [n for n in FLEET["external"] if host.branches[n] == commit] == ["e1", "e2"], (
        "a second success does not restart the soak"
    )


def test_receipts_of_an_untrusted_login_do_not_count_and_are_reported() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    settle(host)
    for name in FLEET["staging"]:
        host.post_statuses(name, commit, creator="mallory")
    settle(host)
    assert host.branches["i1"] != commit
    assert "mallory" in " ".join(planned(host).warnings)


def test_a_receipt_from_before_the_region_had_the_commit_does_not_count() -> None:
    """argo-cd 29410: health of an earlier state let production go first."""
    host = running()
    commit = host.commit(WAVES, FLEET)
    report(host, "staging", commit)
    host.wait(timedelta(seconds=1))
    settle(host)
    settle(host)
    assert host.branches["i1"] != commit


def test_nothing_moves_in_a_paused_wave_and_pausing_all_stops_every_one() -> None:
    host = running()
    host.ledger = operations.pause(world(host), "all", Note("ann", host.clock, "incident 7")).ledger
    commit = host.commit(WAVES, FLEET)
    settle(host)
    assert commit not in host.branches.values()
    assert "paused by ann" in planned(host).holds[0].reason
    assert "incident 7" in planned(host).holds[0].reason
    host.ledger = operations.resume(world(host), "all").ledger
    settle(host)
    assert host.branches["s1"] == commit


def test_a_wave_moves_inside_of_its_change_windows_only() -> None:
    waves = [wave("staging", windows=[{"days": ["tue"], "start": "08:00", "end": "16:00"}]), *WAVES[1:]]
    host = running()
    commit = host.commit(waves, FLEET)
    settle(host)
    assert host.branches["s1"] != commit, "it is Monday"
    host.wait(timedelta(days=1))
    settle(host)
    assert host.branches["s1"] == commit


def test_the_first_cohort_has_one_of_the_largest_regions_and_a_failure_there_spares_the_rest() -> None:
    """InfluxData, February 2023: a change that passed on every smaller cluster broke the larger ones of three regions."""
    fleet: dict[str, Sequence[str | Member]] = {
        **FLEET,
        "external": [Member("e1", 3), Member("e2", 90), Member("e3", 6)],
    }
    host = running(COHORTS)
    commit = host.commit(COHORTS, fleet)
    settle(host)
    report(host, "staging", commit)
    settle(host)
    host.post_statuses("i1", commit)
    host.wait(timedelta(minutes=6))
    settle(host)
    assert [n for n in FLEET["external"] if host.branches[n] == commit] == ["e2"]
    host.post_statuses("e2", commit, StatusState.FAILURE, ["apps"])
    host.wait(timedelta(hours=9))
    settle(host)
    assert [n for n in FLEET["external"] if host.branches[n] == commit] == ["e2"]


def test_each_cohort_waits_for_the_one_before() -> None:
    host = running(COHORTS)
    commit = host.commit(COHORTS, FLEET)
    settle(host)
    for name in [*FLEET["staging"], "i1"]:
        settle(host)
        host.post_statuses(name, commit)
    host.wait(timedelta(minutes=6))
    reached = []
    for _ in range(3):
        settle(host)
        reached_regions = [n for n in FLEET["external"] if host.branches[n] == commit]
        reached.append(len(reached_regions))
        for name in reached_regions:
            host.post_statuses(name, commit)
    assert reached == [1, 2, 3]


def test_a_new_region_joins_by_its_file_alone_and_gates_no_other_until_it_has_passed_once() -> None:
    host = running()
    grown = {**FLEET, "staging": [*FLEET["staging"], "s4"]}
    commit = host.commit(WAVES, grown)
    settle(host)
    assert host.branches["s4"] == commit
    report(host, "staging", commit)
    settle(host)
    assert host.branches["i1"] == commit, "s4 is not there yet, and holds nobody up"
    host.post_statuses("s4", commit)
    settle(host)
    assert host.ledger.region("s4").joined == commit
    following = host.commit(WAVES, grown)
    settle(host)
    report(host, "staging", following)
    settle(host)
    assert host.branches["i1"] != following, "now it gates"


def test_a_wave_without_one_joined_region_proves_nothing() -> None:
    host = MemoryHost()
    commit = host.commit(WAVES, {**FLEET, "staging": []})
    host.wait(timedelta(days=9))
    settle(host)
    assert host.branches == {}
    assert any("no data is no proof" in hold.reason for hold in planned(host).holds)
    assert host.ledger.wave("staging").target == commit


def test_a_wave_that_may_be_empty_passes_a_commit_on_when_it_is() -> None:
    waves = [WAVES[0], wave("internal", mayBeEmpty=True), WAVES[2]]
    host = running()
    commit = host.commit(waves, {**FLEET, "internal": []})
    settle(host)
    assert host.branches["e1"] != commit
    report(host, "staging", commit)
    settle(host)
    assert host.branches["e1"] == commit


def test_a_branch_moves_forward_only() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    ahead = host.commit(WAVES, FLEET)
    host.branches["s1"] = ahead  # by hand
    host.history.remove(ahead)  # and main was forced back
    settle(host)
    assert (host.branches["s1"], host.branches["s2"]) == (ahead, commit)
    assert "not on main" in " ".join(planned(host).warnings)


def test_a_rollback_goes_to_a_commit_that_the_region_has_passed_and_pauses_the_wave() -> None:
    host = running()
    (first,) = set(host.branches.values())
    bad = host.commit(WAVES, FLEET)
    settle(host)
    note = Note("ann", host.clock, "it loses writes")
    with pytest.raises(operations.OperationRefusedError, match="not newer"):
        operations.rollback(world(host), ["s1"], bad, note)
    newer = host.commit(WAVES, FLEET)
    with pytest.raises(operations.OperationRefusedError, match="not newer"):
        operations.rollback(world(host), ["s1"], newer, note)
    now = world(host)
    now = World(**{**vars(now), "receipts": {first: host.statuses[first]}})
    change = operations.rollback(now, ["s1"], first, note)
    assert host.push(change.moves, change.ledger, str(host.tip), "")
    assert host.branches["s1"] == first
    for name in ("s2", "s3"):
        host.post_statuses(name, bad)
    settle(host)
    assert host.branches["s2"] == bad, "paused"
    host.ledger = operations.resume(world(host), "staging").ledger
    settle(host)
    assert (host.branches["s1"], host.branches["i1"]) == (newer, first)


def test_a_wave_is_rolled_back_where_it_has_the_commit_and_left_alone_elsewhere() -> None:
    host = running(COHORTS)
    (first,) = set(host.branches.values())
    commit = host.commit(COHORTS, FLEET)
    through(host, commit)
    assert operations.rollback_targets(world(host), "external", first) == ["e1"]
    assert operations.rollback_targets(world(host), "e2", first) == ["e2"]


def test_a_waiver_names_a_region_and_a_commit() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    settle(host)
    for name in ("s1", "s2"):
        host.post_statuses(name, commit)
    host.ledger = operations.waive(world(host), "s3", commit, Note("ann", host.clock, "its cloud is down")).ledger
    settle(host)
    assert host.branches["i1"] == commit
    following = host.commit(WAVES, FLEET)
    settle(host)
    for name in ("s1", "s2"):
        host.post_statuses(name, following)
    settle(host)
    assert host.branches["i1"] != following


def test_a_retry_asks_for_new_receipts_on_the_same_commit() -> None:
    """AKS 5338: a straggler cannot be tried again with the same configuration."""
    host = running()
    commit = host.commit(WAVES, FLEET)
    settle(host)
    for name in FLEET["staging"]:
        host.post_statuses(name, commit, StatusState.FAILURE if name == "s3" else StatusState.SUCCESS)
    settle(host)
    host.wait(timedelta(minutes=1))
    host.ledger = operations.retry(world(host), "s3").ledger
    settle(host)
    assert host.branches["i1"] != commit
    host.post_statuses("s3", commit)
    settle(host)
    assert host.branches["i1"] == commit


def test_a_removed_stack_file_takes_a_region_out_of_the_gates_and_leaves_its_branch() -> None:
    host = running()
    before = host.branches["s3"]
    smaller = {**FLEET, "staging": ["s1", "s2"]}
    commit = host.commit(WAVES, smaller)
    settle(host)
    for name in smaller["staging"]:
        host.post_statuses(name, commit)
    settle(host)
    assert host.branches["i1"] == commit
    assert host.branches["s3"] == before
    with pytest.raises(operations.OperationRefusedError, match="still on main"):
        operations.retire(world(host), "s1", Note("ann", host.clock, "closed"))


def test_a_stack_file_of_a_retired_region_gives_a_warning() -> None:
    host = running()
    retired = replace(host.ledger.region("s3"), retired=Note("ann", host.clock, "closed"))
    host.ledger = host.ledger.with_regions({"s3": retired})
    (warning,) = planned(host).warnings
    assert warning.startswith("s3 was retired by ann at ")
    assert "closed. Its stack file is back, and it gets no commit: give the region another name" in warning


def test_a_commit_whose_files_make_no_fleet_goes_nowhere_and_the_one_before_it_does() -> None:
    host = running()
    sound = host.commit(WAVES, FLEET)
    host.commit(WAVES, FLEET, problem="stacks/Pulumi.s1.yaml: regions:wave: missing")
    settle(host)
    assert host.branches["s1"] == sound
    assert "regions:wave: missing" in planned(host).holds[0].reason


def test_an_idle_pass_asks_for_no_receipts_at_all() -> None:
    host = running()
    settle(host)
    assert host.requests == []
    assert not conductor.prepare(host, host).changes


def test_a_pass_that_lost_a_race_changes_nothing() -> None:
    host = running()
    host.commit(WAVES, FLEET)
    one, other = conductor.prepare(host, host), conductor.prepare(host, host)
    assert conductor.carry_out(host, one)
    after = dict(host.branches)
    assert not conductor.carry_out(host, other)
    assert host.branches == after


def test_a_pause_between_reading_and_pushing_wins() -> None:
    host = running()
    commit = host.commit(WAVES, FLEET)
    prepared = conductor.prepare(host, host)
    change = operations.pause(world(host), "staging", Note("ann", host.clock, "stop"))
    assert host.push(change.moves, change.ledger, str(host.tip), "")
    assert not conductor.carry_out(host, prepared)
    assert commit not in host.branches.values()


def test_a_plan_is_a_function_of_the_world() -> None:
    host = running()
    host.commit(WAVES, FLEET)
    assert plan(world(host)) == plan(world(host))
