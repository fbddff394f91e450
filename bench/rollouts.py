"""Rollouts over the shipped fleet: the time of a good commit to the last region, and the regions that get a bad one.

A round pushes a good commit. When all of staging has passed it, the round pushes a bad one, whose pods never become ready.
Two figures count: the good commit's seconds to its last external region, and the regions beyond staging with the bad commit.
The next round's good commit is the fix.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from bench.measure import ReportProgress
from bench.report import Figure
from sandbox import lifecycle
from sandbox.demo import progress, regions
from sandbox.demo.progress import HostSnapshot, RolloutProgress
from sandbox.demo.scenario import PINS, Scenario, remove_change_windows, shorten_waits
from sandbox.githost import repository
from sandbox.machine.home import Home


@dataclass
class RolloutRound:
    """The figures of one round."""

    seconds: float
    """From the push of the good commit to the last external region's receipt."""
    waves: float
    """For each wave the slowest region's time from its branch's move to its last receipt, added up."""
    syncs: float
    """The part of `waves` in syncs: for each wave the slowest region's sync with its gate tests, by Argo CD's times."""
    leaked: list[str]
    """The regions beyond staging that got the bad commit."""


def measure(home: Home, rounds: int, report: ReportProgress) -> list[RolloutRound]:
    """Let the conductor bring the fleet up, then measure the rounds."""
    scenario = Scenario(home, report, lambda rollout, host, members: None)
    # Soak, windows and deadlines are no delay of the rollout itself.
    edits = {**shorten_waits("60s"), "waves.yaml": [("    soak: 5m\n", "")], **remove_change_windows(scenario.checkout)}
    first = scenario.commit("Wait no longer than a measurement", edits)
    lifecycle.run_ci(home)
    scenario.start_conductor()
    try:
        scenario.wait_until_proven(first)
        scenario.hand_over()
        return [_round(home, scenario, number, report) for number in range(rounds)]
    finally:
        scenario.stop_conductor()
        lifecycle.run_ci(home, False)


def _round(home: Home, scenario: Scenario, number: int, report: ReportProgress) -> RolloutRound:
    members = scenario.fleet
    tag = scenario.influxdb_tag()
    good_tag = f"{tag.partition('-')[0]}-{number}"
    good = scenario.commit(f"Good commit {number}", {PINS: [(tag, good_tag)]})
    push_time = datetime.fromisoformat(repository.git("show", "-s", "--format=%cI", good, cwd=scenario.checkout))
    scenario.follow(good, lambda rollout, host: rollout.waves[0].proven is not None)
    bad = scenario.commit(f"Bad commit {number}", {PINS: [(good_tag, f"{good_tag}-does-not-exist")]})
    leaked: set[str] = set()

    def everywhere(rollout: RolloutProgress, host: HostSnapshot) -> bool:
        leaked.update(scenario.beyond(bad))
        return rollout.done

    def stuck(rollout: RolloutProgress, host: HostSnapshot) -> bool:
        leaked.update(scenario.beyond(bad))
        return progress.is_stuck(rollout, host, members)

    rollout = scenario.follow(good, everywhere)
    scenario.follow(bad, stuck)
    last = max(datetime.fromisoformat(wave.proven) for wave in rollout.waves if wave.proven)
    result = RolloutRound(
        seconds=(last - push_time).total_seconds(),
        waves=sum(max(wave.regions.values()) for wave in rollout.waves),
        syncs=sum(
            max(_sync_seconds(home, region.name, good) for region in members if region.wave.name == wave.wave)
            for wave in rollout.waves
        ),
        leaked=sorted(leaked),
    )
    report(
        f"round {number + 1}: {result.seconds:.0f} s, syncs {result.syncs:.0f} s, bad commit beyond staging: {result.leaked}"
    )
    return result


def _sync_seconds(home: Home, region: str, commit: str) -> float:
    """The seconds of Argo CD's sync of a commit, with gate tests."""
    query = ("get", "application", region, "-n", "argocd", "-o", "json")
    history = json.loads(regions.kubectl(home, region, *query))["status"]["history"]
    entry = next(entry for entry in reversed(history) if entry["revision"] == commit)
    start, end = (datetime.fromisoformat(entry[key]) for key in ("deployStartedAt", "deployedAt"))
    return (end - start).total_seconds()


def figures(rounds: list[RolloutRound]) -> list[Figure]:
    """The promises about rollouts."""
    return [
        Figure(
            "push to main until the last region, to its baseline", 1.25, "x", [r.seconds / r.syncs for r in rounds],
            {"push to the last external region": [r.seconds for r in rounds], "baseline": [r.syncs for r in rounds]},
            "Baseline: for each wave the slowest region's sync with its gate tests, by Argo CD's times, added up. The rest is "
            "polling: Argo CD polls git every 3 s, the conductor polls receipts every 2 s. No wave soaks.",
        ),
        Figure(
            "the same, to the regions' own time with that polling", None, "x", [r.seconds / r.waves for r in rounds],
            {"baseline: for each wave the slowest region, from its branch's move to its last receipt": [r.waves for r in rounds]},
            "The rest is the conductor's own time.",
        ),
        Figure(
            "rounds in which a bad commit got beyond staging", 0, "rounds", [float(sum(bool(r.leaked) for r in rounds))],
            note=f"Of {len(rounds)} rounds. The bad commit lands the moment staging has passed the one before.",
        ),
    ]  # fmt: skip
