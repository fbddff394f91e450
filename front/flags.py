"""The feature flags that the service goes by, and what was last known of each.

Requests never wait for the flag service: a task asks it every `PERIOD_SECONDS`, and requests read what it said last.
While it is away, its last word stands; before it has said anything, the value in `DEFAULTS` does.
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
"""Off: the region refuses writes and goes on answering queries, for a disk that fills or a move of its data."""
DEFAULTS: Mapping[str, bool] = {ACCEPT_WRITES: True}
"""Every flag that the service knows, and what holds where nobody has said anything."""
PERIOD_SECONDS = 2.0
"""How often the flag service is asked: a flip is seen this much after the region's flag service has it."""

_LOG = logging.getLogger(__name__)


@dataclass
class Flags:
    """The flags' last known values for one region."""

    client: OpenFeatureClient
    context: EvaluationContext
    """Whom the flags are for: what flags can tell regions apart by."""
    values: dict[str, bool] = field(default_factory=lambda: dict(DEFAULTS))
    asked_at: float = 0.0
    """When the flag service last answered for all flags, in seconds since 1970; 0 before it has."""

    def refresh(self) -> None:
        """Ask for each flag. One that the service does not have falls back to its default; no answer leaves all as it was."""
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
            self.asked_at = time.time()
