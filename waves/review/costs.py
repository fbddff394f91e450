"""A region's monthly cost without any load: minimal nodes, their disks, the control plane, NAT, keys.

Pure, from settings and prices.yaml. Left out: traffic, logs, volumes of the applications, backups, Defender, discounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fleet import Region
from fleet.sizes import AKS_SYSTEM_MACHINE, AKS_SYSTEM_NODES

HOURS = 730
"""Hours of a month."""
NODE_DISK_GB = 100
"""The disk of each node."""
NAT_NODES = 32
"""Google's NAT costs by the node up to this many."""


def prices() -> dict[str, Any]:
    """The price list."""
    price_list: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("prices.yaml").read_text())
    return price_list


def monthly(region: Region, price_list: Mapping[str, Any]) -> dict[str, float]:
    """USD a month, by purpose. Raises KeyError for a machine or place that the list does not have."""
    settings = region.settings
    cloud = price_list[settings.cloud]
    place = cloud[settings.location]
    place = cloud[place["from"]] if "from" in place else place
    nodes = [(pool.machine_type, pool.min_nodes) for pool in settings.pools.values()]
    if settings.cloud == "azure":
        nodes.append((AKS_SYSTEM_MACHINE, AKS_SYSTEM_NODES))
    count = sum(number for _, number in nodes)
    costs = {
        "nodes": HOURS * sum(place["machines"][machine] * number for machine, number in nodes),
        "control plane": HOURS * cloud["control-plane"],
    }
    if settings.cloud == "aws":
        ways = 3 if region.wave.production else 1
        costs["ways out"] = HOURS * ways * (place["nat"] + cloud["address"])
        costs["disks"] = NODE_DISK_GB * count * place["disk-gb-month"]
        costs["keys"] = cloud["key-month"] * (2 if region.wave.production else 1)
    elif settings.cloud == "gcp":
        costs["ways out"] = HOURS * (cloud["nat-per-node"] * min(count, NAT_NODES) + cloud["address"])
        costs["disks"] = NODE_DISK_GB * count * place["disk-gb-month"]
        costs["keys"] = cloud["key-month"]
    else:
        costs["ways out"] = HOURS * (cloud["nat"] + cloud["address"])
        costs["disks"] = count * cloud["disk-month"]
    return costs
