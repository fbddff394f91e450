"""How long it takes to render what regions run, and to tell what a change does to them."""

from __future__ import annotations

import time
from dataclasses import replace

import fleet
from bench.report import Figure, line
from sandbox.machine.home import CHECKOUT
from waves.review import comparison, render
from waves.review.object_diff import group_by_changes

REGION = "tools-aws-us-west-2"
"""The one that runs most."""
COUNTED = {"tests/gitops/test_alerts.py": "Each fires and ends in promtool, and goes where it should in amtool."}
MANY = (100, 200, 300, 400, 500)
PINS = "gitops/pins/influxdb.json"


def figures(repetitions: int) -> list[Figure]:
    """Rendering of one region and of many, and a comparison over many, in this process."""
    files = {**fleet.files(CHECKOUT), **render.sources(CHECKOUT)}
    shipped = list(fleet.load(files).regions.values())
    # More regions than there are networks for, so that they are made of the shipped ones and not of stack files.
    regions = {f"r-{n}": replace(shipped[n % len(shipped)], name=f"r-{n}") for n in range(max(MANY))}
    (one,) = [region for region in shipped if region.name == REGION]
    changed = {**files, PINS: files[PINS].replace("influxdb:2", "influxdb:3")}
    alone, whole = [], []
    sizes: dict[int, list[float]] = {count: [] for count in MANY}
    for _ in range(repetitions):
        started = time.monotonic()
        render.render(files, one, "REPOSITORY", "COMMIT")
        alone.append(1000 * (time.monotonic() - started))
        for count in MANY:
            part = list(regions.values())[:count]
            started = time.monotonic()
            for region in part:
                render.render(files, region, "REPOSITORY", "COMMIT")
            sizes[count].append(time.monotonic() - started)
        started = time.monotonic()
        (group,) = group_by_changes(comparison.between_files(files, changed, regions, regions).changes)
        whole.append(time.monotonic() - started)
        assert len(group.regions) == max(MANY)
    return [
        Figure(f"rendering of {REGION}", 300, "ms", alone),
        Figure("rendering of 500 regions", 60, "s", sizes[500], {f"{n} regions": sizes[n] for n in MANY}, line(sizes)),
        Figure("`regions diff` over 500 regions", 90, "s", whole, note="A new image in all: both sides rendered, then compared."),
    ]  # fmt: skip
