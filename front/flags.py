"""The service's feature flags, and the last known value of each.

Requests never wait for the flag service: a task asks it every `PERIOD_SECONDS`, and requests read the cached values.
While the flag service is down, the cached values stand. Before its first answer, the values in `DEFAULTS` stand.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

ACCEPT_WRITES = "accept-writes"
"""Off: the region refuses writes and still answers queries, for a full disk or a move of its data."""
DEFAULTS: Mapping[str, bool] = {ACCEPT_WRITES: True}
"""Every flag that the service knows, and its value before the flag service has one."""
PERIOD_SECONDS = 2.0
"""Seconds between two requests to the flag service. The front follows a flip at most this much later."""

_LOG = logging.getLogger(__name__)


@dataclass
class Flags:
    """The flags' last known values for one region."""

    client: OpenFeatureClient
    context: EvaluationContext
    """The region's properties, by which flags tell regions apart."""
    values: dict[str, bool] = field(default_factory=lambda: dict(DEFAULTS))
    answered_at: float = 0.0
    """The time of the flag service's last answer for all flags, in seconds since 1970. 0 before the first."""

    def refresh(self) -> None:
        """Ask for each flag. A flag that the service does not have gets its default. Without an answer all values stay."""
        answered = True
        for flag, default in DEFAULTS.items():
            details = self.client.get_boolean_details(flag, default, self.context)
            if details.error_code in (None, ErrorCode.FLAG_NOT_FOUND):
                if details.value != self.values[flag]:
                    _LOG.warning("flag %s is %s now (%s)", flag, details.value, details.reason)
                self.values[flag] = details.value
            else:
                answered = False
                _LOG.warning("flag %s stays %s: %s", flag, self.values[flag], details.error_message)
        if answered:
            self.answered_at = time.time()
