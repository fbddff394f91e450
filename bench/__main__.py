"""`python -m bench`: measure, print, and write RESULTS.md and build/bench.json."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from bench import measure, scratch
from bench.report import Figure, markdown
from sandbox.errors import SandboxError
from sandbox.home import CHECKOUT, Home

RESULTS = Path(__file__).with_name("RESULTS.md")
DATA = CHECKOUT / "build" / "bench.json"


def main() -> int:
    """Exit code 0 when all was measured, whether the goals are met or not; 1 when something did not run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the project's figures in a sandbox.")
    parser.add_argument("--repetitions", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--cold", action="store_true", help="measure the cold toolchain too: ten minutes and more")
    parser.add_argument("--json", action="store_true", help="print the samples as JSON instead of the table")
    given = parser.parse_args()
    if given.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    try:
        with scratch.home() as home:
            figures = run(home, given.repetitions, given.cold)
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    text = markdown(figures, measure.facts(CHECKOUT))
    RESULTS.write_text(text)
    DATA.parent.mkdir(exist_ok=True)
    data = json.dumps([asdict(figure) for figure in figures], indent=2)
    DATA.write_text(data + "\n")
    print(data if given.json else text)
    return 0


def run(home: Home, repetitions: int, cold: bool) -> list[Figure]:
    """All figures, each after the other on the same machine."""
    figures = [measure.cold_toolchain(report)] if cold else []
    figures += measure.demos(home, repetitions, report)
    figures.append(measure.new_region(home, repetitions, report))
    figures.append(measure.previews(home, repetitions, report))
    return figures


def report(text: str) -> None:
    """Progress, apart from the results."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
