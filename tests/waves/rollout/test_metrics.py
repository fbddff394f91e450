"""The rollout's metrics for Prometheus."""

from __future__ import annotations

import socket
import urllib.request
from datetime import timedelta

from tests.waves.rollout.memory import START, MemoryHost, wave
from tests.waves.rollout.scenarios import COHORTS, FLEET, WAVES, operated, report, running, settle, world
from waves.rollout import metrics, operations
from waves.rollout.model import Note, StatusState

NOTE = Note("ann", START, "inventory")


def numbers(host: MemoryHost) -> dict[tuple[str, ...], float]:
    """Name and labels to value."""
    return {(sample.name, *sample.labels): sample.value for sample in metrics.samples(world(host))}


def test_a_fleet_at_rest_owes_nothing_and_waits_for_nothing() -> None:
    host = running()
    values = numbers(host)
    for name in FLEET:
        assert values["waves_wave_commits_waiting", name] == 0
        assert values["waves_wave_paused", name] == 0
        assert values["waves_wave_proven", name] == 1
        assert values["waves_wave_deadline_seconds", name] == 30 * 60
    assert {value for key, value in values.items() if key[0] == "waves_receipt_owed_seconds"} == {0}
    assert {value for key, value in values.items() if key[0] == "waves_region_behind_seconds"} == {0}
    states = {key[2]: key[3] for key in values if key[0] == "waves_region_state"}
    assert states == dict.fromkeys([name for names in FLEET.values() for name in names], "passed")


def test_a_receipt_is_owed_since_the_region_has_the_commit_and_until_it_says_success() -> None:
    host = running()
    second = host.commit(WAVES, FLEET)
    settle(host)
    host.wait(timedelta(minutes=7))
    assert numbers(host)["waves_receipt_owed_seconds", "staging", "s1", "infra"] == 7 * 60
    host.post_statuses("s1", second, StatusState.FAILURE, checks=["infra"])
    host.post_statuses("s1", second, checks=["apps"])
    values = numbers(host)
    assert values["waves_receipt_owed_seconds", "staging", "s1", "infra"] == 7 * 60, "a failure is no success"
    assert values["waves_receipt_owed_seconds", "staging", "s1", "apps"] == 0
    assert values["waves_region_state", "staging", "s1", "failed"] == 1
    assert values["waves_receipt_owed_seconds", "internal", "i1", "apps"] == 0, "it does not have the commit"


def test_a_waived_receipt_is_not_owed() -> None:
    host = running()
    second = host.commit(WAVES, FLEET)
    settle(host)
    host.wait(timedelta(minutes=7))
    operated(host, lambda now: operations.waive(now, "s1", second, NOTE))
    assert numbers(host)["waves_receipt_owed_seconds", "staging", "s1", "apps"] == 0
    assert numbers(host)["waves_receipt_owed_seconds", "staging", "s2", "apps"] == 7 * 60


def test_commits_wait_for_a_wave_only_once_it_may_take_them() -> None:
    host = running()
    operated(host, lambda now: operations.pause(now, "internal", NOTE))
    for _ in range(2):
        commit = host.commit(WAVES, FLEET)
        settle(host)
        assert numbers(host)["waves_wave_commits_waiting", "internal"] == (0 if commit == host.history[-2] else 1)
        report(host, "staging", commit)
        settle(host)
    values = numbers(host)
    assert values["waves_wave_commits_waiting", "internal"] == 2
    assert values["waves_wave_commits_waiting", "external"] == 0, "internal has proven nothing newer"
    assert (values["waves_wave_paused", "internal"], values["waves_wave_paused", "external"]) == (1, 0)


def test_a_commit_waits_for_the_first_wave_as_soon_as_it_is_on_main() -> None:
    host = running()
    host.commit(WAVES, FLEET)
    assert numbers(host)["waves_wave_commits_waiting", "staging"] == 1
    settle(host)
    assert numbers(host)["waves_wave_commits_waiting", "staging"] == 0


def test_pausing_all_pauses_each_wave() -> None:
    host = running()
    operated(host, lambda now: operations.pause(now, "all", NOTE))
    assert [numbers(host)["waves_wave_paused", name] for name in FLEET] == [1, 1, 1]
    assert [numbers(host)["waves_wave_open", name] for name in FLEET] == [0, 0, 0]


def test_a_wave_outside_of_its_change_windows_is_closed_and_not_paused() -> None:
    windows = [{"days": ["sat"], "start": "10:00", "end": "11:00"}]
    host = running([wave("staging"), wave("internal"), wave("external", gate="none")])
    host.commit([wave("staging"), wave("internal", windows=windows), wave("external", gate="none")], FLEET)
    values = numbers(host)
    assert (values["waves_wave_open", "staging"], values["waves_wave_open", "internal"]) == (1, 0)
    assert values["waves_wave_paused", "internal"] == 0


def test_a_later_cohort_is_behind_since_its_wave_took_the_commit() -> None:
    host = running(COHORTS)
    second = host.commit(COHORTS, FLEET)
    for name in ("staging", "internal"):
        settle(host)
        report(host, name, second)
    host.wait(timedelta(minutes=6))
    settle(host)
    host.wait(timedelta(minutes=20))
    values = numbers(host)
    behind = {key[2]: value for key, value in values.items() if key[:2] == ("waves_region_behind_seconds", "external")}
    assert sorted(behind.values()) == [0, 20 * 60, 20 * 60]
    assert values["waves_wave_target_age_seconds", "external"] == 20 * 60


def test_a_region_that_never_passed_is_joining() -> None:
    host = running()
    grown = {**FLEET, "staging": [*FLEET["staging"], "s4"]}
    host.commit(WAVES, grown)
    settle(host)
    assert numbers(host)["waves_region_state", "staging", "s4", "joining"] == 1


def test_a_fleet_that_has_taken_nothing_has_no_ages() -> None:
    host = MemoryHost()
    host.commit(WAVES, FLEET)
    values = numbers(host)
    assert values["waves_wave_commits_waiting", "staging"] == 1
    assert not [key for key in values if key[0] == "waves_wave_target_age_seconds"]


def test_only_the_latest_samples_are_exported() -> None:
    exporter = metrics.MetricsExporter()
    assert exporter.due(0)
    exporter.update([metrics.Sample("waves_region_state", ("staging", "s1", "failed"), 1)], 10)
    assert not exporter.due(10 + metrics.INTERVAL - 1)
    assert exporter.due(10 + metrics.INTERVAL)
    exporter.update([metrics.Sample("waves_region_state", ("staging", "s1", "passed"), 1)], 20)
    exporter.record_pass(1234.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    exporter.listen("127.0.0.1", port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    assert 'waves_region_state{region="s1",state="passed",wave="staging"} 1.0' in text
    assert "failed" not in text
    assert "waves_last_pass_timestamp_seconds 1234.0" in text
