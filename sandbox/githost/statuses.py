"""SIMULATED commit statuses: list and create. docs.github.com/rest: "Commit statuses"."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.githost.shapes import read_json, user

if TYPE_CHECKING:
    from sandbox.githost.rest import SimulatedGitHub

STATUSES_PER_CONTEXT = 1000
DESCRIPTION = 140
"""Characters of a description."""
STATES = ("error", "failure", "pending", "success")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS status (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sha TEXT NOT NULL, context TEXT NOT NULL, state TEXT NOT NULL,
    description TEXT, target_url TEXT, creator TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS status_sha ON status (sha);
"""


class StatusEndpoints:
    """The commit statuses of a host's repository."""

    def __init__(self, github: SimulatedGitHub) -> None:
        self.listeners: list[Callable[[str], None]] = []
        """Called with the commit of each new status."""
        self._github = github
        self._commits: set[str] = set()
        github.database.executescript(_SCHEMA)

    def routes(self) -> list[Route]:
        """The endpoints of commit statuses."""
        return [
            Route("/repos/{owner}/{name}/commits/{sha}/statuses", self.list_),
            Route("/repos/{owner}/{name}/statuses/{sha}", self.create, methods=["POST"]),
        ]

    def latest(self, sha: str) -> dict[str, str]:
        """Context to the latest state on a commit."""
        query = "SELECT context, state FROM status WHERE sha = ? ORDER BY id"
        with self._github.lock:
            return dict(self._github.database.execute(query, (sha,)))

    async def list_(self, request: Request) -> Response:
        caller = self._github.authorize(request, "read")
        if isinstance(caller, Response):
            return caller
        sha = request.path_params["sha"]
        if not self._has_commit(sha):
            return self._github.refuse(404, "Not Found")
        per_page = min(max(int(request.query_params.get("per_page", 30)), 1), 100)
        page = max(int(request.query_params.get("page", 1)), 1)
        query = "SELECT * FROM status WHERE sha = ? ORDER BY id DESC"
        with self._github.lock:
            rows = self._github.database.execute(query, (sha,)).fetchall()
        statuses = [self._shape(row) for row in rows[(page - 1) * per_page : page * per_page]]
        etag = f'W/"{hashlib.sha256(json.dumps(statuses).encode()).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            return self._github.not_modified(caller, etag)
        headers = {"etag": etag}
        links = _links(request, page, last=max(1, -(-len(rows) // per_page)))
        if links:
            headers["link"] = links
        return self._github.respond(statuses, caller, headers=headers)

    async def create(self, request: Request) -> Response:
        caller = self._github.authorize(request, "write")
        if isinstance(caller, Response):
            return caller
        sha, body = request.path_params["sha"], await read_json(request)
        context = body.get("context") or "default"
        with self._github.lock:
            error = self._error(sha, context, body)
            if error:
                return self._github.refuse(422, error)
            row = (sha, context, body["state"], body.get("description"), body.get("target_url"), caller.login,
                   self._github.clock().strftime("%Y-%m-%dT%H:%M:%SZ"))  # fmt: skip
            cursor = self._github.database.execute(
                "INSERT INTO status (sha, context, state, description, target_url, creator, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)", row,
            )  # fmt: skip
            self._github.database.commit()
        for listener in self.listeners:
            listener(sha)
        return self._github.respond(self._shape((cursor.lastrowid, *row)), caller, status=201)

    def _error(self, sha: str, context: str, body: Mapping[str, Any]) -> str:
        """GitHub's error for a new status. Empty if the status is valid."""
        query = "SELECT count(*) FROM status WHERE sha = ? AND context = ?"
        (count,) = self._github.database.execute(query, (sha, context)).fetchone()
        if count >= STATUSES_PER_CONTEXT:
            return "Validation Failed: This SHA and context has reached the maximum number of statuses."
        if not self._has_commit(sha):
            return f"No commit found for SHA: {sha}"
        if body.get("state") not in STATES:
            return "Validation Failed: state is not included in the list"
        if len(body.get("description") or "") > DESCRIPTION:
            return f"Validation Failed: description is too long (maximum is {DESCRIPTION} characters)"
        if body.get("target_url") and not str(body["target_url"]).startswith(("http://", "https://")):
            return "Validation Failed: target_url must use http(s) scheme"
        return ""

    def _has_commit(self, sha: str) -> bool:
        if sha not in self._commits:  # a commit never leaves the repository
            command = ["git", "--git-dir", str(self._github.git_dir), "cat-file", "-e", f"{sha}^{{commit}}"]
            if subprocess.run(command, capture_output=True).returncode != 0:
                return False
            self._commits.add(sha)
        return True

    def _shape(self, row: tuple[Any, ...]) -> dict[str, Any]:
        id_, sha, context, state, description, target_url, creator, created = row
        return {
            "id": id_, "state": state, "description": description, "target_url": target_url, "context": context,
            "created_at": created, "updated_at": created, "creator": user(creator),
            "url": f"/repos/{self._github.repository}/statuses/{sha}",
        }  # fmt: skip


def _links(request: Request, page: int, last: int) -> str:
    """The Link header of a page."""
    pages = [("prev", page - 1), ("next", page + 1), ("last", last), ("first", 1)]
    return ", ".join(
        f'<{request.url.include_query_params(page=number)}>; rel="{rel}"'
        for rel, number in pages
        if 1 <= number <= last and number != page
    )
