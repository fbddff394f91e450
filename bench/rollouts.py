"""Our own rollouts, on seven regions: how long a good commit takes to the last one, and who gets a bad one.

A round is that of bench/rollingsync.py. A good commit is pushed; the moment all of staging has passed it a bad one lands, whose
pods never get ready. What counts: the good one's seconds until its last external region, and who has the bad one beyond staging.
The next round's good commit is the fix.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bench.report import Figure
from sandbox import lifecycle
from sandbox.demo import progress, regions
from sandbox.demo.progress import HostSnapshot, RolloutProgress
from sandbox.demo.scenario import PINS, Scenario, remove_change_windows, shorten_waits
from sandbox.githost import repository
from sandbox.machine.home import Home

Report = Callable[[str], None]


@dataclass
class Round:
    """What one round showed."""

    seconds: float
    """From the push of the good commit to the last external region's receipt."""
    floor: float
    """For each wave the slowest region's own time from when its branch moved to its last receipt, added up."""
    syncs: float
    """Of that, for each wave the slowest region's sync with its gate tests, as Argo CD has it."""
    leaked: list[str]
    """The regions beyond staging that had the bad commit."""


def measure(home: Home, rounds: int, report: Report) -> list[Round]:
    """Bring the fleet up by itself, then make the rounds."""
    scenario = Scenario(home, report, lambda seen, host, members: None)
    # What people ask to wait for is no delay.
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


def _round(home: Home, scenario: Scenario, number: int, report: Report) -> Round:
    members = scenario.fleet
    tag = scenario.influxdb_tag()
    good_tag = f"{tag.partition('-')[0]}-{number}"
    good = scenario.commit(f"Good commit {number}", {PINS: [(tag, good_tag)]})
    pushed = datetime.fromisoformat(repository.git("show", "-s", "--format=%cI", good, cwd=scenario.checkout))
    scenario.follow(good, lambda seen, host: seen.waves[0].proven is not None)
    bad = scenario.commit(f"Bad commit {number}", {PINS: [(good_tag, f"{good_tag}-does-not-exist")]})
    leaked: set[str] = set()

    def everywhere(seen: RolloutProgress, host: HostSnapshot) -> bool:
        leaked.update(scenario.beyond(bad))
        return seen.done

    def stuck(seen: RolloutProgress, host: HostSnapshot) -> bool:
        leaked.update(scenario.beyond(bad))
        return progress.is_stuck(seen, host, members)

    seen = scenario.follow(good, everywhere)
    scenario.follow(bad, stuck)
    last = max(datetime.fromisoformat(wave.proven) for wave in seen.waves if wave.proven)
    found = Round(
        seconds=(last - pushed).total_seconds(),
        floor=sum(max(wave.regions.values()) for wave in seen.waves),
        syncs=sum(
            max(_sync_seconds(home, region.name, good) for region in members if region.wave.name == wave.wave)
            for wave in seen.waves
        ),
        leaked=sorted(leaked),
    )
    report(
        f"round {number + 1}: {found.seconds:.0f} s, floor {found.floor:.0f} s, bad commit beyond staging: {found.leaked}"
    )
    return found


def _sync_seconds(home: Home, region: str, commit: str) -> float:
    """How long Argo CD's sync of a commit took, gate tests included."""
    query = ("get", "application", region, "-n", "argocd", "-o", "json")
    history = json.loads(regions.kubectl(home, region, *query))["status"]["history"]
    entry = next(each for each in reversed(history) if each["revision"] == commit)
    begun, ended = (datetime.fromisoformat(entry[key]) for key in ("deployStartedAt", "deployedAt"))
    return (ended - begun).total_seconds()


def figures(rounds: list[Round]) -> list[Figure]:
    """What was promised of them."""
    return [
        Figure(
            "push to main until the last of seven regions, to its floor", 1.25, "x", [r.seconds / r.syncs for r in rounds],
            {"push to the last external region": [r.seconds for r in rounds], "floor": [r.syncs for r in rounds]},
            "Floor: for each wave the slowest region's sync with its gate tests, as Argo CD has it, added up. What is above it: "
            "Argo CD asks for new commits every 3 s, the conductor for receipts every 2 s. No wave soaks.",
        ),
        Figure(
            "the same, to what the regions take with that wait", None, "x", [r.seconds / r.floor for r in rounds],
            {"floor: for each wave the slowest region, from its branch's move to its last receipt": [r.floor for r in rounds]},
            "What the conductor adds.",
        ),
        Figure(
            "rounds in which a bad commit got beyond staging", 0, "rounds", [float(sum(bool(r.leaked) for r in rounds))],
            note=f"Of {len(rounds)}; the bad commit lands the moment staging has passed the one before.",
        ),
    ]  # fmt: skip
