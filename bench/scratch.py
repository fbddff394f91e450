"""A sandbox's home for one measurement, apart from the checkout's own, which may be in use."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from sandbox import lifecycle
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import Home


@contextmanager
def home() -> Iterator[Home]:
    """A new home that this process uses from now on. In the end, or on SIGTERM, the sandbox in it is taken down."""
    made = Home(Path(mkdtemp(prefix="bench-", dir="/tmp")))
    os.environ["SANDBOX_HOME"] = str(made.root)
    lifecycle.clean_up_when_terminated()
    try:
        yield made
    finally:
        lifecycle.down(made)
        shutil.rmtree(made.root, ignore_errors=True)


def exit_code(measure: Callable[[], None]) -> int:
    """Run a measurement: 0 when all of it ran, whatever it showed; 1 with the reason when not, 130 when interrupted."""
    try:
        measure()
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0
