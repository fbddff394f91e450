"""The retries of the SIMULATED clouds' providers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sandbox.clouds.core.model import NotUsableYetError

_RETRY_SECONDS: Final = 30.0
"""Time for which a provider retries while a resource is not known everywhere. AWS's retries two minutes for roles."""
Result = TypeVar("Result")


def retry_until_usable(begin: Callable[[], Result]) -> Result:
    """Retry while a resource is not known everywhere, where the real provider retries, too."""
    end = time.monotonic() + _RETRY_SECONDS
    while True:
        try:
            return begin()
        except NotUsableYetError as error:
            if not error.retried or time.monotonic() > end:
                raise
            time.sleep(0.1)
