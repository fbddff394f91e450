"""Whether the pods of a region fit on its nodes, by what they ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fleet
from fleet.sizes import CPUS, GIB_PER_CPU
from waves.review.render import Object, identity

SUFFIXES = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
SYSTEM_CPU, SYSTEM_MEMORY = 0.5, 1.0 * 2**30
"""What the cluster's own agents on each node ask for, generously: the network's, the disks', the logs', the cloud's."""
SHARES = ((4, 0.25), (4, 0.20), (8, 0.10), (112, 0.06))
"""Of the first so many GiB of a machine, the share that no pod gets. Google's; AWS and Azure keep less for themselves.
Source: cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes."""


@dataclass(frozen=True)
class Demand:
    """CPUs, and memory in bytes."""

    cpus: float
    memory: float

    def __add__(self, other: Demand) -> Demand:
        return Demand(self.cpus + other.cpus, self.memory + other.memory)

    def times(self, count: float) -> Demand:
        """So many times as much."""
        return Demand(self.cpus * count, self.memory * count)

    def fits(self, room: Demand) -> bool:
        """Whether there is room for it."""
        return self.cpus <= room.cpus and self.memory <= room.memory

    def __str__(self) -> str:
        return f"{self.cpus:.2f} CPUs and {self.memory / 2**30:.1f} GiB"


def quantity(text: str | float) -> float:
    """A Kubernetes quantity as a number: CPUs, or bytes. Raises ValueError.

    >>> quantity("250m"), quantity("4Gi")
    (0.25, 4294967296.0)
    """
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if isinstance(text, str) and text.endswith(suffix):
            return float(text.removesuffix(suffix)) * SUFFIXES[suffix]
    return float(text)


def room(machine_type: str) -> Demand | None:
    """What pods may ask for on a node; None for a machine type that fleet/sizes.py does not have."""
    cpus = CPUS.get(machine_type)
    if cpus is None:
        return None
    left, kept = cpus * GIB_PER_CPU, 0.0
    for gib, share in SHARES:
        part = min(left, gib)
        kept, left = kept + part * share, left - part
    return Demand(cpus * 0.94 - SYSTEM_CPU, (cpus * GIB_PER_CPU - kept) * 2**30 - SYSTEM_MEMORY)


def too_much(objects: Sequence[Object], region: fleet.Region) -> Iterator[tuple[str, str]]:
    """Objects whose pods do not fit, and why: on a node beside what runs on every one, or all of them on all nodes."""
    rooms = {name: room(pool.machine_type) for name, pool in region.settings.pools.items()}
    if any(each is None for each in rooms.values()):
        return  # a machine type that nobody has written down
    every = Demand(0, 0)
    for item in objects:
        if item["kind"] == "DaemonSet":
            every += _pod(item)
    largest = max((each for each in rooms.values() if each), key=lambda each: (each.cpus, each.memory))
    total = Demand(0, 0)
    for item in objects:
        pods = _count(item)
        if not pods:
            continue
        alone = _pod(item)
        beside = every if item["kind"] == "DaemonSet" else every + alone
        if not beside.fits(largest):
            yield (
                identity(item),
                f"a pod asks for {alone}; with what runs on every node {beside}, and a node has {largest}",
            )
        total += alone.times(pods)
    whole = Demand(0, 0)
    for name, pool in region.settings.pools.items():
        each = rooms[name]
        assert each is not None  # looked at above
        whole += Demand(each.cpus - every.cpus, each.memory - every.memory).times(pool.max_nodes)
    if not total.fits(whole):
        yield "all pods", f"they ask for {total}, and all nodes at most have {whole}"


def _count(item: Object) -> int:
    """How many pods an object keeps running; a DaemonSet's are counted by node."""
    if item["kind"] in ("Deployment", "StatefulSet"):
        return int(item["spec"].get("replicas", 1))
    return 0


def _pod(item: Object) -> Demand:
    """What one pod asks for: all containers together, or the greediest of those that run before them."""
    spec: dict[str, Any] = item["spec"]["template"]["spec"]
    together, first = Demand(0, 0), Demand(0, 0)
    for container in spec.get("containers", ()):
        together += _asks(container)
    for container in spec.get("initContainers", ()):
        asks = _asks(container)
        first = Demand(max(first.cpus, asks.cpus), max(first.memory, asks.memory))
    return Demand(max(together.cpus, first.cpus), max(together.memory, first.memory))


def _asks(container: dict[str, Any]) -> Demand:
    requests = container.get("resources", {}).get("requests", {})
    return Demand(quantity(requests.get("cpu", 0)), quantity(requests.get("memory", 0)))
