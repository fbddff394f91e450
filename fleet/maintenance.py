"""The time of the week in which a cloud may change a cluster by itself, with patches and with new images of nodes.

Google Cloud and Azure do so. AWS changes nothing by itself in a supported version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from fleet.base import Cloud
from fleet.errors import Problem
from fleet.settings import RegionSettings
from fleet.stack import Stack
from fleet.waves import Wave, Waves
from fleet.windows import DAYS, Day, Window, describe

MIN_HOURS = 4
"""The shortest time that the clouds take, in hours: cloud.google.com/kubernetes-engine/docs/how-to/maintenance-window,
learn.microsoft.com/azure/aks/planned-maintenance."""
WEEKLY_HOURS: dict[Cloud, int] = {"gcp": 12, "azure": MIN_HOURS}
"""The least hours in a week, for the clouds that change a cluster by themselves.

GKE wants 48 hours in any 32 days, which hold four weeks: cloud.google.com/kubernetes-engine/docs/how-to/maintenance-window.
"""
START, HOURS = time(3), 12
"""The time on a wave's day, in UTC: enough for each cloud."""
_SEASONS = (datetime(2026, 1, 5), datetime(2026, 7, 6))
"""A Monday of winter and one of summer. The clouds know UTC alone, and people's clocks move."""


@dataclass(frozen=True)
class MaintenanceWindow:
    """A time in UTC on some days of each week."""

    days: tuple[Day, ...]
    start: time
    hours: int

    def enough(self, cloud: Cloud) -> bool:
        """Whether a cloud accepts the time."""
        return self.hours >= MIN_HOURS and self.hours * len(self.days) >= WEEKLY_HOURS.get(cloud, 0)


def weekly_window(settings: RegionSettings, wave: Wave) -> MaintenanceWindow | None:
    """The time of a region: inside of a customer's own windows, if the region has some, else on the wave's day.

    None if no window is long enough for the cloud, or if the wave has no day.
    """
    if settings.change_windows:
        windows = (in_utc(window) for window in settings.change_windows)
        return next((window for window in windows if window.enough(settings.cloud)), None)
    return MaintenanceWindow((wave.maintenance_day,), START, HOURS) if wave.maintenance_day else None


def in_utc(window: Window) -> MaintenanceWindow:
    """The whole hours in UTC that lie in a window in summer and in winter."""
    midnight = timedelta()
    offsets = [season.replace(tzinfo=ZoneInfo(window.timezone)).utcoffset() or midnight for season in _SEASONS]
    opening = datetime.combine(_SEASONS[0], window.start)
    closing = datetime.combine(_SEASONS[0], window.end)
    if closing <= opening:
        closing += timedelta(days=1)
    start, end = opening - min(offsets), closing - max(offsets)
    shift = (start.date() - opening.date()).days
    days = tuple(DAYS[(DAYS.index(day) + shift) % len(DAYS)] for day in window.days)
    return MaintenanceWindow(days, start.time(), max(end - start, midnight) // timedelta(hours=1))


def waves(waves: Waves, file: str) -> Iterator[Problem]:
    """The clouds change a wave's clusters at least a day after the clusters of the wave before it."""
    earlier: Wave | None = None
    for number, wave in enumerate(waves.waves):
        day = wave.maintenance_day
        if day and earlier and earlier.maintenance_day and DAYS.index(day) <= DAYS.index(earlier.maintenance_day):
            yield Problem(file, f"waves.{number}.maintenanceDay", day,
                          f"not after {earlier.maintenance_day}, the day of wave {earlier.name}",
                          "Take a later day of the week, which begins with mon")  # fmt: skip
        earlier = wave if day else earlier


def stack(stack: Stack, waves: Mapping[str, Wave]) -> Iterator[Problem]:
    """The cloud has a time for its own changes to the cluster. In a customer's region the time is the customer's."""
    settings, wave = stack.settings, waves.get(stack.settings.wave)
    if wave is None or settings.cloud not in WEEKLY_HOURS or weekly_window(settings, wave):
        return
    if settings.change_windows:
        hours = WEEKLY_HOURS[settings.cloud]
        yield stack.problem("changeWindows", describe(settings.change_windows),
                            f"too short for {settings.cloud}'s own changes to the cluster",
                            f"Let one window have {MIN_HOURS} hours a day and {hours} hours a week, not counting the hour "
                            "that summer time moves")  # fmt: skip
    else:
        yield stack.problem("wave", wave.name, f"has no day on which {settings.cloud} may change a cluster by itself",
                            "Give the wave a maintenanceDay in waves.yaml")  # fmt: skip
