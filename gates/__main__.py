"""`python -m gates CHECK...`: 0 if all checks pass, 1 if one does not, 2 if it was asked wrongly."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from gates import battery
from gates.battery import Expectations, Verdict
from gates.region import Region, UnreadableError


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m gates", description="Look whether a region is well.")
    command.add_argument("checks", nargs="+", metavar="CHECK", choices=battery.CHECKS, help=", ".join(battery.CHECKS))
    command.add_argument("--namespace", required=True, help="the application's namespace")
    command.add_argument("--commit", default="", help="the commit under test, for `release`")
    command.add_argument("--url", default="", help="where the application answers, for all that ask it")
    command.add_argument("--timeout", type=_positive, default=20.0, help="seconds that each check may try (20)")
    command.add_argument("--latency", type=_positive, default=0.5, help="seconds of the 95th percentile at most (0.5)")
    command.add_argument("--prometheus", default="", help="where the region's Prometheus answers, for `budget`")
    command.add_argument(
        "--watch", type=_positive, default=60.0, help="seconds since the release that `budget` wants (60)"
    )
    command.add_argument(
        "--share", type=_positive, default=0.01, help="share of requests that may fail since then (0.01)"
    )
    command.add_argument("--json", action="store_true", help="print the verdicts for programs")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and say what they found. Returns the exit code."""
    command = parser()
    given = command.parse_args(arguments)
    for needing, value, option in (
        (battery.NEED_COMMIT, given.commit, "--commit"),
        (battery.NEED_URL, given.url, "--url"),
        (battery.NEED_PROMETHEUS, given.prometheus, "--prometheus"),
    ):
        if needing & set(given.checks) and not value:
            command.error(f"{', '.join(sorted(needing & set(given.checks)))}: give {option}")
    try:
        region = Region(given.namespace, given.url, given.prometheus)
    except UnreadableError as error:
        command.error(str(error))
    expected = Expectations(given.commit, given.latency, given.watch, given.share)
    verdicts = battery.run(given.checks, region, expected, given.timeout)
    subject = " ".join(filter(None, [given.namespace, given.commit]))
    print(json.dumps([asdict(verdict) for verdict in verdicts]) if given.json else _words(subject, verdicts))
    return 1 if any(verdict.problems for verdict in verdicts) else 0


def _words(subject: str, verdicts: Sequence[Verdict]) -> str:
    lines = [subject]
    for verdict in verdicts:
        tried = f"{verdict.seconds:.1f} s, tries: {verdict.tries}"
        lines.append(f"{verdict.check}: {'FAILED' if verdict.problems else 'passed'} ({tried})")
        lines += [f"  {problem}" for problem in verdict.problems]
    return "\n".join(lines)


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
