"""The numbers of issues and pull requests: one sequence for both, as on GitHub."""

from __future__ import annotations

import sqlite3


def number(database: sqlite3.Connection) -> int:
    """The next number. It belongs to the caller's transaction, under the caller's lock."""
    database.execute("CREATE TABLE IF NOT EXISTS number (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    found = database.execute("INSERT INTO number DEFAULT VALUES").lastrowid
    assert found is not None
    return found
