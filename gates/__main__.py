"""`python -m gates CHECK...`: 0 if all checks pass, 1 if one fails, 2 if an argument is wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from gates import runner
from gates.region import RunningRegion, UnreadableError
from gates.runner import Expectations, GateResult


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(prog="python -m gates", description="Run gate tests in a region.")
    command.add_argument("checks", nargs="+", metavar="CHECK", choices=runner.CHECKS, help=", ".join(runner.CHECKS))
    command.add_argument("--namespace", required=True, help="the application's namespace")
    command.add_argument("--commit", default="", help="the commit under test, for `release`")
    command.add_argument("--url", default="", help="the application's address, for checks that send requests")
    command.add_argument("--timeout", type=_positive, default=20.0, help="seconds that each check may repeat (20)")
    command.add_argument("--latency", type=_positive, default=0.5, help="seconds of the 95th percentile at most (0.5)")
    command.add_argument("--prometheus", default="", help="the address of the region's Prometheus, for `budget`")
    command.add_argument(
        "--watch", type=_positive, default=60.0, help="seconds since the release that `budget` waits for (60)"
    )
    command.add_argument(
        "--share", type=_positive, default=0.01, help="share of requests that may fail since then (0.01)"
    )
    command.add_argument("--json", action="store_true", help="print the results as JSON")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and print their results. Returns the exit code."""
    command = parser()
    options = command.parse_args(arguments)
    for checks_in_need, value, option in (
        (runner.NEED_COMMIT, options.commit, "--commit"),
        (runner.NEED_URL, options.url, "--url"),
        (runner.NEED_PROMETHEUS, options.prometheus, "--prometheus"),
    ):
        if checks_in_need & set(options.checks) and not value:
            command.error(f"{', '.join(sorted(checks_in_need & set(options.checks)))}: give {option}")
    try:
        region = RunningRegion(options.namespace, options.url, options.prometheus)
    except UnreadableError as error:
        command.error(str(error))
    expected = Expectations(options.commit, options.latency, options.watch, options.share)
    results = runner.run(options.checks, region, expected, options.timeout)
    subject = " ".join(filter(None, [options.namespace, options.commit]))
    print(json.dumps([asdict(result) for result in results]) if options.json else _words(subject, results))
    return 1 if any(result.problems for result in results) else 0


def _words(subject: str, results: Sequence[GateResult]) -> str:
    lines = [subject]
    for result in results:
        attempts = f"{result.seconds:.1f} s, tries: {result.tries}"
        lines.append(f"{result.check}: {'FAILED' if result.problems else 'passed'} ({attempts})")
        lines += [f"  {problem}" for problem in result.problems]
    return "\n".join(lines)


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
