"""One sandbox for all tests that run the program on the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest

from sandbox import lifecycle
from sandbox.machine.home import Home
from sandbox.toolchain import build


@contextmanager
def a_sandbox() -> Iterator[Home]:
    """A sandbox that is up, nobody else's, and is down in the end. Its path is short, as a Unix socket's must be."""
    home = Home(Path(mkdtemp(prefix="sb-", dir="/tmp")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_HOME", str(home.root))
        try:
            lifecycle.up(home, build.ensure(lambda tool, done, total: None))
            yield home
        finally:
            lifecycle.down(home)
            assert not home.root.exists(), "`down` gives all disk back"


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    """The sandbox that tests share, whatever is in it by then."""
    with a_sandbox() as home:
        yield home
