"""The checks by name: what each reads, and how it is tried again until its time is over."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from gates import checks
from gates.checks import Object
from gates.region import Region, UnreadableError

PAUSE_SECONDS = 0.5
"""Between two tries. Endpoints, for one, follow a pod's readiness by about a second."""
CANARY = "/api/v2/buckets"
"""What the front passes on to InfluxDB, which refuses it to whoever has no token (401): an answer all the same."""
REQUESTS = 20
"""How many requests the latency is measured by."""


@dataclass(frozen=True)
class Expectations:
    """What a region is measured by."""

    commit: str = ""
    """The commit under test."""
    latency: float = 0.5
    """How long 95 of 100 requests may take at most, in seconds."""
    watch: float = 60.0
    """How long the release must have been watched before its share of failures counts, in seconds."""
    share: float = 0.01
    """How large a share of the requests since the release may have failed."""


@dataclass(frozen=True)
class Verdict:
    """What a check says in the end."""

    check: str
    problems: list[str]
    """What is wrong; nothing if the check has passed."""
    tries: int
    seconds: float


def _workloads(region: Region, expected: Expectations) -> list[str]:
    found = region.objects("StatefulSet") + region.objects("Deployment")
    return checks.workloads(found, region.objects("Pod"), _changed(region.release()))


def _latency(region: Region, expected: Expectations) -> list[str]:
    return checks.latency([region.ask("/health") for _ in range(REQUESTS)], expected.latency)


def _disruption(region: Region, expected: Expectations) -> list[str]:
    return checks.disruption(region.objects("PodDisruptionBudget"), region.objects("Pod"))


def _budget(region: Region, expected: Expectations) -> list[str]:
    changed = _changed(region.release())
    if not changed:
        return checks.release(None, expected.commit)
    # A request of its own by the clients' way, so that a region whose clients sleep is measured all the same.
    region.ask(CANARY)
    watched = (datetime.now(UTC) - datetime.fromisoformat(changed)).total_seconds()
    window = f"[{max(1, math.ceil(watched))}s]"
    asked = region.count(f'sum(increase(front_requests_total{{job="front"}}{window}))')
    failed = region.count(f'sum(increase(front_requests_total{{job="front",code=~"5.."}}{window}))')
    return checks.budget(watched, expected.watch, asked, failed, expected.share)


Check = Callable[[Region, Expectations], list[str]]

CHECKS: dict[str, Check] = {
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


def run(names: Sequence[str], region: Region, expected: Expectations, timeout: float) -> list[Verdict]:
    """Run these checks at once, each until it passes, at most `timeout` seconds and one try more."""
    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(lambda name: patiently(name, CHECKS[name], region, expected, timeout), names))


def patiently(name: str, check: Check, region: Region, expected: Expectations, timeout: float) -> Verdict:
    """Try a check until it passes or its time is over; the last try's problems count."""
    started, tries = time.monotonic(), 0
    while True:
        tries += 1
        try:
            problems = check(region, expected)
        except UnreadableError as error:
            problems = [str(error)]
        seconds = time.monotonic() - started
        if not problems or seconds + PAUSE_SECONDS > timeout:
            return Verdict(name, problems, tries, seconds)
        time.sleep(PAUSE_SECONDS)


def _changed(release: Object | None) -> str:
    """When the release was last changed, in Kubernetes' own words: what restarts later does so under this commit."""
    entries = (release or {}).get("metadata", {}).get("managedFields") or []
    return max((entry.get("time", "") for entry in entries), default="")
