"""The checks by name, with the data that each reads. Runs each until it passes or its time is over."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from gates import checks
from gates.checks import Object
from gates.region import RunningRegion, UnreadableError

PAUSE_SECONDS = 0.5
"""Seconds between two tries. Endpoints, for one, follow a pod's readiness by about a second."""
CANARY = "/api/v2/buckets"
"""A path that the front forwards to InfluxDB. InfluxDB refuses a request without a token (401), which counts as an answer."""
REQUESTS = 20
"""The number of requests that measure the latency."""


@dataclass(frozen=True)
class Expectations:
    """The limits that a region has to keep."""

    commit: str = ""
    """The commit under test."""
    latency: float = 0.5
    """The longest time for 95 of 100 requests, in seconds."""
    watch: float = 60.0
    """The least age of the release before its share of failures counts, in seconds."""
    share: float = 0.01
    """The largest share of failed requests since the release."""


@dataclass(frozen=True)
class GateResult:
    """The result of a check's last try."""

    check: str
    problems: list[str]
    """The check's problems. Empty if the check passed."""
    tries: int
    seconds: float


def _workloads(region: RunningRegion, expected: Expectations) -> list[str]:
    objects = region.objects("StatefulSet") + region.objects("Deployment")
    return checks.workloads(objects, region.objects("Pod"), _released_at(region.release()))


def _latency(region: RunningRegion, expected: Expectations) -> list[str]:
    return checks.latency([region.ask("/health") for _ in range(REQUESTS)], expected.latency)


def _disruption(region: RunningRegion, expected: Expectations) -> list[str]:
    return checks.disruption(region.objects("PodDisruptionBudget"), region.objects("Pod"))


def _budget(region: RunningRegion, expected: Expectations) -> list[str]:
    released_at = _released_at(region.release())
    if not released_at:
        return checks.release(None, expected.commit)
    # A request on the clients' way, so that Prometheus has one to count in a region without traffic.
    region.ask(CANARY)
    watched = (datetime.now(UTC) - datetime.fromisoformat(released_at)).total_seconds()
    window = f"[{max(1, math.ceil(watched))}s]"
    requests = region.count(f'sum(increase(front_requests_total{{job="front"}}{window}))')
    failed = region.count(f'sum(increase(front_requests_total{{job="front",code=~"5.."}}{window}))')
    return checks.budget(watched, expected.watch, requests, failed, expected.share)


GateCheck = Callable[[RunningRegion, Expectations], list[str]]

CHECKS: dict[str, GateCheck] = {
    "release": lambda region, expected: checks.release(region.release(), expected.commit),
    "workloads": _workloads,
    "endpoints": lambda region, expected: checks.endpoints(region.ask("/health"), region.ask("/ready")),
    "volumes": lambda region, expected: checks.volumes(region.objects("PersistentVolumeClaim")),
    "disruption": _disruption,
    "latency": _latency,
    "budget": _budget,
    "metrics": lambda region, expected: checks.metrics(region.ask("/metrics")),
}
NEED_COMMIT = {"release"}
NEED_URL = {"endpoints", "latency", "metrics", "budget"}
NEED_PROMETHEUS = {"budget"}


def run(names: Sequence[str], region: RunningRegion, expected: Expectations, timeout: float) -> list[GateResult]:
    """Run these checks concurrently, each until it passes, for at most `timeout` seconds and one more try."""
    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(lambda name: retry_until_passed(name, CHECKS[name], region, expected, timeout), names))


def retry_until_passed(
    name: str, check: GateCheck, region: RunningRegion, expected: Expectations, timeout: float
) -> GateResult:
    """Repeat a check until it passes or its time is over. The last try's problems count."""
    started, tries = time.monotonic(), 0
    while True:
        tries += 1
        try:
            problems = check(region, expected)
        except UnreadableError as error:
            problems = [str(error)]
        seconds = time.monotonic() - started
        if not problems or seconds + PAUSE_SECONDS > timeout:
            return GateResult(name, problems, tries, seconds)
        time.sleep(PAUSE_SECONDS)


def _released_at(release: Object | None) -> str:
    """The time of the release's last change, from Kubernetes. A container that restarts later does so under this commit."""
    entries = (release or {}).get("metadata", {}).get("managedFields") or []
    return max((entry.get("time", "") for entry in entries), default="")
