"""SIMULATED issues and comments: list, create, update, as far as what keeps a comment or an issue up to date needs them.

docs.github.com/rest: "Issues", "Issue comments". A pull request is an issue too, with the same number.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.githost.numbers import number

if TYPE_CHECKING:
    from sandbox.githost.rest import GitHub

LONGEST = 65_536
"""Characters of an issue's or a comment's body."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS issue (
    number INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT, state TEXT NOT NULL, labels TEXT NOT NULL, creator TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS comment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL, body TEXT NOT NULL, creator TEXT NOT NULL);
"""
_COLUMNS = ("number", "title", "body", "state", "labels", "creator")


def routes(github: GitHub) -> list[Route]:
    """The endpoints of issues and comments, for a host's other ones."""
    issues = Issues(github)
    place = "/repos/{owner}/{name}/issues"
    return [
        Route(f"{place}/comments/{{id:int}}", issues.edit, methods=["PATCH"]),
        Route(f"{place}/{{number:int}}/comments", issues.comments),
        Route(f"{place}/{{number:int}}/comments", issues.comment, methods=["POST"]),
        Route(f"{place}/{{number:int}}", issues.update, methods=["PATCH"]),
        Route(place, issues.list_),
        Route(place, issues.create, methods=["POST"]),
    ]


class Issues:
    """The issues of a host's repository: a part of it in a file of its own."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._database = github._database
        self._database.executescript(_SCHEMA)

    async def comments(self, request: Request) -> Response:
        who = self._github._checked(request, "read")
        if isinstance(who, Response):
            return who
        wanted = request.path_params["number"]
        with self._github._lock:
            rows = self._database.execute(
                "SELECT id, body, creator FROM comment WHERE number = ? ORDER BY id", (wanted,)
            ).fetchall()
        page, per_page = int(request.query_params.get("page", 1)), int(request.query_params.get("per_page", 30))
        shown = [_comment(row) for row in rows[(page - 1) * per_page : page * per_page]]
        more = {"link": f'<{request.url.include_query_params(page=page + 1)}>; rel="next"'}
        return self._github._answer(request, shown, who, headers=more if len(rows) > page * per_page else None)

    async def comment(self, request: Request) -> Response:
        who, body = await self._body(request)
        if isinstance(who, Response):
            return who
        with self._github._lock:
            row = (request.path_params["number"], body, who.login)
            made = self._database.execute("INSERT INTO comment (number, body, creator) VALUES (?, ?, ?)", row).lastrowid
            self._database.commit()
        return self._github._answer(request, _comment((made, body, who.login)), who, status=201)

    async def edit(self, request: Request) -> Response:
        who, body = await self._body(request)
        if isinstance(who, Response):
            return who
        wanted = request.path_params["id"]
        with self._github._lock:
            self._database.execute("UPDATE comment SET body = ? WHERE id = ?", (body, wanted))
            self._database.commit()
            row = self._database.execute("SELECT id, body, creator FROM comment WHERE id = ?", (wanted,)).fetchone()
        return (
            self._github._answer(request, _comment(row), who)
            if row
            else self._github._refusal(request, 404, "Not Found")
        )

    async def list_(self, request: Request) -> Response:
        who = self._github._checked(request, "read")
        if isinstance(who, Response):
            return who
        asked = request.query_params
        label, state = asked.get("labels"), asked.get("state", "open")
        found = [
            self._shown(row)
            for row in self._rows()
            if state in ("all", row["state"]) and (not label or label in row["labels"])
        ]
        return self._github._answer(request, found if int(asked.get("page", 1)) == 1 else [], who)

    async def create(self, request: Request) -> Response:
        who = self._writer(request)
        if isinstance(who, Response):
            return who
        given = await _given(request)
        if not given.get("title"):
            return self._too_long(request, "title")
        with self._github._lock:
            new = number(self._database)
            row = (new, given["title"], given.get("body"), "open", json.dumps(given.get("labels") or []), who.login)
            self._database.execute("INSERT INTO issue VALUES (?, ?, ?, ?, ?, ?)", row)
            self._database.commit()
        return self._github._answer(request, self._shown(self._row(new) or {}), who, status=201)

    async def update(self, request: Request) -> Response:
        who = self._writer(request)
        if isinstance(who, Response):
            return who
        row, given = self._row(request.path_params["number"]), await _given(request)
        if row is None:
            return self._github._refusal(request, 404, "Not Found")
        row |= {key: given[key] for key in ("title", "body", "state") if key in given}
        with self._github._lock:
            self._database.execute(
                "UPDATE issue SET title = ?, body = ?, state = ? WHERE number = ?",
                (row["title"], row["body"], row["state"], row["number"]),
            )
            self._database.commit()
        return self._github._answer(request, self._shown(row), who)

    async def _body(self, request: Request) -> tuple[Any, str]:
        """Who comments, and what; or what is answered to it."""
        who, body = self._writer(request), (await _given(request)).get("body") or ""
        if not isinstance(who, Response) and not 0 < len(body) <= LONGEST:
            return self._too_long(request, "body"), body
        return who, body

    def _writer(self, request: Request) -> Any:
        """Who asks, if they may write to issues; to a pull request's comments `pull_requests: write` is enough."""
        who = self._github._checked(request, "read")
        if isinstance(who, Response) or who.may_write("issues") or who.may_write("pull_requests"):
            return who
        return self._github._refusal(request, 403, "Resource not accessible by integration")

    def _rows(self) -> list[dict[str, Any]]:
        with self._github._lock:
            rows = self._database.execute(f"SELECT {', '.join(_COLUMNS)} FROM issue ORDER BY number DESC").fetchall()
        found = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
        return [row | {"labels": json.loads(row["labels"])} for row in found]

    def _row(self, wanted: int) -> dict[str, Any] | None:
        return next((row for row in self._rows() if row["number"] == wanted), None)

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        place = f"/repos/{self._github.repository}/issues/{row['number']}"
        return {
            "number": row["number"], "title": row["title"], "body": row["body"], "state": row["state"], "url": place,
            "html_url": place.removeprefix("/repos"), "labels": [{"name": name} for name in row["labels"]],
            "user": _user(row["creator"]),
        }  # fmt: skip

    def _too_long(self, request: Request, field: str) -> Response:
        error = {
            "resource": "Issue",
            "code": "invalid",
            "field": field,
            "message": f"body is too long (maximum is {LONGEST} characters)",
        }
        return self._github._answer(request, {"message": "Validation Failed", "errors": [error]}, status=422)


async def _given(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await request.body() or b"{}")
    return found


def _comment(row: tuple[Any, ...]) -> dict[str, Any]:
    return {"id": row[0], "body": row[1], "user": _user(row[2])}


def _user(login: str) -> dict[str, str]:
    return {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}
