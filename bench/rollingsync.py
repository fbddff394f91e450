"""Measures Argo CD's own ordered rollout, an ApplicationSet with RollingSync, on what our waves have to hold.

That is: a commit that the first wave has not proven reaches no region beyond it, and a good one reaches all of them soon.
One sandbox cluster runs Argo CD and its ApplicationSet controller, with upstream's defaults and a region's own settings.
The fleet's regions are Applications in namespaces of their own, a step for each wave; all follow one branch of one
repository. A round:

1. A good commit is pushed; the seconds count until Argo CD says Synced and Healthy of all regions at that commit.
2. One more good commit is pushed, and the moment all of the first wave is Synced and Healthy at it, a bad one, whose pods no
   node takes. The first wave gets it, and is stuck.
3. STUCK_SECONDS later a good commit is pushed, the fix, and these seconds count as well. When all regions have it, we look
   which of them beyond the first wave received the bad commit at any time, and which the good one before it.

Limits of fairness:
- A hub has its regions in other clusters; here they are in its own, which favours it: there is no network between.
- Its regions run one small Deployment and no gate tests, and one Argo CD serves all. In ours each region has its own.
- Who looks at git when decides what happens, so there are three ways. `polled`: each region as often as argocd.settings
  say of ours, in whatever order. `first-wave`: the same, but the first wave looks at once, which is an order that polling can come
  upon. `webhook`: all at once, as when the git host can reach the hub.
- It waits 30 s from when it saw a commit until it acts on it: upstream's refresh grace period, left at its default.
- A region that is only compared with a commit, and shows OutOfSync, has not received it; one where a sync to it began has.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import fleet
from bench import scratch
from bench.hub import CONTEXT, Hub, Repository
from bench.measure import up
from bench.report import Figure, spread
from sandbox.machine import supervisor_client
from sandbox.machine.home import CHECKOUT, Home
from sandbox.machine.supervisor_client import NodeSpec

CLUSTER = f"bench/{CONTEXT}"
STUCK_SECONDS = {"webhook": 45.0, "polled": 90.0, "first-wave": 90.0}
"""From when the first wave has the bad commit to the fix: long enough that all regions have looked at git, polled twice, and that
upstream, which acts 30 s after it saw a commit, counts their looks as later than its last change. A real fix takes minutes."""

Report = Callable[[str], None]


class Looks(StrEnum):
    """When regions look at git after a push."""

    POLLED = "polled"
    FIRST_WAVE = "first-wave"
    WEBHOOK = "webhook"


@dataclass(frozen=True)
class Round:
    """What one round showed."""

    looks: str
    """Who looked at git when."""
    leaked: list[str]
    """The regions beyond the first wave that received the bad commit."""
    advanced: list[str]
    """The regions beyond the first wave that received the good commit before it, which the first wave had proven."""
    seconds_good: float
    """From the push of a good commit to the last region Synced and Healthy at it, when nothing else is under way."""
    seconds_fix: float
    """The same when the first wave is stuck on a bad one."""


@dataclass(frozen=True)
class RollingSyncResult:
    """All rounds."""

    rounds: list[Round]

    @property
    def leaks(self) -> int:
        """In how many rounds a region beyond the first wave received the bad commit."""
        return sum(bool(each.leaked) for each in self.rounds)


def beyond(received: Iterable[tuple[str, str]], commit: str, first: Sequence[str]) -> list[str]:
    """The regions, except of the first wave, that are seen with a commit in pairs of region and commit received."""
    return sorted({region for region, at in received if at == commit and region not in first})


def measure(
    home: Home, rounds: int, report: Report, looks: Sequence[Looks] = (Looks.WEBHOOK, Looks.FIRST_WAVE)
) -> RollingSyncResult:
    """Run the rounds in a sandbox that is up: five to eight minutes each. Leaves nothing behind, whatever happens."""
    members = fleet.read(CHECKOUT).in_waves()
    folder = home.root / CONTEXT
    try:
        repository = Repository(folder / "repository")
        repository.push(sound=True)
        supervisor_client.create_cluster(CLUSTER, "1.36")
        supervisor_client.set_node_pool(
            CLUSTER, "hub", [NodeSpec("hub-1", "16", "64Gi", {"kubernetes.io/os": "linux"})]
        )
        hub = Hub(home)
        hub.install(members, repository.url)
        names = [member.name for member in members]
        hub.wait(names, "all regions synced", lambda region: region.sync == "Synced" and region.health == "Healthy")
        results = []
        for number in range(rounds):
            results.append(_round(hub, repository, members, looks[number % len(looks)]))
            report(f"RollingSync, round {number + 1}: {results[-1]}")
        return RollingSyncResult(results)
    finally:
        supervisor_client.delete_cluster(CLUSTER)
        shutil.rmtree(folder, ignore_errors=True)


def _round(hub: Hub, repository: Repository, members: Sequence[fleet.Region], looks: Looks) -> Round:
    names = [member.name for member in members]
    first = [member.name for member in members if member.wave == members[0].wave]

    at_once = {Looks.POLLED: [], Looks.FIRST_WAVE: first, Looks.WEBHOOK: names}[looks]

    def push(sound: bool) -> str:
        commit = repository.push(sound)
        hub.refresh(at_once)
        return commit

    def seconds_to_all() -> float:
        started = time.monotonic()
        commit = push(sound=True)
        hub.wait(names, "all regions at the good commit", lambda region: region.arrived(commit))
        return time.monotonic() - started

    good = seconds_to_all()
    proven = push(sound=True)
    hub.wait(first, "the first wave at the second commit", lambda region: region.arrived(proven))
    bad = push(sound=False)
    hub.wait(first, "the first wave given the bad commit", lambda region: region.received == bad)
    hub.watch(STUCK_SECONDS[looks])
    fix = seconds_to_all()
    return Round(str(looks), beyond(hub.seen, bad, first), beyond(hub.seen, proven, first), good, fix)


def figures(result: RollingSyncResult) -> list[Figure]:
    """Upstream's figures beside ours, by who looked at git when. No goal: it is not ours to meet."""
    found = []
    for looks in dict.fromkeys(each.looks for each in result.rounds):
        rounds = [each for each in result.rounds if each.looks == looks]
        kept = sum(not each.advanced for each in rounds)
        found += [
            Figure(
                f"RollingSync, {looks}: rounds in which a bad commit got beyond staging", None, "rounds",
                [float(RollingSyncResult(rounds).leaks)],
                note=f"Of {len(rounds)}; in {kept} of them nobody beyond staging got the commit before, which staging had proven.",
            ),
            Figure(
                f"RollingSync, {looks}: push to the last of seven regions", None, "s", [each.seconds_good for each in rounds],
                {"the same for the fix, while staging is stuck on a bad commit": [each.seconds_fix for each in rounds]},
                "Without gate tests, and told of each push where ours poll. bench/rollingsync.py says whom the setting favours.",
            ),
        ]  # fmt: skip
    return found


def main() -> int:
    """Exit code 0 when all rounds ran, whatever they showed; 1 when something did not run."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.rollingsync", description="Measure RollingSync in a sandbox."
    )
    parser.add_argument("--rounds", type=int, default=10, help="how many rounds (default: 10)")
    parser.add_argument(
        "--looks",
        type=Looks,
        choices=list(Looks),
        default=Looks.WEBHOOK,
        help="who looks at git when (default: webhook)",
    )
    parser.add_argument("--json", action="store_true", help="print the rounds as JSON")
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")

    def measured() -> None:
        with scratch.home() as home:
            up(home)
            result = measure(home, given.rounds, report, [given.looks])
        print(json.dumps([asdict(each) for each in result.rounds], indent=2) if given.json else table(result.rounds))

    return scratch.exit_code(measured)


def table(rounds: Sequence[Round]) -> str:
    """The rounds as text. Pure."""
    lines = [
        f"In {RollingSyncResult([*rounds]).leaks} of {len(rounds)} rounds the bad commit went beyond the first wave. "
        f"A good commit was in all regions after {spread([each.seconds_good for each in rounds])} s, "
        f"the fix of a bad one after {spread([each.seconds_fix for each in rounds])} s.",
        "",
        "| round | bad commit beyond the first wave | proven commit beyond it | good commit everywhere, s | fix, s |",
        "| --- | --- | --- | --- | --- |",
    ]
    for number, each in enumerate(rounds, 1):
        leaked, advanced = ", ".join(each.leaked) or "none", ", ".join(each.advanced) or "none"
        lines.append(f"| {number} | {leaked} | {advanced} | {each.seconds_good:.1f} | {each.seconds_fix:.1f} |")
    return "\n".join(lines)


def report(text: str) -> None:
    """Progress, apart from the results."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
