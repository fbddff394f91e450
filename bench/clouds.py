"""The clouds: what the policy pack costs, what is held to be so, how many faults were survived, what a region costs in a month."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree import ElementTree

import fleet
from bench.measure import in_turns
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
    ratios, parts = in_turns(acts, repetitions, report)
    return Figure("preview with the policy pack, to one without", 1.3, "x", ratios, parts, f"{REGION}, first preview.")


COUNTED = {
    "tests/components/test_baseline.py": "Each is a test of all shipped regions of its cloud: docs/reference/baseline.md.",
    "tests/policy/test_policies.py": "Each has a test that it fires, and one that it does not.",
}
"""Tests that count what they tried, and what that means. What does not hold fails its test."""


FAULTS = {"tests/clouds": "Tried and survived: the next `up` or `destroy` ended with what was wanted."}


def counts(home: Home, counting: Mapping[str, str]) -> list[Figure]:
    """What tests count, which are run once, the deep ones as well."""
    found = []
    for tests, note in counting.items():
        result = home.root / "counted.xml"
        command = [sys.executable, "-m", "pytest", "-v", "-n", "2", "--dist", "worksteal"]
        command += ["-o", "junit_family=xunit1", f"--junitxml={result}", tests]
        process = subprocess.run(command, cwd=CHECKOUT, env=os.environ | {"FAULTS": "all"}, stdout=sys.stderr)
        if process.returncode:
            raise SandboxError(f"{tests} failed, so that it counts nothing. What failed is said above")
        found += counted(result, note)
    return found


def counted(result: Path, note: str) -> list[Figure]:
    """What a test run's report says that its tests tried, added up."""
    found: dict[str, float] = {}
    for each in ElementTree.parse(result).iter("property"):
        name = each.attrib["name"]
        found[name] = found.get(name, 0) + float(each.attrib["value"])
    return [Figure(name, None, "", [count], note=note) for name, count in sorted(found.items())]


def costs() -> list[Figure]:
    """Every shipped region, in a month."""
    listed, found = prices(), []
    for region in fleet.read(CHECKOUT).in_waves():
        parts = monthly(region, listed)
        split = ", ".join(f"{name} {value:,.0f}" for name, value in parts.items())
        note = f"{split}. List prices of {listed['as-of']} (prices.yaml); without traffic, logs, volumes, backups, Defender."
        found.append(Figure(f"{region.name} in a month", None, "USD", [sum(parts.values())], note=note))
    return found
