"""The clouds: the policy pack's time, the baseline's lines, the survived faults, and a region's monthly costs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree import ElementTree

import fleet
from bench.measure import alternate
from bench.report import Figure
from sandbox import lifecycle
from sandbox.demo import regions
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home
from waves.review.costs import monthly, prices

REGION = "staging-aws-eu-west-1"


def policies(home: Home, repetitions: int, report: Callable[[str], None]) -> Figure:
    """A first preview of a region with the policy pack, in turns with one without."""
    lifecycle.publish(home, CHECKOUT, [])
    checkout = lifecycle.clone(home)
    lifecycle.initialise_stacks(home, [REGION])

    def preview(*pack: str) -> None:
        regions.pulumi(home, checkout, "preview", "-s", REGION, *pack)

    acts = {"with policies": lambda: preview("--policy-pack", "policy"), "without": preview}
    ratios, parts = alternate(acts, repetitions, report)
    return Figure("preview with the policy pack, to one without", 1.3, "x", ratios, parts, f"{REGION}, first preview.")


COUNTED = {
    "tests/components/test_baseline.py": "Each is a test of all shipped regions of its cloud: docs/reference/baseline.md.",
    "tests/models/test_models.py": "In the shipped regions and bootstrap, by the clouds' own API models.",
    "tests/models/test_rights.py": "All that the role has, by the handlers of CloudFormation or with a reason.",
    "tests/policy/test_policies.py": "Each has a resource that breaks it and one that does not.",
}
"""Tests that count their cases, and the meaning of the count. A case that does not hold fails its test."""


FAULTS = {"tests/engine/clouds": "Injected and survived: the next `up` or `destroy` reached the desired state."}


def counts(home: Home, notes: Mapping[str, str]) -> list[Figure]:
    """The counts of tests, after one run with the deep ones."""
    figures = []
    for tests, note in notes.items():
        result = home.root / "counted.xml"
        command = [sys.executable, "-m", "pytest", "-v", "-n", "2"]
        command += ["-o", "junit_family=xunit1", f"--junitxml={result}", tests]
        process = subprocess.run(command, cwd=CHECKOUT, env=os.environ | {"FAULTS": "all"}, stdout=sys.stderr)
        if process.returncode:
            raise SandboxError(f"{tests} failed, so there is no count. The output above has the failures")
        figures += add_up(result, note)
    return figures


def add_up(result: Path, note: str) -> list[Figure]:
    """The counts in a test run's report, added up by name."""
    totals: dict[str, float] = {}
    for item in ElementTree.parse(result).iter("property"):
        name = item.attrib["name"]
        totals[name] = totals.get(name, 0) + float(item.attrib["value"])
    return [Figure(name, None, "", [count], note=note) for name, count in sorted(totals.items())]


def costs() -> list[Figure]:
    """The monthly costs of every shipped region."""
    price_list, figures = prices(), []
    for region in fleet.read(CHECKOUT).in_waves():
        parts = monthly(region, price_list)
        split = ", ".join(f"{name} {value:,.0f}" for name, value in parts.items())
        note = (
            f"{split}. List prices of {price_list['as-of']} (waves/review/prices.yaml), without traffic, logs, volumes, "
            "backups, Defender."
        )
        figures.append(Figure(f"{region.name} in a month", None, "USD", [sum(parts.values())], note=note))
    return figures
