"""Availability zones of the SIMULATED AWS: their ids, and an account's own letters for them.

Source: docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html.
"""

from __future__ import annotations

from typing import Final

_NUMBERS: Final = {
    "us-east-1": (1, 2, 3, 4, 5, 6),
    "us-west-1": (1, 3),
    "us-west-2": (1, 2, 3, 4),
    "ca-central-1": (1, 2, 4),
    "ap-northeast-1": (1, 2, 4),
    "ap-northeast-2": (1, 2, 3, 4),
}
"""The regions whose zones are not az1, az2 and az3 (DescribeAvailabilityZones). An account of today gets no others."""
_LETTERS: Final = {"us-west-1": "ac", "ca-central-1": "abd", "ap-northeast-1": "acd"}

WITHOUT_EKS: Final = ("use1-az3", "usw1-az2", "cac1-az3")
"""Zones in which EKS refuses subnets: docs.aws.amazon.com/eks/latest/userguide/network-reqs.html."""


def zone_ids(region: str, account: str) -> dict[str, str]:
    """Zone name to zone id, such as eu-west-1a to euw1-az1. Another account may have the same letters in another order."""
    area, *middle, number = region.split("-")
    short = {"northeast": "ne", "southeast": "se", "northwest": "nw", "southwest": "sw"}
    prefix = area + "".join(short.get(part, part[0]) for part in middle) + number
    numbers = _NUMBERS.get(region, (1, 2, 3))
    letters = _LETTERS.get(region, "abcdef"[: len(numbers)])
    shift = int(account) % len(numbers)
    return {
        f"{region}{letter}": f"{prefix}-az{numbers[(index + shift) % len(numbers)]}"
        for index, letter in enumerate(letters)
    }
