"""Checks that the pods of a region fit on its nodes, by their requests. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fleet
from fleet.sizes import CPUS, GIB_PER_CPU
from waves.review.render import Object, identity

SUFFIXES = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
"""Suffix of a Kubernetes quantity to its factor."""
SYSTEM_CPU, SYSTEM_MEMORY = 0.5, 1.0 * 2**30
"""Requests of the cluster's own agents on each node, a generous estimate: network, disks, logs, the cloud's."""
SHARES = ((4, 0.25), (4, 0.20), (8, 0.10), (112, 0.06))
"""Of the first so many GiB of a machine, the share that no pod gets. Google's shares: AWS and Azure reserve less.
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
        """Whether the room is large enough."""
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
    """The requests that fit on a node. None for a machine type that fleet/sizes.py does not have."""
    cpus = CPUS.get(machine_type)
    if cpus is None:
        return None
    remaining, reserved = cpus * GIB_PER_CPU, 0.0
    for gib, share in SHARES:
        part = min(remaining, gib)
        reserved, remaining = reserved + part * share, remaining - part
    return Demand(cpus * 0.94 - SYSTEM_CPU, (cpus * GIB_PER_CPU - reserved) * 2**30 - SYSTEM_MEMORY)


def oversized(objects: Sequence[Object], region: fleet.Region) -> Iterator[tuple[str, str]]:
    """Objects whose pods do not fit, and why: on a node beside its DaemonSets' pods, or all pods on all nodes."""
    rooms = {name: room(pool.machine_type) for name, pool in region.settings.pools.items()}
    known_rooms = {name: node for name, node in rooms.items() if node}
    if len(known_rooms) < len(rooms):
        return  # fleet/sizes.py lacks a machine type
    daemons, total = Demand(0, 0), Demand(0, 0)
    for item in objects:
        if item["kind"] == "DaemonSet":
            daemons += _pod(item)
    largest = max(known_rooms.values(), key=lambda node: (node.cpus, node.memory))
    for item in objects:
        pods = _count(item)
        if not pods:
            continue
        pod = _pod(item)
        if not (daemons + pod).fits(largest):
            yield (
                identity(item),
                f"a pod requests {pod}; with every node's DaemonSets {daemons + pod}, and a node has {largest}",
            )
        total += pod.times(pods)
    capacity = Demand(0, 0)
    for name, pool in region.settings.pools.items():
        node = known_rooms[name]
        capacity += Demand(node.cpus - daemons.cpus, node.memory - daemons.memory).times(pool.max_nodes)
    if not total.fits(capacity):
        yield "all pods", f"they request {total}, and all nodes at most have {capacity}"


def _count(item: Object) -> int:
    """The number of pods that an object keeps running. A DaemonSet's pods are counted by node."""
    if item["kind"] in ("Deployment", "StatefulSet"):
        return int(item["spec"].get("replicas", 1))
    return 0


def _pod(item: Object) -> Demand:
    """The requests of one pod: all containers together, or the largest init container."""
    spec: dict[str, Any] = item["spec"]["template"]["spec"]
    together, first = Demand(0, 0), Demand(0, 0)
    for container in spec.get("containers", ()):
        together += _requests(container)
    for container in spec.get("initContainers", ()):
        demand = _requests(container)
        first = Demand(max(first.cpus, demand.cpus), max(first.memory, demand.memory))
    return Demand(max(together.cpus, first.cpus), max(together.memory, first.memory))


def _requests(container: dict[str, Any]) -> Demand:
    requests = container.get("resources", {}).get("requests", {})
    return Demand(quantity(requests.get("cpu", 0)), quantity(requests.get("memory", 0)))
