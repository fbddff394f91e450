"""Measures regions in a sandbox of its own: bring-up, memory, previews and new regions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import baseline_program
from bench.report import Figure
from sandbox import lifecycle
from sandbox.demo import bring_up, regions
from sandbox.demo.regions import DeployedRegion
from sandbox.githost import repository
from sandbox.machine import supervisor_client
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home
from sandbox.toolchain import build

REGION, COPY = "staging-aws-eu-west-1", "staging-aws-eu-north-1"
EDITS = {"location: eu-west-1": "location: eu-north-1", "10.16.0.0/16": "10.201.0.0/16"}
HEALTHY_SECONDS = 240.0

ReportProgress = Callable[[str], None]


def up(home: Home) -> None:
    """Start the sandbox. The toolchain must be built."""
    lifecycle.up(home, build.ensure(lambda tool, done, total: None))


def demos(home: Home, repetitions: int, report: ReportProgress) -> tuple[Figure, Figure]:
    """`make demo` with the toolchain alone, and the memory of its regions. The last demo stays up."""
    seconds, gigabytes = [], []
    for number in range(repetitions):
        lifecycle.down(home)
        started = time.monotonic()
        up(home)
        commit, states = bring_up.run(home, bring_up.choose("staging"), lambda text: None)
        seconds.append(time.monotonic() - started)
        failed = [state for state in states if not state.arrived(commit)]
        if failed:
            raise SandboxError(f"{failed[0].name} did not come up: {failed[0].message}")
        processes = lifecycle.status(home)["processes"]
        gigabytes.append(sum(process["memory"] for process in processes) / len(states) / 1e9)
        report(f"demo {number + 1}: {seconds[-1]:.1f} s, {gigabytes[-1]:.2f} GB for each region")
    return (
        Figure("make demo REGIONS=staging, warm toolchain", 120, "s", seconds),
        Figure(
            "memory of a region", 1.2, "GB", gigabytes,
            note="Unshared memory of all processes of the sandbox, etcd and the supervisor included, by the number of regions.",
        ),
    )  # fmt: skip


def alternate(
    acts: dict[str, Callable[[], None]], repetitions: int, report: ReportProgress
) -> tuple[list[float], dict[str, list[float]]]:
    """The seconds of two acts in turns. Returns the first's ratios to the second, and the seconds of both."""
    samples: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(-1, repetitions):  # the first run of each warms Python's and the file system's caches
        for name, act in acts.items():
            started = time.monotonic()
            act()
            seconds = time.monotonic() - started
            if number >= 0:
                samples[name].append(seconds)
                report(f"{number + 1}, {name}: {seconds:.1f} s")
    first, second = samples.values()
    return [a / b for a, b in zip(first, second, strict=True)], samples


def previews(home: Home, repetitions: int, report: ReportProgress) -> Figure:
    """An unchanged preview of a region, in turns with the preview of its baseline program."""
    export = regions.pulumi(home, home.checkout, "stack", "export", "--show-secrets", "-s", REGION)
    baseline = home.root / "baseline"
    stack = home.checkout / "stacks" / f"Pulumi.{REGION}.yaml"
    baseline_program.write(baseline, json.loads(export)["deployment"]["resources"], stack, CHECKOUT / ".venv")

    def preview(folder: Path) -> None:
        regions.pulumi(home, folder, "preview", "--expect-no-changes", "-s", REGION)

    ratios, parts = alternate(
        {
            "this program": lambda: preview(home.checkout),
            "baseline: a flat program with the same resources and SDKs": lambda: preview(baseline),
        },
        repetitions,
        report,
    )
    return Figure(
        "preview of one region, to its baseline", 1.2, "x", ratios, parts,
        f"{REGION}, without changes in either. Both read the same state. bench/baseline_program.py explains the baseline.",
    )  # fmt: skip


def new_region(home: Home, repetitions: int, report: ReportProgress) -> Figure:
    """From a copied stack file to a Healthy application, while the three demo regions run on the same machine."""
    checkout, path = home.checkout, home.checkout / "stacks" / f"Pulumi.{COPY}.yaml"
    totals, apply, settle, server = [], [], [], []
    for number in range(repetitions):
        server.append(_api_server())
        started = time.monotonic()
        text = (checkout / "stacks" / f"Pulumi.{REGION}.yaml").read_text()
        for before, after in EDITS.items():
            text = text.replace(before, after)
        path.write_text("\n".join(line for line in text.splitlines() if not line.startswith("encryptionsalt")) + "\n")
        repository.git("add", "--force", "stacks", cwd=checkout)
        tree = repository.git("write-tree", cwd=checkout)
        author = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
        commit = repository.git(*author, "commit-tree", tree, "-p", "HEAD", "-m", "Add a region", cwd=checkout)
        repository.git("push", "--quiet", "--force", "origin", f"{commit}:refs/heads/region/{COPY}", cwd=checkout)
        lifecycle.initialise_stacks(home, [COPY])
        regions.up(home, checkout, COPY)
        applied = time.monotonic()
        state = regions.wait(home, DeployedRegion(COPY, "aws", "staging"), commit, HEALTHY_SECONDS)
        if not state.arrived(commit):
            raise SandboxError(f"{COPY} did not come up: {state}")
        totals.append(time.monotonic() - started)
        apply.append(applied - started)
        settle.append(time.monotonic() - applied)
        report(f"new region {number + 1}: {totals[-1]:.1f} s, the API server alone {server[-1]:.1f} s")
        regions.pulumi(home, checkout, "destroy", "--yes", "--skip-preview", "--remove", "-s", COPY)
        path.unlink(missing_ok=True)
        repository.git("reset", "--quiet", cwd=checkout)
    return Figure(
        "copied stack file to Healthy application", 30, "s", totals,
        {
            "commit and `pulumi up` (engine, program, simulated cloud, API server, Argo CD's objects)": apply,
            "Argo CD after that, to Synced and Healthy": settle,
            "an API server alone, started just before, which is a part of the first": server,
        },
    )  # fmt: skip


def _api_server() -> float:
    started = time.monotonic()
    supervisor_client.create_cluster("bench", "1.34")
    seconds = time.monotonic() - started
    supervisor_client.delete_cluster("bench")
    return seconds


def cold_toolchain(report: ReportProgress) -> Figure:
    """Every tool from source without any cache, with the download of all modules. Takes ten minutes and more."""
    with tempfile.TemporaryDirectory(prefix="cold-", dir="/tmp") as scratch:
        env = {
            **os.environ,
            "XDG_CACHE_HOME": scratch,
            "GOCACHE": f"{scratch}/go-build",
            "GOMODCACHE": f"{scratch}/mod",
        }
        started = time.monotonic()
        try:
            subprocess.run([sys.executable, "-m", "sandbox.toolchain"], cwd=CHECKOUT, env=env, check=True)
            minutes = (time.monotonic() - started) / 60
        finally:
            subprocess.run(["go", "clean", "-modcache"], env=env, check=False)  # its files are read-only
    report(f"cold toolchain: {minutes:.1f} min")
    return Figure("cold toolchain", 25, "min", [minutes], note="One run, since five would take too long.")


def facts(home: Path) -> dict[str, str]:
    """The conditions of the figures: date, commit, machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    commit = repository.git("rev-parse", "--short=10", "HEAD", cwd=home)
    changed = " with changes" if repository.git("status", "--porcelain", cwd=home) else ""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit + changed,
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GB, Python {sys.version.split()[0]}",
    }
