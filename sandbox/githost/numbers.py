"""The numbers of issues and pull requests: one sequence for both, as on GitHub."""

from __future__ import annotations

import sqlite3


def next_number(database: sqlite3.Connection) -> int:
    """The next number, in the caller's transaction and under the caller's lock."""
    database.execute("CREATE TABLE IF NOT EXISTS number (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    number = database.execute("INSERT INTO number DEFAULT VALUES").lastrowid
    assert number is not None
    return number
