"""The sizes of regions: the machines of the main pool in each cloud, and the maximum of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from fleet.base import Cloud, SettingsModel

Size = Literal["small", "medium", "large"]

AKS_SYSTEM_NODES = 3
"""The nodes of AKS's own pool, one in each zone."""
AKS_SYSTEM_MACHINE = "Standard_D4s_v5"
"""The machine of AKS's own pool, which takes four CPUs at least: learn.microsoft.com/azure/aks/use-system-pools."""

MAIN_POOL = "general"
"""The pool that Argo CD and the cluster's own pods run on. Every region has it."""

PoolName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,11}$")]
"""A pool's name, by the rules of AKS, the strictest cloud, so that a stack file can be copied to another cloud.
Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules, managedClusters/agentPools."""


class NodePool(SettingsModel):
    """One pool of equal nodes."""

    machine_type: str = Field(
        min_length=2, description="the cloud's own name of the machine type", examples=["m7i.xlarge"]
    )
    min_nodes: int = Field(ge=1, le=1000, description="nodes at least, over all zones together", examples=[3])
    max_nodes: int = Field(ge=1, le=1000, description="nodes at most, over all zones together", examples=[6])

    @model_validator(mode="after")
    def _ordered(self) -> NodePool:
        if self.min_nodes > self.max_nodes:
            raise ValueError(f"minNodes {self.min_nodes} is more than maxNodes {self.max_nodes}")
        return self


def _main(machine_type: str, min_nodes: int, max_nodes: int) -> NodePool:
    return NodePool(machine_type=machine_type, min_nodes=min_nodes, max_nodes=max_nodes)


MAIN_POOLS: Mapping[Size, Mapping[Cloud, NodePool]] = {
    "small": {
        "aws": _main("m7i.large", 3, 6),
        "gcp": _main("e2-standard-2", 3, 6),
        "azure": _main("Standard_D2s_v5", 3, 6),
    },
    "medium": {
        "aws": _main("m7i.xlarge", 3, 9),
        "gcp": _main("n2-standard-4", 3, 9),
        "azure": _main("Standard_D4s_v5", 3, 9),
    },
    "large": {
        "aws": _main("m7i.2xlarge", 6, 24),
        "gcp": _main("n2-standard-8", 6, 24),
        "azure": _main("Standard_D8s_v5", 6, 24),
    },
}
"""The main pool of a region, unless its stack file sets another: 2, 4 and 8 CPUs. Each zone has a node or two at least."""

MAX_NODES: Mapping[Size, int] = {"small": 12, "medium": 30, "large": 120}
"""The nodes that all pools of a region may have together, which limits the cost of a mistyped number."""

CPUS: Mapping[str, int] = {
    "m7i.large": 2, "m7i.xlarge": 4, "m7i.2xlarge": 8,
    "e2-standard-2": 2, "n2-standard-4": 4, "n2-standard-8": 8,
    "Standard_D2s_v5": 2, "Standard_D4s_v5": 4, "Standard_D8s_v5": 8,
}  # fmt: skip
"""The CPUs of the machines above. The clouds count quotas by CPUs."""
GIB_PER_CPU = 4
"""The memory of each of them."""
