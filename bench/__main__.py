"""`python -m bench`: measure, print, and write results.json and RESULTS.md. What was not measured this time stays in them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench import ci as checks
from bench import clouds as each_cloud
from bench import measure, planning, rendering, rollingsync, rollouts, scratch
from bench.report import Figure, Part, dump, markdown, parse
from sandbox.machine.home import CHECKOUT, Home

RESULTS = Path(__file__).with_name("RESULTS.md")
DATA = Path(__file__).with_name("results.json")


def toolchain(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """How long the sandbox's tools take to build where nothing is."""
    return [measure.cold_toolchain(report)]


def regions(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """Regions: up, memory, a new one, a preview."""
    return [
        *measure.demos(home, repetitions, report),
        measure.new_region(home, repetitions, report),
        measure.previews(home, repetitions, report),
    ]


def rendered(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """What regions run, rendered and compared; its alerts."""
    return [*rendering.figures(repetitions), *each_cloud.counts(home, rendering.COUNTED)]


def conductor(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """The conductor by itself: planning, and requests to the git host."""
    return planning.passes(repetitions) + planning.calls()


def clouds(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """The clouds: policies, baseline, costs."""
    measure.up(home)
    return [
        each_cloud.policies(home, repetitions, report),
        *each_cloud.counts(home, each_cloud.COUNTED),
        *each_cloud.costs(),
    ]


def ci(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """CI: previews, and the comment on a pull request."""
    measure.up(home)
    return [checks.previews(home, repetitions, report), checks.touched(home), checks.length()]


def faults(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """Every call of every cloud that goes wrong. An hour and a half."""
    return each_cloud.counts(home, each_cloud.FAULTS)


def waves(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """Our rollouts."""
    measure.up(home)
    return rollouts.figures(rollouts.measure(home, rounds, report))


def upstream(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """RollingSync's, beside them."""
    measure.up(home)
    return rollingsync.figures(rollingsync.measure(home, rounds, report))


PARTS: dict[str, Callable[[Home, int, int], list[Figure]]] = {
    "toolchain": toolchain,
    "regions": regions,
    "clouds": clouds,
    "ci": ci,
    "faults": faults,
    "rendering": rendered,
    "conductor": conductor,
    "waves": waves,
    "rollingsync": upstream,
}
"""Each begins with a sandbox that is not up."""
LONG = ("toolchain", "faults")
"""Left out unless asked for: they take half an hour and an hour and a half."""


def main() -> int:
    """Exit code 0 when all was measured, whether the goals are met or not; 1 when something did not run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the project's figures in a sandbox.")
    usual = [name for name in PARTS if name not in LONG]
    parser.add_argument("parts", nargs="*", help=f"what to measure: {', '.join(PARTS)} (default: {', '.join(usual)})")
    parser.add_argument("--repetitions", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of rollouts, each some minutes (default: 10)")
    parser.add_argument("--json", action="store_true", help="print the samples as JSON instead of the table")
    given = parser.parse_args()
    if given.repetitions < 1 or given.rounds < 1:
        parser.error("--repetitions and --rounds must be at least 1")
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f"no part is named {', '.join(unknown)}; known: {', '.join(PARTS)}")

    def measured() -> None:
        for name in given.parts or usual:
            with scratch.home() as home:
                figures = PARTS[name](home, given.repetitions, given.rounds)
            _keep(name, Part(measure.facts(CHECKOUT), figures))
        print(DATA.read_text() if given.json else RESULTS.read_text())

    return scratch.exit_code(measured)


def _keep(name: str, part: Part) -> None:
    """Write a part's results in place of its old ones, as soon as it has been measured."""
    known = {**(parse(DATA.read_text()) if DATA.exists() else {}), name: part}
    ordered = {each: known[each] for each in PARTS if each in known}
    DATA.write_text(dump(ordered))
    RESULTS.write_text(markdown(ordered))


def report(text: str) -> None:
    """Progress, apart from the results."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
