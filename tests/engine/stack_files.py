"""Edits of stack files, as a person makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def set_key(path: Path, line: str) -> None:
    """Add a key to a stack file's settings."""
    text = path.read_text()
    assert text.count("config:\n") == 1
    path.write_text(text.replace("config:\n", f"config:\n  {line}\n"))


@contextmanager
def key_set(path: Path, line: str) -> Iterator[None]:
    """The stack file with one more key, for a while."""
    before = path.read_text()
    set_key(path, line)
    try:
        yield
    finally:
        path.write_text(before)
