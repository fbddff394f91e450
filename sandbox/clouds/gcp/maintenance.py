"""Rules of the SIMULATED Google Cloud for the maintenance policy of GKE clusters."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sandbox.clouds.core.model import CloudError, Context, documented_at
from sandbox.clouds.core.store import Transaction

_SHORTEST: Final = timedelta(hours=4)
_AVAILABILITY: Final = timedelta(hours=48)
_WHOLE_WEEKS: Final = 4  # in 32 days


@documented_at("cloud.google.com/kubernetes-engine/docs/how-to/maintenance-window")
def enough_maintenance(context: Context, tx: Transaction) -> None:
    """Refuse windows with less than 48 hours in 32 days. Only windows of at least four hours count.

    The rule counts by weeks, for `FREQ=WEEKLY` and `FREQ=DAILY`, which are all that Google's page shows.
    """
    window = context.get("maintenancePolicy.recurringWindow")
    if not window:
        return
    start, end = (datetime.fromisoformat(window[key]) for key in ("startTime", "endTime"))
    rule = dict(part.split("=", 1) for part in str(window["recurrence"]).removeprefix("RRULE:").split(";"))
    days = len(rule.get("BYDAY", "MO").split(",")) if rule.get("FREQ") == "WEEKLY" else 7
    available = days * _WHOLE_WEEKS * (end - start) if end - start >= _SHORTEST else timedelta()
    if available < _AVAILABILITY:
        raise CloudError(
            "googleapi: Error 400: maintenance policy would go longer than 32d without 48h maintenance availability,"
            " badRequest"
        )
