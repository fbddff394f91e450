"""SIMULATED pull requests: list, create, update, merge, and auto-merge by GraphQL. Branches and merges are real git.

docs.github.com/rest: "Pull requests". docs.github.com/graphql: enablePullRequestAutoMerge. Reviews, diffs and forks are not
simulated.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.githost.bare import BareRepository, MergeRefusedError
from sandbox.githost.numbers import next_number
from sandbox.githost.shapes import read_json, user

if TYPE_CHECKING:
    from sandbox.githost.rest import SimulatedGitHub, TokenOwner

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pull (
    number INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT, head TEXT NOT NULL, base TEXT NOT NULL, sha TEXT NOT NULL,
    creator TEXT NOT NULL, state TEXT NOT NULL, auto_merge TEXT, merge_commit TEXT, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, closed_at TEXT, merged_at TEXT);
"""
_METHODS = ("merge", "squash")  # GitHub has `rebase`, too
_WRITE = "pull_requests"


class PullRequestEndpoints:
    """The pull requests of a host's repository."""

    def __init__(self, github: SimulatedGitHub) -> None:
        self._github = github
        self._database = github.database
        self._bare = BareRepository(github.git_dir)
        self._database.executescript(_SCHEMA)
        github.statuses.listeners.append(self.status_posted)

    def routes(self) -> list[Route]:
        """The endpoints of pull requests."""
        path = "/repos/{owner}/{name}/pulls"
        return [
            Route(path, self.list_),
            Route(path, self.create, methods=["POST"]),
            Route(f"{path}/{{number:int}}", self.get),
            Route(f"{path}/{{number:int}}", self.update, methods=["PATCH"]),
            Route(f"{path}/{{number:int}}/merge", self.merge, methods=["PUT"]),
            Route("/graphql", self.graphql, methods=["POST"]),
            Route("/api/graphql", self.graphql, methods=["POST"]),  # an Enterprise Server's
        ]

    async def list_(self, request: Request) -> Response:
        caller = self._github.authorize(request, "read")
        if isinstance(caller, Response):
            return caller
        query = request.query_params
        owner, _, branch = query.get("head", "").rpartition(":")
        if owner and owner != self._owner:
            return self._github.respond([], caller)
        state, base = query.get("state", "open"), query.get("base")
        pulls = [
            self._shape(row)
            for row in self._rows()
            if state in ("all", row["state"]) and branch in ("", row["head"]) and base in (None, row["base"])
        ]
        per_page, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
        return self._github.respond(pulls[(page - 1) * per_page : page * per_page], caller)

    async def get(self, request: Request) -> Response:
        caller = self._github.authorize(request, "read")
        if isinstance(caller, Response):
            return caller
        row = self._row(request.path_params["number"])
        if row is None:
            return self._github.refuse(404, "Not Found")
        return self._github.respond(self._shape(row), caller)

    async def create(self, request: Request) -> Response:
        caller = self._github.authorize(request, "write", _WRITE)
        if isinstance(caller, Response):
            return caller
        body = await read_json(request)
        head, base = str(body.get("head") or "").rpartition(":")[2], str(body.get("base") or "")
        sha, onto = self._bare.head(head), self._bare.head(base)
        if not body.get("title"):
            return self._invalid(field="title", code="missing_field")
        if not sha or not onto:
            return self._invalid(field="base" if sha else "head", code="invalid")
        if any((row["head"], row["base"], row["state"]) == (head, base, "open") for row in self._rows()):
            message = f"A pull request already exists for {self._owner}:{head}."
            return self._invalid(code="custom", message=message)
        if self._bare.contains(onto, sha):
            return self._invalid(code="custom", message=f"No commits between {base} and {head}")
        with self._github.lock:
            number, now = next_number(self._database), self._now()
            self._database.execute(
                "INSERT INTO pull (number, title, body, head, base, sha, creator, state, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)",
                (number, body["title"], body.get("body"), head, base, sha, caller.login, now, now),
            )
            self._database.commit()
        return self._github.respond(self._shape(self._row(number) or {}), caller, status=201)

    async def update(self, request: Request) -> Response:
        caller = self._github.authorize(request, "write", _WRITE)
        if isinstance(caller, Response):
            return caller
        row = self._row(request.path_params["number"])
        if row is None:
            return self._github.refuse(404, "Not Found")
        body = await read_json(request)
        state = body.get("state", row["state"])
        if state not in ("open", "closed") or (state == "open" and row["merged_at"]):
            return self._invalid(field="state", code="invalid")
        closed = None if state == "open" else row["closed_at"] or self._now()
        auto = row["auto_merge"] if state == "open" else None
        self._set(
            row["number"], title=body.get("title", row["title"]), body=body.get("body", row["body"]), state=state,
            closed_at=closed, auto_merge=auto,
        )  # fmt: skip
        return self._github.respond(self._shape(self._row(row["number"]) or {}), caller)

    async def merge(self, request: Request) -> Response:
        caller = self._github.authorize(request, "write", "contents")
        if isinstance(caller, Response):
            return caller
        row = self._row(request.path_params["number"])
        if row is None:
            return self._github.refuse(404, "Not Found")
        body = await read_json(request)
        if row["state"] != "open" or body.get("merge_method", "merge") not in _METHODS or not self._clean(row):
            return self._github.refuse(405, "Pull Request is not mergeable")
        if body.get("sha") not in (None, row["sha"]):
            return self._github.refuse(409, "Head branch was modified. Review and try the merge again.")
        try:
            commit = self._merge(row, body.get("merge_method", "merge"))
        except MergeRefusedError:
            return self._github.refuse(405, "Pull Request is not mergeable")
        result = {"sha": commit, "merged": True, "message": "Pull Request successfully merged"}
        return self._github.respond(result, caller)

    async def graphql(self, request: Request) -> Response:
        """The mutation enablePullRequestAutoMerge, with its input as the variable `input`. Other queries are refused."""
        caller = self._github.identify(request)
        if isinstance(caller, Response):
            return caller
        body = await read_json(request)
        if "enablePullRequestAutoMerge" not in body.get("query", ""):
            return self._errors("UNSUPPORTED", "this simulation has no query but enablePullRequestAutoMerge")
        arguments = (body.get("variables") or {}).get("input") or {}
        row = next((row for row in self._rows() if _id(row) == arguments.get("pullRequestId")), None)
        if row is None:
            message = f"Could not resolve to a node with the global id of '{arguments.get('pullRequestId')}'"
            return self._errors("NOT_FOUND", message)
        error = self._auto_merge_error(row, caller)
        if error:
            return self._errors(*error)
        self._set(row["number"], auto_merge=str(arguments.get("mergeMethod") or "MERGE").lower())
        pull = {"number": row["number"], "autoMergeRequest": {"mergeMethod": arguments.get("mergeMethod")}}
        return self._github.respond({"data": {"enablePullRequestAutoMerge": {"pullRequest": pull}}}, caller)

    def status_posted(self, sha: str) -> None:
        """Merge the pull requests whose auto-merge waited for a status on this commit."""
        for row in self._rows():
            if row["state"] == "open" and row["sha"] == sha and row["auto_merge"] and self._clean(row):
                with contextlib.suppress(MergeRefusedError):  # a conflict: the pull request stays open
                    self._merge(row, row["auto_merge"])

    @property
    def _owner(self) -> str:
        return self._github.repository.partition("/")[0]

    def _auto_merge_error(self, row: Mapping[str, Any], caller: TokenOwner) -> tuple[str, str] | None:
        if not (caller.may_write(_WRITE) and caller.may_write("contents")):
            return "FORBIDDEN", "Resource not accessible by integration"
        if not self._github.allow_auto_merge:
            return "UNPROCESSABLE", "Auto merge is not allowed for this repository"
        if row["state"] != "open":
            return "UNPROCESSABLE", "Can't enable auto-merge for this pull request."
        if self._clean(row):
            return "UNPROCESSABLE", "Pull request Pull request is in clean status"
        return None

    def _clean(self, row: Mapping[str, Any]) -> bool:
        """Whether each required check is successful on the head."""
        states = self._github.statuses.latest(row["sha"])
        return all(states.get(context) == "success" for context in self._github.required_checks)

    def _merge(self, row: Mapping[str, Any], method: str) -> str:
        """Merge into the base. Returns the new commit. Raises MergeRefusedError on a conflict."""
        message = (f"{row['title']} (#{row['number']})", row["body"] or "")
        commit = self._bare.merge(row["base"], row["sha"], message, method == "squash")
        now = self._now()
        self._set(row["number"], state="closed", merge_commit=commit, merged_at=now, closed_at=now, auto_merge=None)
        return commit

    def _rows(self) -> list[dict[str, Any]]:
        """All pull requests, the newest first.

        An open one follows its branch, and ends with the branch, or when its base has the branch's commit.
        """
        with self._github.lock:
            cursor = self._database.execute("SELECT * FROM pull ORDER BY number DESC")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
        for row in rows:
            if row["state"] != "open":
                continue
            now, sha = self._now(), self._bare.head(row["head"])
            if not sha:
                self._set(row["number"], **_update(row, state="closed", closed_at=now))
            elif sha != row["sha"]:
                self._set(row["number"], **_update(row, sha=sha))
            if sha and self._bare.contains(self._bare.head(row["base"]), sha):
                self._set(row["number"], **_update(row, state="closed", closed_at=now, merged_at=now, merge_commit=sha))
        return rows

    def _row(self, number: int) -> dict[str, Any] | None:
        return next((row for row in self._rows() if row["number"] == number), None)

    def _set(self, number: int, **values: Any) -> None:
        values["updated_at"] = self._now()
        names = ", ".join(f"{name} = ?" for name in values)
        with self._github.lock:
            self._database.execute(f"UPDATE pull SET {names} WHERE number = ?", (*values.values(), number))
            self._database.commit()

    def _shape(self, row: Mapping[str, Any]) -> dict[str, Any]:
        url = f"/repos/{self._github.repository}/pulls/{row['number']}"
        return {
            "number": row["number"], "node_id": _id(row), "title": row["title"], "body": row["body"],
            "state": row["state"], "draft": False, "url": url, "html_url": url.replace("/repos", "").replace("pulls", "pull"),
            "user": user(row["creator"]),
            "head": {"ref": row["head"], "sha": row["sha"], "label": f"{self._owner}:{row['head']}"},
            "base": {"ref": row["base"], "sha": self._bare.head(row["base"]), "label": f"{self._owner}:{row['base']}"},
            "auto_merge": {"merge_method": row["auto_merge"]} if row["auto_merge"] else None,
            "merge_commit_sha": row["merge_commit"], "merged": row["merged_at"] is not None, "merged_at": row["merged_at"],
            "created_at": row["created_at"], "updated_at": row["updated_at"], "closed_at": row["closed_at"],
        }  # fmt: skip

    def _invalid(self, **error: str) -> Response:
        body = {"message": "Validation Failed", "errors": [{"resource": "PullRequest", **error}], "status": "422"}
        return self._github.respond(body, status=422)

    def _errors(self, kind: str, message: str) -> Response:
        """GraphQL's errors come with status 200."""
        error = {"type": kind, "path": ["enablePullRequestAutoMerge"], "message": message}
        return self._github.respond({"data": {"enablePullRequestAutoMerge": None}, "errors": [error]})

    def _now(self) -> str:
        return self._github.clock().strftime("%Y-%m-%dT%H:%M:%SZ")


def _id(row: Mapping[str, Any]) -> str:
    """The GraphQL id."""
    return f"PR_{row['number']}"


def _update(row: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Set values of a row. Returns the values."""
    row |= values
    return values
