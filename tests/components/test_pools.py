"""A pool's nodes are shared out over the zones without a node more or less."""

from __future__ import annotations

from itertools import product

from components.shared.pools import zone_shares

ZONES = ("1", "2", "3")


def test_each_zone_has_an_equal_share() -> None:
    assert zone_shares(3, 9, ZONES) == [("1", 1, 3), ("2", 1, 3), ("3", 1, 3)]


def test_the_first_zones_take_the_remainder() -> None:
    assert zone_shares(4, 8, ZONES) == [("1", 2, 3), ("2", 1, 3), ("3", 1, 2)]


def test_a_zone_may_begin_without_a_node() -> None:
    assert zone_shares(1, 6, ZONES) == [("1", 1, 2), ("2", 0, 2), ("3", 0, 2)]


def test_a_zone_that_can_never_have_a_node_is_left_out() -> None:
    assert zone_shares(1, 2, ZONES) == [("1", 1, 1), ("2", 0, 1)]


def test_the_sums_are_the_given_numbers_and_no_minimum_is_above_its_maximum() -> None:
    for minimum, maximum, zones in product(range(1, 12), range(1, 12), (ZONES, ZONES[:1], ("a", "b", "c", "d"))):
        if minimum > maximum:
            continue
        shares = zone_shares(minimum, maximum, zones)
        assert (sum(s[1] for s in shares), sum(s[2] for s in shares)) == (minimum, maximum)
        assert all(least <= most for _, least, most in shares)
