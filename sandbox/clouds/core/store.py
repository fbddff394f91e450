"""The state of the SIMULATED clouds: one SQLite file, shared by the plugin processes of all stacks.

Writers take turns (`BEGIN IMMEDIATE`), so a value that a rule has read is still current when the rule writes. Values
are stored in plain text, as a cloud's API would show them.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.machine.errors import SandboxError
from sandbox.machine.home import Home

_BUSY_SECONDS: Final = 60.0  # far above the longest transaction, which holds no cluster start
_SCHEMA_VERSION: Final = 3  # raise it with every change of _SCHEMA
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS resource (
    uid INTEGER PRIMARY KEY, cloud TEXT NOT NULL, account TEXT NOT NULL, location TEXT NOT NULL, type TEXT
    NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, inputs TEXT NOT NULL, outputs TEXT NOT NULL, creator
    INTEGER, shares INTEGER NOT NULL DEFAULT 1, usable_from REAL NOT NULL DEFAULT 0,
    sandbox_cluster TEXT, endpoint TEXT, created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')));
CREATE INDEX IF NOT EXISTS resource_endpoint ON resource (endpoint) WHERE endpoint IS NOT NULL;
CREATE TABLE IF NOT EXISTS handle (
    type TEXT NOT NULL, scope TEXT NOT NULL, value TEXT NOT NULL,
    uid INTEGER NOT NULL REFERENCES resource ON DELETE CASCADE, PRIMARY KEY (type, scope, value)) WITHOUT
    ROWID; CREATE INDEX IF NOT EXISTS handle_uid ON handle (uid);
CREATE TABLE IF NOT EXISTS reference (
    holder INTEGER NOT NULL REFERENCES resource ON DELETE CASCADE, path TEXT NOT NULL,
    target INTEGER NOT NULL REFERENCES resource ON DELETE CASCADE, PRIMARY KEY (holder, path, target))
    WITHOUT ROWID; CREATE INDEX IF NOT EXISTS reference_target ON reference (target);
CREATE TABLE IF NOT EXISTS operation (
    target TEXT PRIMARY KEY, description TEXT NOT NULL, process INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept_name (type TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (type, name)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Row:
    """A resource that exists."""

    uid: int
    cloud: str
    account: str
    location: str
    type: str
    scope: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    creator: int | None
    """The process that is still creating the resource, or None."""
    shares: int
    """The number of its creators."""
    usable_from: float
    """The time at which other parts of the cloud know of it, in seconds since the epoch."""
    sandbox_cluster: str | None
    endpoint: str | None
    created: str

    @property
    def usable(self) -> bool:
        """Whether all of the cloud knows of the resource. Clouds are consistent only eventually."""
        return time.time() >= self.usable_from


@dataclass(frozen=True)
class NewResource:
    """A resource that this process is creating."""

    cloud: str
    account: str
    location: str
    type: str
    scope: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    handles: frozenset[str]
    """The id and the other names of the resource, each unique in its type and scope."""


class HandleTakenError(Exception):
    """A handle is in use in its scope."""


class Transaction:
    """Reads and writes that happen together or not at all."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def _rows(self, where: str, values: Sequence[Any] = ()) -> list[Row]:
        return [
            Row(**{**dict(r), "inputs": json.loads(r["inputs"]), "outputs": json.loads(r["outputs"])})
            for r in self._db.execute(f"SELECT resource.* FROM resource {where} ORDER BY resource.uid", values)
        ]

    def all(self) -> list[Row]:
        """All resources, oldest first."""
        return self._rows("")

    def of_type(self, type_: str, scope: str) -> list[Row]:
        """All of a type in a scope."""
        return self._rows("WHERE type = ? AND scope = ?", (type_, scope))

    def count(self, type_: str, account: str, location: str | None) -> int:
        """How many of a type an account has, in one location or in all."""
        query = "SELECT count(*) FROM resource WHERE type = ? AND account = ? AND location = coalesce(?, location)"
        (count,) = self._db.execute(query, (type_, account, location)).fetchone()
        return int(count)

    def by_uid(self, uid: int) -> Row | None:
        """The row, unless it is gone."""
        return next(iter(self._rows("WHERE uid = ?", (uid,))), None)

    def by_handle(self, type_: str, scope: str, value: str) -> Row | None:
        """A resource by any of its handles."""
        where = "JOIN handle USING (uid) WHERE handle.type = ? AND handle.scope = ? AND handle.value = ?"
        return next(iter(self._rows(where, (type_, scope, value))), None)

    def holders(self, uid: int) -> list[tuple[Row, str]]:
        """The resources that refer to a resource, with the paths of the references."""
        references = self._db.execute("SELECT holder, path FROM reference WHERE target = ? ORDER BY holder", (uid,))
        return [(row, path) for holder, path in references.fetchall() if (row := self.by_uid(holder)) is not None]

    def targets(self, uid: int) -> set[int]:
        """The resources that a resource refers to."""
        return {target for (target,) in self._db.execute("SELECT target FROM reference WHERE holder = ?", (uid,))}

    def insert(self, new: NewResource) -> int:
        """Add a resource. Returns its uid. Raises `HandleTakenError` if a handle is in use."""
        for handle in new.handles:
            if self.by_handle(new.type, new.scope, handle) is not None:
                raise HandleTakenError(handle)
        uid = self._db.execute(
            "INSERT INTO resource (cloud, account, location, type, scope, id, inputs, outputs, creator)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                new.cloud,
                new.account,
                new.location,
                new.type,
                new.scope,
                new.id,
                json.dumps(new.inputs),
                json.dumps(new.outputs),
                os.getpid(),
            ),
        ).lastrowid
        assert uid is not None
        self._db.executemany(
            "INSERT INTO handle VALUES (?, ?, ?, ?)",
            [(new.type, new.scope, handle, uid) for handle in sorted(new.handles)],
        )
        return uid

    def refer(self, uid: int, references: Iterable[tuple[str, int]]) -> None:
        """Set all references (path, target) of a resource."""
        self._db.execute("DELETE FROM reference WHERE holder = ?", (uid,))
        self._db.executemany("INSERT OR IGNORE INTO reference VALUES (?, ?, ?)", [(uid, p, t) for p, t in references])

    def orphans(self, cloud: str) -> list[Row]:
        """The resources whose creating process is dead."""
        return [
            row for row in self._rows("WHERE cloud = ? AND creator IS NOT NULL", (cloud,)) if not _alive(row.creator)
        ]

    def adopt(self, uid: int) -> None:
        """Make this process the one that creates a resource."""
        self._db.execute("UPDATE resource SET creator = ? WHERE uid = ?", (os.getpid(), uid))

    def save(self, uid: int, inputs: dict[str, Any], outputs: dict[str, Any], usable_from: float) -> None:
        """Record that a create or update is complete, and the time from which others can use the resource."""
        self._db.execute(
            "UPDATE resource SET inputs = ?, outputs = ?, creator = NULL, usable_from = ? WHERE uid = ?",
            (json.dumps(inputs), json.dumps(outputs), usable_from, uid),
        )

    def mark_cluster(self, uid: int, sandbox_cluster: str | None, endpoint: str | None) -> None:
        """Record the real cluster behind a resource, for the simulated credential helpers."""
        self._db.execute(
            "UPDATE resource SET sandbox_cluster = ?, endpoint = ? WHERE uid = ?",
            (sandbox_cluster, endpoint, uid),
        )

    def share(self, uid: int, change: int) -> None:
        """Change the number of creators."""
        self._db.execute("UPDATE resource SET shares = shares + ? WHERE uid = ?", (change, uid))

    def begin_operation(self, target: str, description: str) -> str | None:
        """Record an operation on a target. Returns the description of another one that still runs, and then records none."""
        found = self._db.execute("SELECT description, process FROM operation WHERE target = ?", (target,)).fetchone()
        if found is not None and _alive(found["process"]):
            return str(found["description"])
        self._db.execute("INSERT OR REPLACE INTO operation VALUES (?, ?, ?)", (target, description, os.getpid()))
        return None

    def end_operation(self, target: str) -> None:
        """Record that the operation on a target is over."""
        self._db.execute("DELETE FROM operation WHERE target = ?", (target,))

    def keep_name(self, type_: str, name: str) -> None:
        """Record that the name of a deleted resource stays taken."""
        self._db.execute("INSERT OR IGNORE INTO kept_name VALUES (?, ?)", (type_, name))

    def keeps_name(self, type_: str, name: str) -> bool:
        """Whether a deleted resource still has the name."""
        query = "SELECT 1 FROM kept_name WHERE type = ? AND name = ?"
        return self._db.execute(query, (type_, name)).fetchone() is not None

    def delete(self, uid: int) -> None:
        """Remove a resource with its handles and references."""
        self._db.execute("DELETE FROM resource WHERE uid = ?", (uid,))


class Store:
    """The file with the state. Every transaction opens the file again: that is cheap, and threads share nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite switches to WAL without waiting for its lock. Plugins that start together take turns here.
        with path.with_suffix(".lock").open("w") as lock, self._connect() as db:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._prepare(db)

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == _SCHEMA_VERSION:
            return
        if version != 0:
            raise SandboxError(
                f"{self.path} is of another version of the sandbox. Remove the file, or run `regions sandbox down`"
            )
        db.executescript(_SCHEMA)
        db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = OFF")  # a sandbox may lose its last second when the machine dies
            yield db
        finally:
            db.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Read and write while no other process writes."""
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(db)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Read a consistent snapshot without waiting for writers."""
        with self._connect() as db:
            db.execute("BEGIN")
            yield Transaction(db)


def _alive(pid: int | None) -> bool:
    if pid is None:
        return False
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def open_store(home: Home | None = None) -> Store:
    """The store of a sandbox: this one's, unless another is named."""
    return Store((home or Home.current()).root / "clouds.sqlite")
