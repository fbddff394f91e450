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
"""Updates at once: more only wait for each other on two cores."""
HEALTHY_SECONDS = 240.0
RESULT = CHECKOUT / "build" / "demo.json"
"""Where the result is written for programs to read."""


def choose(given: str) -> list[fleet.Region]:
    """`staging` (one region for each cloud), `all`, or names with commas between. Raises SandboxError."""
    known = fleet.read(CHECKOUT)
    if known.problems:
        raise SandboxError("\n".join(str(problem) for problem in known.problems))
    if given == "all":
        return known.in_waves()
    if given in {wave.name for wave in known.waves}:
        return [region for region in known.in_waves() if region.wave.name == given]
    names = [name.strip() for name in given.split(",") if name.strip()]
    unknown = [name for name in names if name not in known.regions]
    if unknown or not names:
        words = ", ".join(["all", *(wave.name for wave in known.waves), *known.regions])
        raise SandboxError(f"no such region: {', '.join(unknown) or given!r}. Known: {words}")
    return [known.regions[name] for name in names]


def run(home: Home, chosen: list[fleet.Region], report: Callable[[str], None]) -> tuple[str, list[DeployedRegion]]:
    """Publish the checkout to the sandbox's git host, and bring the regions up from it. Errors end in the states.

    Returns the commit that was published, and how far each region came.
    """
    names = [region.name for region in chosen]
    commit = lifecycle.publish(home, CHECKOUT, names)
    checkout = lifecycle.clone(home)
    lifecycle.initialise_stacks(home, names)

    def bring_up(region: fleet.Region) -> DeployedRegion:
        state = DeployedRegion(region.name, region.settings.cloud, region.wave.name)
        started = time.monotonic()
        try:
            report(f"{region.name}: pulumi up")
            state.resources = regions.up(home, checkout, region.name)
            report(
                f"{region.name}: {state.resources} resources after {time.monotonic() - started:.0f} s; Argo CD syncs"
            )
            regions.wait(home, state, commit, HEALTHY_SECONDS)
        except SandboxError as error:
            state.message = str(error)
        state.seconds = round(time.monotonic() - started, 1)
        report(f"{region.name}: {state.sync or 'no Application'} {state.health} after {state.seconds:.0f} s")
        return state

    with ThreadPoolExecutor(PARALLEL) as pool:
        states = list(pool.map(bring_up, chosen))
    write(RESULT, commit, states)
    return commit, states


def write(path: Path, commit: str, states: list[DeployedRegion]) -> None:
    """Write the result for programs to read."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"commit": commit, "regions": [state.as_dict() for state in states]}, indent=2) + "\n")
