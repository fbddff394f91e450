"""Nodes of the SIMULATED clouds' node pools: the sizes of machine types, and the spread of nodes over zones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Node:
    """One node of a pool, as the supervisor takes it."""

    name: str
    labels: dict[str, str]
    taints: list[dict[str, str]]
    cpu: str
    memory: str


@dataclass(frozen=True)
class Machine:
    """The size of a machine type."""

    cpus: int
    memory_gib: float
    arch: str = "amd64"


@dataclass(frozen=True)
class Family:
    """Machine types of one kind. In the pattern, `n` is the number of CPUs, or `size` is one of AWS's sizes."""

    pattern: str
    gib_per_cpu: float
    arch: str = "amd64"


# Sizes: the clouds' own pages on instance types. A family here covers its generations.
_AWS_SIZES: Final = {"medium": 1, "large": 2, "xlarge": 4} | {
    f"{n}xlarge": 4 * n for n in (2, 3, 4, 6, 8, 9, 12, 16, 18, 24)
}
_SIZE: Final = r"\.(?P<size>\w+)"
FAMILIES: Final[dict[str, tuple[Family, ...]]] = {
    "aws": (
        Family(rf"m[5678][aidn]*{_SIZE}", 4),
        Family(rf"c[5678][aidn]*{_SIZE}", 2),
        Family(rf"r[5678][aidnb]*{_SIZE}", 8),
        Family(rf"m[678]g[dn]*{_SIZE}", 4, "arm64"),
        Family(rf"c[678]g[dn]*{_SIZE}", 2, "arm64"),
        Family(rf"r[678]g[dn]*{_SIZE}", 8, "arm64"),
    ),
    "gcp": (
        Family(r"(e2|n2|n2d|n4|c3|c3d|c4|t2d)-standard-(?P<n>\d+)", 4),
        Family(r"(c4a|t2a|n4a)-standard-(?P<n>\d+)", 4, "arm64"),
        Family(r"n1-standard-(?P<n>\d+)", 3.75),
        Family(r"(e2|n2|n2d|n4|c3|c3d|c4)-highmem-(?P<n>\d+)", 8),
        Family(r"(e2|n2|n2d)-highcpu-(?P<n>\d+)", 1),
        Family(r"(c3|c3d|c4|n4)-highcpu-(?P<n>\d+)", 2),
    ),
    "azure-native": (
        Family(r"Standard_D(?P<n>\d+)a?l?d?s?_v[3-7]", 4),
        Family(r"Standard_D(?P<n>\d+)pl?d?s_v[5-7]", 4, "arm64"),
        Family(r"Standard_E(?P<n>\d+)a?d?s?_v[3-7]", 8),
        Family(r"Standard_F(?P<n>\d+)s_v2", 2),
        Family(r"Standard_B(?P<n>\d+)ms", 4),
        Family(r"Standard_B(?P<n>\d+)a?s_v2", 4),
    ),
}
_SINGLE: Final[dict[str, dict[str, Machine]]] = {
    "aws": {
        f"{family}.{size}": Machine(cpus, gib, arch)
        for family, arch in (("t3", "amd64"), ("t3a", "amd64"), ("t4g", "arm64"))
        for size, cpus, gib in (
            ("small", 2, 2),
            ("medium", 2, 4),
            ("large", 2, 8),
            ("xlarge", 4, 16),
            ("2xlarge", 8, 32),
        )
    },
    "gcp": {"e2-small": Machine(2, 2), "e2-medium": Machine(2, 4)},
    "azure-native": {
        "Standard_B2s": Machine(2, 4),
        "Standard_DS2_v2": Machine(2, 7),
        "Standard_DS3_v2": Machine(4, 14),
    },
}


def machine(cloud: str, type_: str) -> Machine | None:
    """The size of a machine type. None if the cloud has no such type. Azure's names ignore case."""
    flags = re.IGNORECASE if cloud == "azure-native" else re.NOFLAG
    if type_ in _SINGLE[cloud]:
        return _SINGLE[cloud][type_]
    for family in FAMILIES[cloud]:
        match = re.fullmatch(family.pattern, type_, flags)
        if match is None:
            continue
        parts = match.groupdict()
        cpus = int(parts["n"]) if "n" in parts else _AWS_SIZES.get(parts["size"])
        if cpus:
            return Machine(cpus, cpus * family.gib_per_cpu, family.arch)
    return None


@dataclass(frozen=True)
class Pool:
    """The common properties of a pool's nodes."""

    cloud: str
    region: str
    machine_type: str
    machine: Machine
    labels: dict[str, str] = field(default_factory=dict)
    taints: list[dict[str, str]] = field(default_factory=list)
    zone_labels: tuple[str, ...] = ()
    """Further labels that the cloud sets to the zone."""


def build(pool: Pool, names_and_zones: Iterable[tuple[str, str]]) -> list[Node]:
    """The nodes of a pool with the labels that every cloud sets
    (kubernetes.io/docs/reference/labels-annotations-taints)."""
    memory = f"{int(pool.machine.memory_gib * 1024)}Mi"
    return [
        Node(
            name=name,
            labels={
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": pool.machine.arch,
                "node.kubernetes.io/instance-type": pool.machine_type,
                "topology.kubernetes.io/region": pool.region,
                "topology.kubernetes.io/zone": zone,
                **dict.fromkeys(pool.zone_labels, zone),
                **pool.labels,
            },
            taints=pool.taints,
            cpu=str(pool.machine.cpus),
            memory=memory,
        )
        for name, zone in names_and_zones
    ]


def spread(count: int, zones: Sequence[str]) -> list[str]:
    """The zones of `count` nodes, evenly, in the order in which scaling up would take them."""
    return [zones[index % len(zones)] for index in range(count)]


def stable_digits(text: str, digits: int) -> str:
    """Digits that are the same for the same text, for node names that survive a restart."""
    return str(int(hashlib.sha256(text.encode()).hexdigest(), 16))[:digits]


def stable_hex(text: str, digits: int) -> str:
    """Hexadecimal digits that are the same for the same text."""
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def taint(key: str, value: str, effect: str) -> dict[str, str]:
    """A Kubernetes taint. The clouds' APIs write `NO_SCHEDULE` where Kubernetes writes `NoSchedule`."""
    if "_" in effect:
        effect = "".join(part.capitalize() for part in effect.split("_"))
    return {"key": key, "value": value, "effect": effect}
