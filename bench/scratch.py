"""A sandbox's home for one measurement. The checkout's own home may be in use."""

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
    """A new home for this process. At the end, or on SIGTERM, the sandbox in it goes down."""
    scratch_home = Home(Path(mkdtemp(prefix="bench-", dir="/tmp")))
    os.environ["SANDBOX_HOME"] = str(scratch_home.root)
    lifecycle.clean_up_when_terminated()
    try:
        yield scratch_home
    finally:
        lifecycle.down(scratch_home)
        shutil.rmtree(scratch_home.root, ignore_errors=True)


def exit_code(measure: Callable[[], None]) -> int:
    """Run a measurement. Returns 0 if all of it ran, 1 after an error, 130 after an interrupt."""
    try:
        measure()
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0
