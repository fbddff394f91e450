"""The time of the week in which a cloud may change a region's cluster by itself."""

from __future__ import annotations

from fleet import Region
from fleet.maintenance import MaintenanceWindow, weekly_window


def maintenance_window(region: Region) -> MaintenanceWindow:
    """The days, the start and the hours, all in UTC. A customer's own change windows go before the wave's day."""
    window = weekly_window(region.settings, region.wave)
    assert window is not None, "fleet refuses a region without a time for its cloud's own changes"
    return window
