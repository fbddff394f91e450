"""How the nodes of a pool are shared out over the zones: pure arithmetic, so that it can be tested without a cloud."""

from __future__ import annotations

from collections.abc import Sequence


def zone_shares(minimum: int, maximum: int, zones: Sequence[str]) -> list[tuple[str, int, int]]:
    """Zone, minimum and maximum of each zone's part of a pool. The sums are the given numbers.

    The zones' shares differ by one node at most, and the first zones have the larger ones. A zone with maximum 0 is left out.
    """
    shares = zip(zones, _shares(minimum, len(zones)), _shares(maximum, len(zones)), strict=True)
    return [(zone, least, most) for zone, least, most in shares if most]


def _shares(number: int, parts: int) -> list[int]:
    """A number in equal parts. The remainder goes to the first ones."""
    share, remainder = divmod(number, parts)
    return [share + 1] * remainder + [share] * (parts - remainder)
