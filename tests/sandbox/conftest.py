"""One sandbox for all tests that run the program on the real engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from sandbox import lifecycle
from sandbox.home import Home
from sandbox.toolchain import build


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    """A sandbox that is up. Its path is short, as a Unix socket's must be, and nobody else's."""
    home = Home(Path(mkdtemp(prefix="sb-", dir="/tmp")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_HOME", str(home.root))
        try:
            lifecycle.up(home, build.ensure(lambda tool, done, total: None))
            yield home
        finally:
            lifecycle.down(home)
            shutil.rmtree(home.root, ignore_errors=True)
