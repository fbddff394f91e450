"""Waiting for something that another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable


def within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether something comes true in time."""
    begin = time.monotonic()
    while not true():
        elapsed = time.monotonic() - begin
        if elapsed > seconds:
            return False
        time.sleep(min(1.0, 0.01 + elapsed / 10))
    return True
