"""Times of the week in which a wave, or one customer's region, may get commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from fleet.base import SettingsModel

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
_MONDAY = datetime(2026, 1, 5)
"""A Monday, for the comparison of windows."""


def _quoted(value: object) -> object:
    """YAML reads 02:00 without quotes as the number 120, which would be two minutes past midnight."""
    if not isinstance(value, str | time):
        raise ValueError('not a time of day; write it in quotes, as "02:00"')
    return value


TimeOfDay = Annotated[
    time, BeforeValidator(_quoted), WithJsonSchema({"type": "string", "pattern": r"^[0-2][0-9]:[0-5][0-9]$"})
]


class Window(SettingsModel):
    """A time of the week in which commits may come."""

    days: list[Day] = Field(
        min_length=1, description="the days of the week on which it begins", examples=[["mon", "tue", "wed", "thu"]]
    )
    start: TimeOfDay = Field(description="the time of day from which, quoted", examples=["08:00"])
    end: TimeOfDay = Field(
        description="the time of day until which, quoted (of the next day, if not later than start)",
        examples=["16:00"],
    )
    timezone: str = Field(default="UTC", description="an IANA time zone", examples=["Europe/London"])

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone is named {value}") from None
        return value

    def holds(self, now: datetime) -> bool:
        """Whether a time (with a zone) is inside."""
        local = now.astimezone(ZoneInfo(self.timezone))
        today, yesterday, clock = DAYS[local.weekday()], DAYS[local.weekday() - 1], local.time()
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        return (today in self.days and clock >= self.start) or (yesterday in self.days and clock < self.end)

    def openings(self) -> Iterator[datetime]:
        """The times at which the window opens, in a week of winter."""
        for day in self.days:
            date = (_MONDAY + timedelta(days=DAYS.index(day))).date()
            yield datetime.combine(date, self.start, ZoneInfo(self.timezone))

    def __str__(self) -> str:
        return f"{', '.join(self.days)} {self.start:%H:%M}-{self.end:%H:%M} {self.timezone}"


def is_open(windows: Iterable[Window], now: datetime) -> bool:
    """Whether commits may come at a time (with a zone): in any of the windows, and always where there are none."""
    all_windows = list(windows)
    return not all_windows or any(window.holds(now) for window in all_windows)


def overlap(windows: Iterable[Window], others: Iterable[Window]) -> bool:
    """Whether there is a time at which both are open: then one of them opens while the other one is open."""
    one_side, other_side = list(windows), list(others)
    return any(
        is_open(second, opening)
        for first, second in ((one_side, other_side), (other_side, one_side))
        for window in first
        for opening in window.openings()
    )


def describe(windows: Iterable[Window]) -> str:
    """The windows for people."""
    return "; ".join(str(window) for window in windows)
