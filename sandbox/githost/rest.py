"""SIMULATED GitHub: git over http, and the REST endpoints for commit statuses and app tokens, over a bare repository.

It answers as GitHub does in what the conductor and Argo CD's notifications rely on: paging, order, validators and 304s, rate
limits, identities with permissions, and the status codes of refusals. docs.github.com/rest: "Commit statuses", "GitHub Apps".
Pull requests are in pulls.py, issues and comments in issues.py.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from sandbox.githost import git_http, issues, pulls

HOURLY_LIMIT = 5000
"""Requests per token and hour: docs.github.com, "Rate limits for the REST API"."""
STATUSES_PER_CONTEXT = 1000
DESCRIPTION = 140
STATES = ("error", "failure", "pending", "success")
TOKEN_LIFE = timedelta(hours=1)
_DOCS = "https://docs.github.com/rest"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS status (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sha TEXT NOT NULL, context TEXT NOT NULL, state TEXT NOT NULL,
    description TEXT, target_url TEXT, creator TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS status_sha ON status (sha);
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY, login TEXT NOT NULL, statuses TEXT NOT NULL, contents TEXT NOT NULL, expires TEXT);
CREATE TABLE IF NOT EXISTS permission (
    token TEXT NOT NULL, name TEXT NOT NULL, level TEXT NOT NULL, PRIMARY KEY (token, name));
"""


@dataclass(frozen=True)
class Identity:
    """Who a token belongs to, and what it may do with commit statuses and with the repository's contents."""

    login: str
    statuses: str
    """`read` or `write`."""
    contents: str = "read"
    expires: datetime | None = None
    also: Mapping[str, str] = field(default_factory=dict)
    """Further permissions by GitHub's own names, such as `pull_requests`, to `read` or `write`."""

    def may_write(self, permission: str) -> bool:
        """Whether it may change what a permission of GitHub's is for."""
        return {"statuses": self.statuses, "contents": self.contents, **self.also}.get(permission) == "write"


@dataclass(frozen=True)
class App:
    """An app that asks for tokens with a JWT signed by its key."""

    installation: str
    identity: Identity
    public_key: str


class GitHub:
    """One simulated host with one repository."""

    def __init__(self, repository: str, git_dir: Path, database: Path | str = ":memory:") -> None:
        """`repository` is `owner/name`; commits that `git_dir` does not have can have no status."""
        self.repository = repository
        self.limit = HOURLY_LIMIT
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.faults: list[Callable[[Request], Response | None]] = []
        """Asked before each request; the first answer that one gives is sent instead. To try outages with."""
        self.allow_auto_merge = False
        """The repository's setting; GitHub's own default."""
        self.required_checks: set[str] = set()
        """Contexts that must have passed on a pull request's head before it can be merged."""
        self.posted: list[Callable[[str], None]] = []
        """Told of each commit that a status was posted on."""
        self.requests: list[str] = []
        """`METHOD path` of each request, in order; those that were answered with 304 have that behind them."""
        self._git_dir = git_dir
        self._database = sqlite3.connect(str(database), check_same_thread=False)
        self._database.executescript(_SCHEMA)
        self._lock = threading.Lock()
        self._commits: set[str] = set()
        self._apps: dict[str, App] = {}
        self._used: dict[tuple[str, int], int] = defaultdict(int)
        routes = [
            Route("/rate_limit", self._rate_limit),
            Route("/repos/{owner}/{name}/commits/{sha}/statuses", self._list),
            Route("/repos/{owner}/{name}/statuses/{sha}", self._create, methods=["POST"]),
            Route("/app/installations/{installation}/access_tokens", self._app_token, methods=["POST"]),
            *pulls.routes(self),
            *issues.routes(self),
        ]
        # GitHub itself has its API at the root of a host of its own, an Enterprise Server under a path; both work here.
        git = Route("/{owner}/{name}.git/{path:path}", self._git, methods=["GET", "POST"])
        self.app = Starlette(routes=[Mount("/api/v3", routes=routes), git, *routes])

    def add_token(
        self, login: str, statuses: str, contents: str = "read", life: timedelta | None = None,
        also: Mapping[str, str] | None = None,
    ) -> str:  # fmt: skip
        """A new token for a login. It outlives a restart, as on the real host."""
        token = f"ghs_{secrets.token_hex(18)}"
        expires = None if life is None else self.clock() + life
        self.know(token, Identity(login, statuses, contents, expires, also or {}))
        return token

    def know(self, token: str, identity: Identity) -> None:
        """Take a token that was made elsewhere."""
        expires = identity.expires.isoformat() if identity.expires else None
        with self._lock:
            self._database.execute(
                "INSERT OR REPLACE INTO token (token, login, statuses, contents, expires) VALUES (?, ?, ?, ?, ?)",
                (token, identity.login, identity.statuses, identity.contents, expires),
            )
            self._database.execute("DELETE FROM permission WHERE token = ?", (token,))
            rows = [(token, name, level) for name, level in identity.also.items()]
            self._database.executemany("INSERT INTO permission (token, name, level) VALUES (?, ?, ?)", rows)
            self._database.commit()

    def add_app(self, app: str, installation: str, identity: Identity, public_key: str) -> None:
        """An app with what its installation may do; its login ends in `[bot]`. The key is PEM."""
        self._apps[app] = App(installation, identity, public_key)

    def identity(self, token: str) -> Identity | None:
        """Who a token belongs to; None if nobody knows it, or if it has expired."""
        with self._lock:
            row = self._database.execute(
                "SELECT login, statuses, contents, expires FROM token WHERE token = ?", (token,)
            ).fetchone()
            also = dict(
                self._database.execute("SELECT name, level FROM permission WHERE token = ?", (token,)).fetchall()
            )
        if row is None:
            return None
        login, statuses, contents, expires = row
        found = Identity(login, statuses, contents, datetime.fromisoformat(expires) if expires else None, also)
        return None if found.expires and found.expires <= self.clock() else found

    # Endpoints

    async def _rate_limit(self, request: Request) -> Response:
        who = self._who(request)
        if isinstance(who, Response):
            return who
        return self._answer(request, {"resources": {"core": self._core(who)}, "rate": self._core(who)}, counts=False)

    async def _list(self, request: Request) -> Response:
        who = self._checked(request, "read")
        if isinstance(who, Response):
            return who
        sha = request.path_params["sha"]
        if not self._has(sha):
            return self._refusal(request, 404, "Not Found")
        per_page = min(max(int(request.query_params.get("per_page", 30)), 1), 100)
        page = max(int(request.query_params.get("page", 1)), 1)
        with self._lock:
            rows = self._database.execute("SELECT * FROM status WHERE sha = ? ORDER BY id DESC", (sha,)).fetchall()
        found = [self._shown(row) for row in rows[(page - 1) * per_page : page * per_page]]
        last = max(1, -(-len(rows) // per_page))
        body = json.dumps(found).encode()
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            self.requests[-1] += " 304"
            return Response(status_code=304, headers={"etag": etag, **self._limits(who)})
        headers = {"etag": etag}
        links = [("prev", page - 1), ("next", page + 1), ("last", last), ("first", 1)]
        shown = [
            f'<{request.url.include_query_params(page=to)}>; rel="{rel}"'
            for rel, to in links
            if 1 <= to <= last and to != page
        ]
        if shown:
            headers["link"] = ", ".join(shown)
        return self._answer(request, found, who, headers=headers)

    async def _create(self, request: Request) -> Response:
        who = self._checked(request, "write")
        if isinstance(who, Response):
            return who
        sha = request.path_params["sha"]
        given = json.loads(await request.body() or b"{}")
        context = given.get("context") or "default"
        problem = ""
        if not self._has(sha):
            problem = f"No commit found for SHA: {sha}"
        elif given.get("state") not in STATES:
            problem = "Validation Failed: state is not included in the list"
        elif len(given.get("description") or "") > DESCRIPTION:
            problem = f"Validation Failed: description is too long (maximum is {DESCRIPTION} characters)"
        elif given.get("target_url") and not str(given["target_url"]).startswith(("http://", "https://")):
            problem = "Validation Failed: target_url must use http(s) scheme"
        with self._lock:
            count = self._database.execute(
                "SELECT count(*) FROM status WHERE sha = ? AND context = ?", (sha, context)
            ).fetchone()[0]
            if count >= STATUSES_PER_CONTEXT:
                problem = "Validation Failed: This SHA and context has reached the maximum number of statuses."
            if problem:
                return self._refusal(request, 422, problem)
            row = (sha, context, given["state"], given.get("description"), given.get("target_url"), who.login,
                   self.clock().strftime("%Y-%m-%dT%H:%M:%SZ"))  # fmt: skip
            cursor = self._database.execute(
                "INSERT INTO status (sha, context, state, description, target_url, creator, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)", row,
            )  # fmt: skip
            self._database.commit()
        for heard in self.posted:
            heard(sha)
        return self._answer(request, self._shown((cursor.lastrowid, *row)), who, status=201)

    async def _app_token(self, request: Request) -> Response:
        self.requests.append(f"{request.method} {request.url.path}")
        given = request.headers.get("authorization", "").partition(" ")[2]
        try:
            app = str(jwt.decode(given, options={"verify_signature": False})["iss"])
            known = self._apps[app]
            jwt.decode(given, known.public_key, algorithms=["RS256"], options={"require": ["exp", "iat"]})
        except (jwt.InvalidTokenError, KeyError) as error:
            return self._refusal(request, 401, f"A JSON web token could not be decoded ({error})")
        if request.path_params["installation"] != known.installation:
            return self._refusal(request, 404, "Not Found")
        may = known.identity
        token = self.add_token(may.login, may.statuses, may.contents, TOKEN_LIFE, may.also)
        expires = (self.clock() + TOKEN_LIFE).strftime("%Y-%m-%dT%H:%M:%SZ")
        permissions = {"statuses": may.statuses, "contents": may.contents, **may.also}
        return JSONResponse({"token": token, "expires_at": expires, "permissions": permissions}, 201)

    async def _git(self, request: Request) -> Response:
        """Git's own protocol. Everybody may read, as in a public repository; to push takes a token with `contents: write`."""
        if f"{request.path_params['owner']}/{request.path_params['name']}" != self.repository:
            return Response(status_code=404)
        outage = self._fault(request)
        if outage is not None:
            return outage
        who = None
        if git_http.pushes(request):
            who = self.identity(git_http.token(request))
            if who is None:
                return Response("Authentication failed.", 401, {"www-authenticate": 'Basic realm="GitHub"'})
            if who.contents != "write":
                return Response(f"Permission to {self.repository}.git denied to {who.login}.", 403)
        return await git_http.answer(request, self._git_dir, who.login if who else "")

    # What they share

    def _fault(self, request: Request) -> Response | None:
        """What an outage that is tried answers in this host's place."""
        return next((answer for fault in self.faults if (answer := fault(request)) is not None), None)

    def _who(self, request: Request) -> Identity | Response:
        self.requests.append(f"{request.method} {request.url.path}")
        outage = self._fault(request)
        if outage is not None:
            return outage
        identity = self.identity(request.headers.get("authorization", "").partition(" ")[2])
        if identity is None:
            return self._refusal(request, 401, "Bad credentials")
        return identity

    def _checked(self, request: Request, permission: str, of: str = "statuses") -> Identity | Response:
        who = self._who(request)
        if isinstance(who, Response):
            return who
        if f"{request.path_params['owner']}/{request.path_params['name']}" != self.repository:
            return self._refusal(request, 404, "Not Found")
        if permission == "write" and not who.may_write(of):
            return self._refusal(request, 403, "Resource not accessible by integration")
        if self._core(who)["remaining"] <= 0:
            return self._refusal(request, 403, f"API rate limit exceeded for {who.login}.", self._limits(who))
        return who

    def _answer(
        self, request: Request, body: Any, who: Identity | None = None, *, status: int = 200,
        headers: dict[str, str] | None = None, counts: bool = True,
    ) -> Response:  # fmt: skip
        if who and counts:
            self._used[who.login, self._hour()] += 1
        return JSONResponse(body, status, {**(headers or {}), **(self._limits(who) if who else {})})

    def _refusal(self, request: Request, status: int, message: str, headers: dict[str, str] | None = None) -> Response:
        return JSONResponse({"message": message, "documentation_url": _DOCS, "status": str(status)}, status, headers)

    def _hour(self) -> int:
        return int(self.clock().timestamp()) // 3600

    def _core(self, who: Identity) -> dict[str, int]:
        used = self._used[who.login, self._hour()]
        return {
            "limit": self.limit,
            "used": used,
            "remaining": max(0, self.limit - used),
            "reset": (self._hour() + 1) * 3600,
        }

    def _limits(self, who: Identity) -> dict[str, str]:
        return {f"x-ratelimit-{key}": str(value) for key, value in self._core(who).items()}

    def _has(self, sha: str) -> bool:
        if sha not in self._commits:  # one that is there stays
            command = ["git", "--git-dir", str(self._git_dir), "cat-file", "-e", f"{sha}^{{commit}}"]
            if subprocess.run(command, capture_output=True).returncode != 0:
                return False
            self._commits.add(sha)
        return True

    def _shown(self, row: tuple[Any, ...]) -> dict[str, Any]:
        id_, sha, context, state, description, target_url, creator, created = row
        kind = "Bot" if creator.endswith("[bot]") else "User"
        return {
            "id": id_, "state": state, "description": description, "target_url": target_url, "context": context,
            "created_at": created, "updated_at": created, "creator": {"login": creator, "type": kind},
            "url": f"/repos/{self.repository}/statuses/{sha}",
        }  # fmt: skip
