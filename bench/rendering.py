"""The time to render regions' objects, and to compare them after a change."""

from __future__ import annotations

import time
from dataclasses import replace

import fleet
from bench.report import Figure, line
from sandbox.machine.home import CHECKOUT
from waves.review import comparison, render
from waves.review.object_diff import group_by_changes

REGION = "tools-aws-us-west-2"
"""The region with the most applications."""
COUNTED = {
    "tests/gitops/test_alerts.py": "Each fires and resolves in promtool, and goes to the right receiver in amtool."
}
MANY = (100, 200, 300, 400, 500)
PINS = "gitops/pins/influxdb.json"


def figures(repetitions: int) -> list[Figure]:
    """Rendering of one region and of many, and a comparison over many, in this process."""
    files = {**fleet.files(CHECKOUT), **render.sources(CHECKOUT)}
    shipped = list(fleet.load(files).regions.values())
    # More regions than there are networks for, so they are copies of the shipped ones and not from stack files.
    regions = {f"r-{n}": replace(shipped[n % len(shipped)], name=f"r-{n}") for n in range(max(MANY))}
    (one,) = [region for region in shipped if region.name == REGION]
    changed = {**files, PINS: files[PINS].replace("influxdb:2", "influxdb:3")}
    alone, totals = [], []
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
        totals.append(time.monotonic() - started)
        assert len(group.regions) == max(MANY)
    return [
        Figure(f"rendering of {REGION}", 300, "ms", alone),
        Figure("rendering of 500 regions", 60, "s", sizes[500], {f"{n} regions": sizes[n] for n in MANY}, line(sizes)),
        Figure("`regions diff` over 500 regions", 90, "s", totals,
               note="A new image in all, rendered on both sides and compared."),
    ]  # fmt: skip
