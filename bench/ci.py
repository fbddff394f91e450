"""CI: the time of a fleet's previews compared with one region's, and the length of a comment."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import fleet
from bench.report import Figure
from sandbox import lifecycle
from sandbox.githost import repository
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home
from waves.review import affected
from waves.review.comment import LIMIT, Report, comment
from waves.review.engine_events import Field, Step
from waves.review.pulumi_preview import Preview
from waves.scm import tree

MANY = 500
ONE_CLOUD = "components/gcp/cluster.py"


def previews(home: Home, repetitions: int, report: Callable[[str], None]) -> Figure:
    """First previews of all shipped regions concurrently, with the policies, and of each alone."""
    lifecycle.publish(home, CHECKOUT, [])
    checkout = lifecycle.clone(home)
    names = list(fleet.read(CHECKOUT).regions)

    def measure_preview(*regions: str) -> tuple[float, float]:
        """Seconds, and CPU seconds divided by the number of CPUs. No order of the same work would take less than those."""
        started, cpu_before = time.monotonic(), _used()
        command = [sys.executable, "-m", "regions", "preview", *regions, "--into", str(home.root / "previews")]
        process = lifecycle.run(home, command, checkout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if process.returncode:
            raise SandboxError(f"`{' '.join(command)}` failed:\n{process.stdout}")
        return time.monotonic() - started, (_used() - cpu_before) / (os.cpu_count() or 1)

    slowest, whole, least_seconds, ratios = [], [], [], []
    for number in range(repetitions):
        slowest.append(max(measure_preview(name)[0] for name in names))
        seconds, cpu_seconds = measure_preview(*names)
        whole.append(seconds)
        least_seconds.append(cpu_seconds)
        ratios.append(seconds / slowest[-1])
        report(
            f"{number + 1} of {repetitions}: {len(names)} regions in {whole[-1]:.1f} s, the slowest alone in {slowest[-1]:.1f} s"
        )
    parts = {
        f"{len(names)} regions": whole,
        "baseline: their CPU time, divided by the number of CPUs": least_seconds,
        "the slowest of them alone": slowest,
    }
    note = "First previews with the policy pack, as many at once as there are CPUs, without shared data."
    return Figure(f"preview of all {len(names)} regions, to the slowest alone", 2.0, "x", ratios, parts, note)


def _used() -> float:
    """CPU seconds of all child processes that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def affected_regions(home: Home) -> Figure:
    """The regions of other clouds that a change to one cloud's component previews."""
    lifecycle.publish(home, CHECKOUT, [])
    checkout = lifecycle.clone(home)
    before = affected.read(checkout, repository.git("rev-parse", "HEAD", cwd=checkout))
    file = checkout / ONE_CLOUD
    file.write_text(file.read_text().replace("enable_private_nodes=True", "enable_private_nodes=False"))
    regions = affected.between(before, affected.read(checkout, tree.checkout_tree(checkout))).regions
    others = [region for region in regions if region.cloud != "gcp"]
    return Figure("regions of other clouds that a change to one previews", 0, "regions", [len(others)],
                  note=f"{ONE_CLOUD}: {len(regions)} regions of Google Cloud.")  # fmt: skip


def length() -> Figure:
    """A comment on many regions, each with changes of its own."""
    regions = list(fleet.read(CHECKOUT).regions.values())

    def preview(number: int) -> Preview:
        model = regions[number % len(regions)]
        fields = (Field("version", f"1.{number}", "1.35", True), Field("tags.team", None, "storage"))
        step = Step("replace", "aws:eks/cluster:Cluster", f"r-{number}", True, fields)
        return replace(
            Preview("", "", ""), region=f"r-{number}", wave=model.wave.name, cloud=model.settings.cloud, steps=(step,)
        )

    text = comment(Report(tuple(preview(number) for number in range(MANY))))
    return Figure(f"comment on {MANY} regions, each with changes of its own", LIMIT, "characters", [len(text)],
                  note="The end is truncated if the comment is too long. The job's summary has all of it.")  # fmt: skip
