"""Availability zones of the SIMULATED AWS, named as an account would see them."""

from __future__ import annotations

from typing import Final

# Regions whose zones are not a, b and c (docs.aws.amazon.com/global-infrastructure/latest/regions).
_LETTERS: Final = {
    "us-east-1": "abcdef",
    "us-west-1": "ac",
    "us-west-2": "abcd",
    "ca-central-1": "abd",
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
}


def zones(region: str) -> list[str]:
    """The zone names of a region."""
    return [region + letter for letter in _LETTERS.get(region, "abc")]


def zone_ids(region: str) -> dict[str, str]:
    """Zone name -> zone id, such as eu-west-1a -> euw1-az1. Real accounts see them shuffled."""
    area, *middle, number = region.split("-")
    short = {"northeast": "ne", "southeast": "se", "northwest": "nw", "southwest": "sw"}
    prefix = area + "".join(short.get(part, part[0]) for part in middle) + number
    return {zone: f"{prefix}-az{index}" for index, zone in enumerate(zones(region), start=1)}
