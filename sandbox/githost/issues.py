"""SIMULATED issues and comments: list, create and update.

docs.github.com/rest: "Issues", "Issue comments". A pull request is an issue too, with the same number.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.githost.numbers import next_number
from sandbox.githost.shapes import read_json, user

if TYPE_CHECKING:
    from sandbox.githost.rest import SimulatedGitHub

LONGEST = 65_536
"""Characters of an issue's or a comment's body."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS issue (
    number INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT, state TEXT NOT NULL, labels TEXT NOT NULL, creator TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS comment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL, body TEXT NOT NULL, creator TEXT NOT NULL);
"""
_COLUMNS = ("number", "title", "body", "state", "labels", "creator")


class IssueEndpoints:
    """The issues and comments of a host's repository."""

    def __init__(self, github: SimulatedGitHub) -> None:
        self._github = github
        self._database = github.database
        self._database.executescript(_SCHEMA)

    def routes(self) -> list[Route]:
        """The endpoints of issues and comments."""
        path = "/repos/{owner}/{name}/issues"
        return [
            Route(f"{path}/comments/{{id:int}}", self.edit, methods=["PATCH"]),
            Route(f"{path}/{{number:int}}/comments", self.comments),
            Route(f"{path}/{{number:int}}/comments", self.comment, methods=["POST"]),
            Route(f"{path}/{{number:int}}", self.update, methods=["PATCH"]),
            Route(path, self.list_),
            Route(path, self.create, methods=["POST"]),
        ]

    async def comments(self, request: Request) -> Response:
        caller = self._github.authorize(request, "read")
        if isinstance(caller, Response):
            return caller
        query = "SELECT id, body, creator FROM comment WHERE number = ? ORDER BY id"
        with self._github.lock:
            rows = self._database.execute(query, (request.path_params["number"],)).fetchall()
        page, per_page = int(request.query_params.get("page", 1)), int(request.query_params.get("per_page", 30))
        comments = [_comment(row) for row in rows[(page - 1) * per_page : page * per_page]]
        link = {"link": f'<{request.url.include_query_params(page=page + 1)}>; rel="next"'}
        return self._github.respond(comments, caller, headers=link if len(rows) > page * per_page else None)

    async def comment(self, request: Request) -> Response:
        caller, body = await self._body(request)
        if isinstance(caller, Response):
            return caller
        with self._github.lock:
            row = (request.path_params["number"], body, caller.login)
            id_ = self._database.execute("INSERT INTO comment (number, body, creator) VALUES (?, ?, ?)", row).lastrowid
            self._database.commit()
        return self._github.respond(_comment((id_, body, caller.login)), caller, status=201)

    async def edit(self, request: Request) -> Response:
        caller, body = await self._body(request)
        if isinstance(caller, Response):
            return caller
        id_ = request.path_params["id"]
        with self._github.lock:
            self._database.execute("UPDATE comment SET body = ? WHERE id = ?", (body, id_))
            self._database.commit()
            row = self._database.execute("SELECT id, body, creator FROM comment WHERE id = ?", (id_,)).fetchone()
        return self._github.respond(_comment(row), caller) if row else self._github.refuse(404, "Not Found")

    async def list_(self, request: Request) -> Response:
        caller = self._github.authorize(request, "read")
        if isinstance(caller, Response):
            return caller
        query = request.query_params
        label, state = query.get("labels"), query.get("state", "open")
        issues = [
            self._shape(row)
            for row in self._rows()
            if state in ("all", row["state"]) and (not label or label in row["labels"])
        ]
        return self._github.respond(issues if int(query.get("page", 1)) == 1 else [], caller)

    async def create(self, request: Request) -> Response:
        caller = self._writer(request)
        if isinstance(caller, Response):
            return caller
        body = await read_json(request)
        if not body.get("title"):
            return self._too_long(request, "title")
        with self._github.lock:
            number = next_number(self._database)
            row = (number, body["title"], body.get("body"), "open", json.dumps(body.get("labels") or []), caller.login)
            self._database.execute("INSERT INTO issue VALUES (?, ?, ?, ?, ?, ?)", row)
            self._database.commit()
        return self._github.respond(self._shape(self._row(number) or {}), caller, status=201)

    async def update(self, request: Request) -> Response:
        caller = self._writer(request)
        if isinstance(caller, Response):
            return caller
        row, body = self._row(request.path_params["number"]), await read_json(request)
        if row is None:
            return self._github.refuse(404, "Not Found")
        row |= {key: body[key] for key in ("title", "body", "state") if key in body}
        with self._github.lock:
            self._database.execute(
                "UPDATE issue SET title = ?, body = ?, state = ? WHERE number = ?",
                (row["title"], row["body"], row["state"], row["number"]),
            )
            self._database.commit()
        return self._github.respond(self._shape(row), caller)

    async def _body(self, request: Request) -> tuple[Any, str]:
        """The caller, or the refusal, and the body of a comment."""
        caller, body = self._writer(request), (await read_json(request)).get("body") or ""
        if not isinstance(caller, Response) and not 0 < len(body) <= LONGEST:
            return self._too_long(request, "body"), body
        return caller, body

    def _writer(self, request: Request) -> Any:
        """The caller, if it may write issues, or the refusal. Comments of pull requests need `pull_requests: write` only."""
        caller = self._github.authorize(request, "read")
        if isinstance(caller, Response) or caller.may_write("issues") or caller.may_write("pull_requests"):
            return caller
        return self._github.refuse(403, "Resource not accessible by integration")

    def _rows(self) -> list[dict[str, Any]]:
        with self._github.lock:
            rows = self._database.execute(f"SELECT {', '.join(_COLUMNS)} FROM issue ORDER BY number DESC").fetchall()
        issues = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
        return [row | {"labels": json.loads(row["labels"])} for row in issues]

    def _row(self, number: int) -> dict[str, Any] | None:
        return next((row for row in self._rows() if row["number"] == number), None)

    def _shape(self, row: dict[str, Any]) -> dict[str, Any]:
        url = f"/repos/{self._github.repository}/issues/{row['number']}"
        return {
            "number": row["number"], "title": row["title"], "body": row["body"], "state": row["state"], "url": url,
            "html_url": url.removeprefix("/repos"), "labels": [{"name": name} for name in row["labels"]],
            "user": user(row["creator"]),
        }  # fmt: skip

    def _too_long(self, request: Request, field: str) -> Response:
        error = {
            "resource": "Issue",
            "code": "invalid",
            "field": field,
            "message": f"body is too long (maximum is {LONGEST} characters)",
        }
        return self._github.respond({"message": "Validation Failed", "errors": [error]}, status=422)


def _comment(row: tuple[Any, ...]) -> dict[str, Any]:
    return {"id": row[0], "body": row[1], "user": user(row[2])}
