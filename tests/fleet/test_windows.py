"""Windows: when they are open, over midnight too, and whether two of them ever are at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.windows import DAYS, Window, describe, is_open, overlap

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def window(days: list[str], start: str, end: str, timezone: str = "UTC") -> Window:
    """A window as files write it."""
    return Window.model_validate({"days": days, "start": start, "end": end, "timezone": timezone})


def open_hours(*windows: Window) -> list[int]:
    """The hours of a week, from Monday 00:00 UTC, at whose half the windows are open."""
    return [hour for hour in range(168) if is_open(windows, MONDAY + timedelta(hours=hour, minutes=30))]


@pytest.mark.parametrize(
    ("opening", "hours"),
    [
        (window(["mon", "wed"], "08:00", "10:00"), [8, 9, 56, 57]),
        (window(["mon"], "22:00", "02:00"), [22, 23, 24, 25]),
        (window(["sun"], "23:00", "01:00"), [0, 167]),
        (window(["tue"], "00:00", "00:00"), list(range(24, 48))),
        (window(["mon"], "08:00", "10:00", "America/New_York"), [13, 14]),
        (window(["mon"], "00:00", "02:00", "Asia/Tokyo"), [159, 160]),
    ],
    ids=str,
)
def test_a_window_is_open_from_start_to_end_on_its_days_in_its_own_time_zone(opening: Window, hours: list[int]) -> None:
    assert open_hours(opening) == hours


def test_a_window_holds_its_first_moment_and_not_its_last() -> None:
    night = window(["mon"], "22:00", "02:00")
    assert night.holds(MONDAY + timedelta(hours=22))
    assert not night.holds(MONDAY + timedelta(hours=22) - timedelta(seconds=1))
    assert not night.holds(MONDAY + timedelta(hours=26))
    assert night.holds(MONDAY + timedelta(hours=26) - timedelta(seconds=1))


def test_clocks_that_change_move_a_window_of_a_zone_and_none_of_utc() -> None:
    summer = datetime(2026, 7, 6, 1, 30, tzinfo=UTC)  # a Monday: 03:30 in Berlin, and 02:30 in winter
    berlin, utc = window(["mon"], "02:00", "03:00", "Europe/Berlin"), window(["mon"], "01:00", "02:00")
    assert [berlin.holds(MONDAY + timedelta(hours=1.5)), berlin.holds(summer)] == [True, False]
    assert [utc.holds(MONDAY + timedelta(hours=1.5)), utc.holds(summer)] == [True, True]


def test_without_windows_it_is_always_open_and_with_several_in_each_of_them() -> None:
    assert len(open_hours()) == 168
    assert open_hours(window(["mon"], "01:00", "02:00"), window(["mon"], "03:00", "04:00")) == [1, 3]


def test_a_window_is_printed_as_it_is_written() -> None:
    assert describe([window(["tue", "wed"], "01:00", "05:00", "Europe/Berlin"), window(["sun"], "22:00", "02:00")]) == (
        "tue, wed 01:00-05:00 Europe/Berlin; sun 22:00-02:00 UTC"
    )


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start, end = (f"{draw(st.integers(0, 23)):02}:00" for _ in range(2))
    return window(draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=2, unique=True)), start, end)


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(one=windows(), other=windows())
def test_two_windows_overlap_if_there_is_an_hour_in_which_both_are_open(one: Window, other: Window) -> None:
    assert overlap([one], [other]) == bool(set(open_hours(one)) & set(open_hours(other)))
