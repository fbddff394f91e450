"""The time of a cloud's own changes: wave by wave, and never while a customer's window is closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fleet
from fleet import Window
from fleet.maintenance import MaintenanceWindow, in_utc, weekly_window
from fleet.windows import DAYS
from tests.fleet.test_fleet import files

ACME = "stacks/Pulumi.acme-gcp-europe-west4.yaml"
WINDOWS = 'days: [tue, wed, thu], start: "21:00", end: "02:00", timezone: Europe/Berlin'


def problems(file: str, old: str, new: str) -> list[str]:
    """The problems of the shipped fleet after one edit."""
    texts = files()
    assert old in texts[file]
    return [str(problem) for problem in fleet.load({**texts, file: texts[file].replace(old, new)}).problems]


def test_each_shipped_wave_has_its_day_after_the_wave_before_it() -> None:
    days = [wave.maintenance_day for wave in fleet.load(files()).waves]
    assert all(one and other and DAYS.index(one) < DAYS.index(other) for one, other in pairwise(days))


@pytest.mark.parametrize("day", ["mon", "tue", "wed"])
def test_a_day_that_is_not_after_the_day_of_the_wave_before_is_refused(day: str) -> None:
    (problem,) = problems("waves.yaml", "maintenanceDay: thu", f"maintenanceDay: {day}")
    assert "waves.2.maintenanceDay" in problem
    assert "not after wed, the day of wave internal" in problem


def test_a_wave_without_a_day_is_refused_for_its_regions_on_google_cloud_and_azure_alone() -> None:
    found = problems("waves.yaml", "    maintenanceDay: mon\n", "")
    assert len(found) == 2
    assert all("Give the wave a maintenanceDay" in problem for problem in found)
    assert {problem.partition(":")[0] for problem in found} == {
        "stacks/Pulumi.staging-azure-eastus.yaml",
        "stacks/Pulumi.staging-gcp-us-central1.yaml",
    }


@pytest.mark.parametrize(
    "windows",
    [
        WINDOWS.replace("tue, wed, thu", "tue, wed"),
        # Summer time leaves three hours that are inside all year.
        WINDOWS.replace("21:00", "22:00"),
    ],
)
def test_a_customers_windows_that_are_too_short_for_gke_are_refused(windows: str) -> None:
    (problem,) = problems(ACME, WINDOWS, windows)
    assert "regions:changeWindows" in problem
    assert "Let one window have 4 hours a day and 12 hours a week" in problem


def test_a_customers_region_is_changed_in_its_own_window_and_another_one_on_its_waves_day() -> None:
    regions = fleet.load(files()).regions
    windows = {name: weekly_window(region.settings, region.wave) for name, region in regions.items()}
    assert windows["acme-gcp-europe-west4"] == MaintenanceWindow(("tue", "wed", "thu"), time(20), 4)
    assert windows["prod-gcp-europe-west4"] == MaintenanceWindow(("thu",), time(3), 12)


TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "Pacific/Auckland"]
)
DAY_LISTS = st.lists(st.sampled_from(DAYS), min_size=1, unique=True)


@given(days=DAY_LISTS, start=TIMES, end=TIMES, zone=ZONES, week=st.integers(0, 51))
def test_the_time_in_utc_is_inside_the_customers_window_in_every_week_of_the_year(
    days: Sequence[str], start: time, end: time, zone: str, week: int
) -> None:
    window = Window.model_validate({"days": days, "start": f"{start:%H:%M}", "end": f"{end:%H:%M}", "timezone": zone})
    found = in_utc(window)
    monday = datetime(2026, 1, 5, tzinfo=ZoneInfo("UTC")) + timedelta(weeks=week)
    for day in found.days:
        opening = datetime.combine(monday + timedelta(days=DAYS.index(day)), found.start, monday.tzinfo)
        minutes = range(0, found.hours * 60, 30)
        outside = [m for m in minutes if not window.holds(opening + timedelta(minutes=m))]
        # In the night of the change itself the clock has an hour more or less, and Window counts by the clock.
        assert not outside or _clock_changes(opening, found.hours, zone)


def _clock_changes(opening: datetime, hours: int, zone: str) -> bool:
    offsets = {
        (opening + timedelta(hours=hour)).astimezone(ZoneInfo(zone)).utcoffset() for hour in range(-24, hours + 25)
    }
    return len(offsets) > 1
