"""`make demo`: regions from their stack files to Synced and Healthy, with the program that SREs run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fleet
from sandbox import lifecycle
from sandbox.demo import regions
from sandbox.demo.regions import DeployedRegion
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home

PARALLEL = 3
"""Concurrent updates. On two cores, more updates only wait for each other."""
HEALTHY_SECONDS = 240.0
RESULT = CHECKOUT / "build" / "demo.json"
"""The result, for programs."""


def choose(selection: str) -> list[fleet.Region]:
    """The regions of `all`, of a wave such as `staging`, or of names with commas between. Raises SandboxError."""
    everything = fleet.read(CHECKOUT)
    if everything.problems:
        raise SandboxError("\n".join(str(problem) for problem in everything.problems))
    if selection == "all":
        return everything.in_waves()
    if selection in {wave.name for wave in everything.waves}:
        return [region for region in everything.in_waves() if region.wave.name == selection]
    selected = [name.strip() for name in selection.split(",") if name.strip()]
    unknown = [name for name in selected if name not in everything.regions]
    if unknown or not selected:
        names = ", ".join(["all", *(wave.name for wave in everything.waves), *everything.regions])
        raise SandboxError(f"no such region: {', '.join(unknown) or selection!r}. Known: {names}")
    return [everything.regions[name] for name in selected]


def run(home: Home, members: list[fleet.Region], report: Callable[[str], None]) -> tuple[str, list[DeployedRegion]]:
    """Publish the checkout to the sandbox's git host, and bring the regions up from it.

    Returns the published commit, and the state of each region. A region's error is its state's message.
    """
    names = [region.name for region in members]
    commit = lifecycle.publish(home, CHECKOUT, names)
    checkout = lifecycle.clone(home)
    lifecycle.initialise_stacks(home, names)

    def bring_up(region: fleet.Region) -> DeployedRegion:
        state = DeployedRegion(region.name, region.settings.cloud, region.wave.name)
        start = time.monotonic()
        try:
            report(f"{region.name}: pulumi up")
            state.resources = regions.up(home, checkout, region.name)
            report(f"{region.name}: {state.resources} resources after {time.monotonic() - start:.0f} s. Argo CD syncs")
            regions.wait(home, state, commit, HEALTHY_SECONDS)
        except SandboxError as error:
            state.message = str(error)
        state.seconds = round(time.monotonic() - start, 1)
        report(f"{region.name}: {state.sync or 'no Application'} {state.health} after {state.seconds:.0f} s")
        return state

    with ThreadPoolExecutor(PARALLEL) as pool:
        states = list(pool.map(bring_up, members))
    write(RESULT, commit, states)
    return commit, states


def write(path: Path, commit: str, states: list[DeployedRegion]) -> None:
    """Write the result as JSON."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"commit": commit, "regions": [state.as_dict() for state in states]}, indent=2) + "\n")
