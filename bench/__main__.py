"""`python -m bench`: measure, print, and write results.json and RESULTS.md. Figures of other parts stay in both."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench import ci as ci_figures
from bench import clouds as cloud_figures
from bench import development, measure, planning, rendering, rollouts, scratch
from bench.report import Figure, Part, dump, markdown, parse
from sandbox.machine.home import CHECKOUT, Home

RESULTS = Path(__file__).with_name("RESULTS.md")
DATA = Path(__file__).with_name("results.json")


def toolchain(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """The build of the sandbox's tools with empty caches."""
    return [measure.cold_toolchain(report)]


def regions(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """Regions: up, memory, a new one, a preview."""
    return [
        *measure.demos(home, repetitions, report),
        measure.new_region(home, repetitions, report),
        measure.previews(home, repetitions, report),
    ]


def rendering_part(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """Rendering and comparison of regions' objects, and the alerts."""
    return [*rendering.figures(repetitions), *cloud_figures.counts(home, rendering.COUNTED)]


def conductor(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """The conductor by itself: planning, and requests to the git host."""
    return planning.passes(repetitions) + planning.calls()


def clouds(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """The clouds: policies, baseline, costs."""
    measure.up(home)
    return [
        cloud_figures.policies(home, repetitions, report),
        *cloud_figures.counts(home, cloud_figures.COUNTED),
        *cloud_figures.costs(),
    ]


def ci(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """CI: previews, and the comment on a pull request."""
    measure.up(home)
    return [ci_figures.previews(home, repetitions, report), ci_figures.affected_regions(home), ci_figures.length()]


def faults(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """Faults in every call of every cloud. An hour and a half."""
    return cloud_figures.counts(home, cloud_figures.FAULTS)


def waves(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """Our rollouts."""
    measure.up(home)
    return rollouts.figures(rollouts.measure(home, rounds, report))


def development_part(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """The quick check, and the lines of code."""
    return [development.duration("check", 1.5, repetitions, report), *development.lines()]


def suite(home: Home, repetitions: int, rounds: int) -> list[Figure]:
    """The whole suite of tests. Half an hour a run."""
    return [development.duration("test", 25, repetitions, report)]


PARTS: dict[str, Callable[[Home, int, int], list[Figure]]] = {
    "toolchain": toolchain,
    "regions": regions,
    "clouds": clouds,
    "ci": ci,
    "faults": faults,
    "rendering": rendering_part,
    "conductor": conductor,
    "waves": waves,
    "development": development_part,
    "suite": suite,
}
"""Part to its measurement. Each starts with a sandbox that is down."""
LONG = ("toolchain", "faults", "suite")
"""Parts that run by name alone: they take half an hour and more."""


def main() -> int:
    """Measure. Returns 0 if every part ran, with goals met or missed, and 1 if a part failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the project's figures in a sandbox.")
    usual = [name for name in PARTS if name not in LONG]
    parser.add_argument(
        "parts", nargs="*", help=f"the parts to measure: {', '.join(PARTS)} (default: {', '.join(usual)})"
    )
    parser.add_argument("--repetitions", type=int, default=5, help="repetitions of each measurement (default: 5)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of rollouts, each some minutes (default: 10)")
    parser.add_argument("--json", action="store_true", help="print the samples as JSON instead of the table")
    options = parser.parse_args()
    if options.repetitions < 1 or options.rounds < 1:
        parser.error("--repetitions and --rounds must be at least 1")
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"no part is named {', '.join(unknown)}. Parts: {', '.join(PARTS)}")

    def measure_parts() -> None:
        for name in options.parts or usual:
            with scratch.home() as home:
                figures = PARTS[name](home, options.repetitions, options.rounds)
            _keep(name, Part(measure.facts(CHECKOUT), figures))
        print(DATA.read_text() if options.json else RESULTS.read_text())

    return scratch.exit_code(measure_parts)


def _keep(name: str, part: Part) -> None:
    """Replace a part's results, right after its measurement."""
    parts = {**(parse(DATA.read_text()) if DATA.exists() else {}), name: part}
    ordered = {part_name: parts[part_name] for part_name in PARTS if part_name in parts}
    DATA.write_text(dump(ordered))
    RESULTS.write_text(markdown(ordered))


def report(text: str) -> None:
    """Print progress to stderr, apart from the results."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
