"""SIMULATED pull requests: list, create, update, merge, and auto-merge by GraphQL. Branches and merges are real git.

docs.github.com/rest: "Pull requests"; docs.github.com/graphql: enablePullRequestAutoMerge. What GitHub keeps for itself (reviews,
diffs, forks) is not here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.githost.bare import Bare, RefusedError
from sandbox.githost.numbers import number

if TYPE_CHECKING:
    from sandbox.githost.rest import GitHub, Identity

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pull (
    number INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT, head TEXT NOT NULL, base TEXT NOT NULL, sha TEXT NOT NULL,
    creator TEXT NOT NULL, state TEXT NOT NULL, auto_merge TEXT, merge_commit TEXT, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, closed_at TEXT, merged_at TEXT);
"""
_METHODS = ("merge", "squash")  # GitHub has `rebase`, too
_WRITE = "pull_requests"


def routes(github: GitHub) -> list[Route]:
    """The endpoints of pull requests, for a host's other ones."""
    pulls = Pulls(github)
    github.posted.append(pulls.heard)
    place = "/repos/{owner}/{name}/pulls"
    return [
        Route(place, pulls.list_),
        Route(place, pulls.create, methods=["POST"]),
        Route(f"{place}/{{number:int}}", pulls.get),
        Route(f"{place}/{{number:int}}", pulls.update, methods=["PATCH"]),
        Route(f"{place}/{{number:int}}/merge", pulls.merge, methods=["PUT"]),
        Route("/graphql", pulls.graphql, methods=["POST"]),
        Route("/api/graphql", pulls.graphql, methods=["POST"]),  # an Enterprise Server's
    ]


class Pulls:
    """The pull requests of a host's repository: a part of it in a file of its own."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._database = github._database
        self._bare = Bare(github._git_dir)
        self._database.executescript(_SCHEMA)

    # Endpoints

    async def list_(self, request: Request) -> Response:
        who = self._github._checked(request, "read")
        if isinstance(who, Response):
            return who
        asked = request.query_params
        owner, _, branch = asked.get("head", "").rpartition(":")
        if owner and owner != self._owner:
            return self._github._answer(request, [], who)
        state, base = asked.get("state", "open"), asked.get("base")
        found = [
            self._shown(row)
            for row in self._rows()
            if state in ("all", row["state"]) and branch in ("", row["head"]) and base in (None, row["base"])
        ]
        per_page, page = min(int(asked.get("per_page", 30)), 100), int(asked.get("page", 1))
        return self._github._answer(request, found[(page - 1) * per_page : page * per_page], who)

    async def get(self, request: Request) -> Response:
        who = self._github._checked(request, "read")
        if isinstance(who, Response):
            return who
        row = self._row(request.path_params["number"])
        if row is None:
            return self._github._refusal(request, 404, "Not Found")
        return self._github._answer(request, self._shown(row), who)

    async def create(self, request: Request) -> Response:
        who = self._github._checked(request, "write", _WRITE)
        if isinstance(who, Response):
            return who
        given = json.loads(await request.body() or b"{}")
        head, base = str(given.get("head") or "").rpartition(":")[2], str(given.get("base") or "")
        sha, onto = self._bare.at(head), self._bare.at(base)
        if not given.get("title"):
            return self._invalid(request, field="title", code="missing_field")
        if not sha or not onto:
            return self._invalid(request, field="base" if sha else "head", code="invalid")
        if any((row["head"], row["base"], row["state"]) == (head, base, "open") for row in self._rows()):
            words = f"A pull request already exists for {self._owner}:{head}."
            return self._invalid(request, code="custom", message=words)
        if self._bare.contains(onto, sha):
            return self._invalid(request, code="custom", message=f"No commits between {base} and {head}")
        with self._github._lock:
            new, now = number(self._database), self._now()
            self._database.execute(
                "INSERT INTO pull (number, title, body, head, base, sha, creator, state, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)",
                (new, given["title"], given.get("body"), head, base, sha, who.login, now, now),
            )
            self._database.commit()
        return self._github._answer(request, self._shown(self._row(new) or {}), who, status=201)

    async def update(self, request: Request) -> Response:
        who = self._github._checked(request, "write", _WRITE)
        if isinstance(who, Response):
            return who
        row = self._row(request.path_params["number"])
        if row is None:
            return self._github._refusal(request, 404, "Not Found")
        given = json.loads(await request.body() or b"{}")
        state = given.get("state", row["state"])
        if state not in ("open", "closed") or (state == "open" and row["merged_at"]):
            return self._invalid(request, field="state", code="invalid")
        closed = None if state == "open" else row["closed_at"] or self._now()
        auto = row["auto_merge"] if state == "open" else None
        self._set(
            row["number"], title=given.get("title", row["title"]), body=given.get("body", row["body"]), state=state,
            closed_at=closed, auto_merge=auto,
        )  # fmt: skip
        return self._github._answer(request, self._shown(self._row(row["number"]) or {}), who)

    async def merge(self, request: Request) -> Response:
        who = self._github._checked(request, "write", "contents")
        if isinstance(who, Response):
            return who
        row = self._row(request.path_params["number"])
        if row is None:
            return self._github._refusal(request, 404, "Not Found")
        given = json.loads(await request.body() or b"{}")
        if row["state"] != "open" or given.get("merge_method", "merge") not in _METHODS or not self._clean(row):
            return self._github._refusal(request, 405, "Pull Request is not mergeable")
        if given.get("sha") not in (None, row["sha"]):
            return self._github._refusal(request, 409, "Head branch was modified. Review and try the merge again.")
        try:
            commit = self._merge(row, given.get("merge_method", "merge"))
        except RefusedError:
            return self._github._refusal(request, 405, "Pull Request is not mergeable")
        done = {"sha": commit, "merged": True, "message": "Pull Request successfully merged"}
        return self._github._answer(request, done, who)

    async def graphql(self, request: Request) -> Response:
        """The mutation enablePullRequestAutoMerge, its input given as the variable `input`, and nothing else."""
        who = self._github._who(request)
        if isinstance(who, Response):
            return who
        given = json.loads(await request.body() or b"{}")
        if "enablePullRequestAutoMerge" not in given.get("query", ""):
            return self._errors(request, "UNSUPPORTED", "this simulation knows enablePullRequestAutoMerge alone")
        asked = (given.get("variables") or {}).get("input") or {}
        row = next((row for row in self._rows() if _id(row) == asked.get("pullRequestId")), None)
        if row is None:
            words = f"Could not resolve to a node with the global id of '{asked.get('pullRequestId')}'"
            return self._errors(request, "NOT_FOUND", words)
        problem = self._no_auto_merge(row, who)
        if problem:
            return self._errors(request, *problem)
        self._set(row["number"], auto_merge=str(asked.get("mergeMethod") or "MERGE").lower())
        number = {"number": row["number"], "autoMergeRequest": {"mergeMethod": asked.get("mergeMethod")}}
        return self._github._answer(request, {"data": {"enablePullRequestAutoMerge": {"pullRequest": number}}}, who)

    def heard(self, sha: str) -> None:
        """A status was posted: merge what waited for it."""
        for row in self._rows():
            if row["state"] == "open" and row["sha"] == sha and row["auto_merge"] and self._clean(row):
                with contextlib.suppress(RefusedError):  # a conflict: it stays open
                    self._merge(row, row["auto_merge"])

    # What they share

    @property
    def _owner(self) -> str:
        return self._github.repository.partition("/")[0]

    def _no_auto_merge(self, row: Mapping[str, Any], who: Identity) -> tuple[str, str] | None:
        if not (who.may_write(_WRITE) and who.may_write("contents")):
            return "FORBIDDEN", "Resource not accessible by integration"
        if not self._github.allow_auto_merge:
            return "UNPROCESSABLE", "Auto merge is not allowed for this repository"
        if row["state"] != "open":
            return "UNPROCESSABLE", "Can't enable auto-merge for this pull request."
        if self._clean(row):
            return "UNPROCESSABLE", "Pull request Pull request is in clean status"
        return None

    def _clean(self, row: Mapping[str, Any]) -> bool:
        """Whether each required check has passed on the head."""
        with self._github._lock:
            said = dict(
                self._database.execute("SELECT context, state FROM status WHERE sha = ? ORDER BY id", (row["sha"],))
            )
        return all(said.get(context) == "success" for context in self._github.required_checks)

    def _merge(self, row: Mapping[str, Any], method: str) -> str:
        """Merge into the base; the result is the new commit. Raises RefusedError on a conflict."""
        message = (f"{row['title']} (#{row['number']})", row["body"] or "")
        commit = self._bare.merge(row["base"], row["sha"], message, method == "squash")
        now = self._now()
        self._set(row["number"], state="closed", merge_commit=commit, merged_at=now, closed_at=now, auto_merge=None)
        return commit

    def _rows(self) -> list[dict[str, Any]]:
        """All pull requests, the newest first. An open one follows its branch; it ends with it, or when its base has it."""
        with self._github._lock:
            cursor = self._database.execute("SELECT * FROM pull ORDER BY number DESC")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
        for row in rows:
            if row["state"] != "open":
                continue
            now, sha = self._now(), self._bare.at(row["head"])
            if not sha:
                self._set(row["number"], **_into(row, state="closed", closed_at=now))
            elif sha != row["sha"]:
                self._set(row["number"], **_into(row, sha=sha))
            if sha and self._bare.contains(self._bare.at(row["base"]), sha):
                self._set(row["number"], **_into(row, state="closed", closed_at=now, merged_at=now, merge_commit=sha))
        return rows

    def _row(self, wanted: int) -> dict[str, Any] | None:
        return next((row for row in self._rows() if row["number"] == wanted), None)

    def _set(self, wanted: int, **values: Any) -> None:
        values["updated_at"] = self._now()
        names = ", ".join(f"{name} = ?" for name in values)
        with self._github._lock:
            self._database.execute(f"UPDATE pull SET {names} WHERE number = ?", (*values.values(), wanted))
            self._database.commit()

    def _shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        place, creator = f"/repos/{self._github.repository}/pulls/{row['number']}", row["creator"]
        return {
            "number": row["number"], "node_id": _id(row), "title": row["title"], "body": row["body"],
            "state": row["state"], "draft": False, "url": place, "html_url": place.replace("/repos", "").replace("pulls", "pull"),
            "user": {"login": creator, "type": "Bot" if creator.endswith("[bot]") else "User"},
            "head": {"ref": row["head"], "sha": row["sha"], "label": f"{self._owner}:{row['head']}"},
            "base": {"ref": row["base"], "sha": self._bare.at(row["base"]), "label": f"{self._owner}:{row['base']}"},
            "auto_merge": {"merge_method": row["auto_merge"]} if row["auto_merge"] else None,
            "merge_commit_sha": row["merge_commit"], "merged": row["merged_at"] is not None, "merged_at": row["merged_at"],
            "created_at": row["created_at"], "updated_at": row["updated_at"], "closed_at": row["closed_at"],
        }  # fmt: skip

    def _invalid(self, request: Request, **error: str) -> Response:
        body = {"message": "Validation Failed", "errors": [{"resource": "PullRequest", **error}], "status": "422"}
        return self._github._answer(request, body, status=422)

    def _errors(self, request: Request, kind: str, message: str) -> Response:
        """GraphQL's errors come with status 200."""
        error = {"type": kind, "path": ["enablePullRequestAutoMerge"], "message": message}
        return self._github._answer(request, {"data": {"enablePullRequestAutoMerge": None}, "errors": [error]})

    def _now(self) -> str:
        return self._github.clock().strftime("%Y-%m-%dT%H:%M:%SZ")


def _id(row: Mapping[str, Any]) -> str:
    """The GraphQL id."""
    return f"PR_{row['number']}"


def _into(row: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The values, which the row has from now on."""
    row |= values
    return values
