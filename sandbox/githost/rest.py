"""SIMULATED GitHub: one repository with git over http, app tokens, and the REST endpoints of its parts.

The host answers like GitHub in the properties that the conductor and Argo CD's notifications rely on:

- paging, order, validators and 304s
- rate limits
- identities with permissions
- the status codes of refusals

docs.github.com/rest: "GitHub Apps". The parts are statuses.py, pulls.py and issues.py.
"""

from __future__ import annotations

import secrets
import sqlite3
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

from sandbox.githost import git_http
from sandbox.githost.issues import IssueEndpoints
from sandbox.githost.pulls import PullRequestEndpoints
from sandbox.githost.statuses import StatusEndpoints

HOURLY_LIMIT = 5000
"""Requests per token and hour: docs.github.com, "Rate limits for the REST API"."""
TOKEN_LIFE = timedelta(hours=1)
_DOCS = "https://docs.github.com/rest"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY, login TEXT NOT NULL, statuses TEXT NOT NULL, contents TEXT NOT NULL, expires TEXT);
CREATE TABLE IF NOT EXISTS permission (
    token TEXT NOT NULL, name TEXT NOT NULL, level TEXT NOT NULL, PRIMARY KEY (token, name));
"""


@dataclass(frozen=True)
class TokenOwner:
    """The owner of a token, and its permissions for commit statuses and for the repository's contents."""

    login: str
    statuses: str
    """`read` or `write`."""
    contents: str = "read"
    expires: datetime | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)
    """Further permissions by GitHub's own names, such as `pull_requests`, to `read` or `write`."""

    def may_write(self, permission: str) -> bool:
        """Whether the owner has the write level of a permission."""
        return {"statuses": self.statuses, "contents": self.contents, **self.permissions}.get(permission) == "write"


@dataclass(frozen=True)
class AppInstallation:
    """An app that asks for tokens with a JWT signed by its key."""

    installation: str
    owner: TokenOwner
    public_key: str


class SimulatedGitHub:
    """One simulated host with one repository."""

    def __init__(self, repository: str, git_dir: Path, database: Path | str = ":memory:") -> None:
        """`repository` is `owner/name`. Only commits in `git_dir` can have a status."""
        self.repository = repository
        self.git_dir = git_dir
        self.limit = HOURLY_LIMIT
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.faults: list[Callable[[Request], Response | None]] = []
        """Called before each request, to simulate outages. The host sends the first answer that a fault returns."""
        self.allow_auto_merge = False
        """The repository's setting, with GitHub's own default."""
        self.required_checks: set[str] = set()
        """Contexts that must be successful on a pull request's head before a merge."""
        self.requests: list[str] = []
        """`METHOD path` of each request, in order. ` 304` follows the path of a request with that answer."""
        self.database = sqlite3.connect(str(database), check_same_thread=False)
        self.database.executescript(_SCHEMA)
        self.lock = threading.Lock()
        """Held around every use of the database."""
        self.statuses = StatusEndpoints(self)
        self._installations: dict[str, AppInstallation] = {}
        self._used: dict[tuple[str, int], int] = defaultdict(int)
        routes = [
            Route("/rate_limit", self._rate_limit),
            Route("/app/installations/{installation}/access_tokens", self._app_token, methods=["POST"]),
            *self.statuses.routes(),
            *PullRequestEndpoints(self).routes(),
            *IssueEndpoints(self).routes(),
        ]
        # GitHub's API is at the root of its own host, an Enterprise Server's is under a path. Both work here.
        git = Route("/{owner}/{name}.git/{path:path}", self._git, methods=["GET", "POST"])
        self.app = Starlette(routes=[Mount("/api/v3", routes=routes), git, *routes])

    def add_token(
        self, login: str, statuses: str, contents: str = "read", life: timedelta | None = None,
        permissions: Mapping[str, str] | None = None,
    ) -> str:  # fmt: skip
        """A new token for a login. The token outlives a restart, as on the real host."""
        token = f"ghs_{secrets.token_hex(18)}"
        expires = None if life is None else self.clock() + life
        self.register_token(token, TokenOwner(login, statuses, contents, expires, permissions or {}))
        return token

    def register_token(self, token: str, owner: TokenOwner) -> None:
        """Accept an existing token."""
        expires = owner.expires.isoformat() if owner.expires else None
        with self.lock:
            self.database.execute(
                "INSERT OR REPLACE INTO token (token, login, statuses, contents, expires) VALUES (?, ?, ?, ?, ?)",
                (token, owner.login, owner.statuses, owner.contents, expires),
            )
            self.database.execute("DELETE FROM permission WHERE token = ?", (token,))
            rows = [(token, name, level) for name, level in owner.permissions.items()]
            self.database.executemany("INSERT INTO permission (token, name, level) VALUES (?, ?, ?)", rows)
            self.database.commit()

    def add_app(self, app: str, installation: str, owner: TokenOwner, public_key: str) -> None:
        """Add an app with its installation's permissions. The owner's login ends in `[bot]`. The key is PEM."""
        self._installations[app] = AppInstallation(installation, owner, public_key)

    def owner(self, token: str) -> TokenOwner | None:
        """The owner of a token. None for an unknown or expired token."""
        with self.lock:
            row = self.database.execute(
                "SELECT login, statuses, contents, expires FROM token WHERE token = ?", (token,)
            ).fetchone()
            permissions = dict(
                self.database.execute("SELECT name, level FROM permission WHERE token = ?", (token,)).fetchall()
            )
        if row is None:
            return None
        login, statuses, contents, expiry = row
        expires = datetime.fromisoformat(expiry) if expiry else None
        if expires and expires <= self.clock():
            return None
        return TokenOwner(login, statuses, contents, expires, permissions)

    def identify(self, request: Request) -> TokenOwner | Response:
        """The owner of a request's token, or the refusal. Records the request."""
        self.requests.append(f"{request.method} {request.url.path}")
        outage = self._outage(request)
        if outage is not None:
            return outage
        owner = self.owner(request.headers.get("authorization", "").partition(" ")[2])
        return self.refuse(401, "Bad credentials") if owner is None else owner

    def authorize(self, request: Request, level: str, permission: str = "statuses") -> TokenOwner | Response:
        """The owner of a request's token, if it may do the request, or the refusal."""
        caller = self.identify(request)
        if isinstance(caller, Response):
            return caller
        if f"{request.path_params['owner']}/{request.path_params['name']}" != self.repository:
            return self.refuse(404, "Not Found")
        if level == "write" and not caller.may_write(permission):
            return self.refuse(403, "Resource not accessible by integration")
        if self._core(caller)["remaining"] <= 0:
            return self.refuse(403, f"API rate limit exceeded for {caller.login}.", self._limits(caller))
        return caller

    def respond(
        self, body: Any, caller: TokenOwner | None = None, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        """An answer, which counts for the caller's rate limit."""
        if caller:
            self._used[caller.login, self._hour()] += 1
        return JSONResponse(body, status, {**(headers or {}), **(self._limits(caller) if caller else {})})

    def not_modified(self, caller: TokenOwner, etag: str) -> Response:
        """The answer 304 to the last request, which counts for no rate limit."""
        self.requests[-1] += " 304"
        return Response(status_code=304, headers={"etag": etag, **self._limits(caller)})

    def refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> Response:
        """An error in GitHub's form."""
        return JSONResponse({"message": message, "documentation_url": _DOCS, "status": str(status)}, status, headers)

    async def _rate_limit(self, request: Request) -> Response:
        caller = self.identify(request)
        if isinstance(caller, Response):
            return caller
        core = self._core(caller)
        return JSONResponse({"resources": {"core": core}, "rate": core}, headers=self._limits(caller))

    async def _app_token(self, request: Request) -> Response:
        self.requests.append(f"{request.method} {request.url.path}")
        token = request.headers.get("authorization", "").partition(" ")[2]
        try:
            app = self._installations[str(jwt.decode(token, options={"verify_signature": False})["iss"])]
            jwt.decode(token, app.public_key, algorithms=["RS256"], options={"require": ["exp", "iat"]})
        except (jwt.InvalidTokenError, KeyError) as error:
            return self.refuse(401, f"A JSON web token could not be decoded ({error})")
        if request.path_params["installation"] != app.installation:
            return self.refuse(404, "Not Found")
        owner = app.owner
        token = self.add_token(owner.login, owner.statuses, owner.contents, TOKEN_LIFE, owner.permissions)
        expires = (self.clock() + TOKEN_LIFE).strftime("%Y-%m-%dT%H:%M:%SZ")
        permissions = {"statuses": owner.statuses, "contents": owner.contents, **owner.permissions}
        return JSONResponse({"token": token, "expires_at": expires, "permissions": permissions}, 201)

    async def _git(self, request: Request) -> Response:
        """Git's own protocol. Every client may read, as in a public repository. A push takes a token with `contents: write`."""
        if f"{request.path_params['owner']}/{request.path_params['name']}" != self.repository:
            return Response(status_code=404)
        outage = self._outage(request)
        if outage is not None:
            return outage
        caller = None
        if git_http.pushes(request):
            caller = self.owner(git_http.token(request))
            if caller is None:
                return Response("Authentication failed.", 401, {"www-authenticate": 'Basic realm="GitHub"'})
            if caller.contents != "write":
                return Response(f"Permission to {self.repository}.git denied to {caller.login}.", 403)
        return await git_http.answer(request, self.git_dir, caller.login if caller else "")

    def _outage(self, request: Request) -> Response | None:
        return next((answer for fault in self.faults if (answer := fault(request)) is not None), None)

    def _hour(self) -> int:
        return int(self.clock().timestamp()) // 3600

    def _core(self, caller: TokenOwner) -> dict[str, int]:
        used = self._used[caller.login, self._hour()]
        return {
            "limit": self.limit,
            "used": used,
            "remaining": max(0, self.limit - used),
            "reset": (self._hour() + 1) * 3600,
        }

    def _limits(self, caller: TokenOwner) -> dict[str, str]:
        return {f"x-ratelimit-{key}": str(value) for key, value in self._core(caller).items()}
