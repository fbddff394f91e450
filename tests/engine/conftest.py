"""Tests of the whole program on the real engine, real API servers and real Argo CD. Each file has a sandbox of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest

from sandbox import lifecycle
from sandbox.machine.home import Home
from sandbox.toolchain import build

FOLDER = Path(__file__).parent
LONGEST = ("test_rollout.py", "test_regions.py", "test_ci.py")
"""The files that take longest, in their order. The worker that begins one of them last would be the last to end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder with its needs. They run before the quick tests, the longest first."""

    def place(item: pytest.Item) -> int:
        if not item.path.is_relative_to(FOLDER):
            return len(LONGEST) + 1
        return LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST)

    items.sort(key=place)
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.sandbox)
            item.add_marker(pytest.mark.toolchain)


@contextmanager
def a_sandbox() -> Iterator[Home]:
    """A sandbox for one user, from up to down. The path is short, since a Unix socket's path must be short."""
    home = Home(Path(mkdtemp(prefix="sb-", dir="/tmp")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_HOME", str(home.root))
        try:
            lifecycle.up(home, build.ensure(lambda tool, done, total: None))
            yield home
        finally:
            lifecycle.down(home)
            assert not home.root.exists(), "`down` gives all disk back"


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """The sandbox of a file's tests, with the results of earlier tests."""
    with a_sandbox() as home:
        yield home
