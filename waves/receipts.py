"""Receipts out of GitHub's commit statuses, through githubkit. Another host is one more class of this shape.

GitHub lists a commit's statuses newest first, so the first page alone tells whether there is anything new: an unchanged
commit costs one conditional request, which does not count against the rate limit (docs.github.com, "Best practices").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from githubkit import GitHub, Response
from githubkit.exception import GitHubException, RateLimitExceeded, RequestError, RequestFailed
from githubkit.retry import RETRY_DEFAULT, RetryOption

from waves.model import Commit, Receipt, State

CONTEXT = re.compile(r"^region/(?P<region>[a-z0-9-]+)/(?P<check>[a-z]+)$")
"""The contexts that are receipts. A commit may have any other statuses as well."""
PER_PAGE = 100
PATIENCE = timedelta(seconds=90)
"""The longest wait for a rate limit inside of one pass. What takes longer ends the pass with an error that says until when."""
RETRIES = 3
DESCRIPTION = 140
"""Characters that GitHub takes for a status's description."""
TIMEOUT = 20.0
"""Seconds for one request."""


class HostError(Exception):
    """The git host cannot be asked, or refuses; the text says what to do."""


@dataclass(frozen=True)
class _Known:
    """A commit's statuses as they were last read, the newest first."""

    etag: str
    statuses: tuple[dict[str, Any], ...]


class GitHubReceipts:
    """The statuses of one repository. Keep it between passes: it asks only for what is new."""

    def __init__(self, repository: str, token: str, base_url: str | None = None) -> None:
        """`repository` is `owner/name`; the token needs to read commit statuses, and nothing else."""
        self._repository = repository
        self._github = GitHub(
            token, base_url=base_url, auto_retry=again, timeout=TIMEOUT, http_cache=False, follow_redirects=True
        )
        self._known: dict[Commit, _Known] = {}

    def now(self) -> datetime:
        """The host's clock. The request that tells it does not count against the rate limit. Raises HostError."""
        return _date(self._get("/rate_limit", missing_is_fine=True))

    def of(self, commits: set[Commit]) -> Mapping[Commit, Sequence[Receipt]]:
        """All receipts on these commits. Raises HostError; a part of them is never taken for the whole."""
        found = {}
        for commit in sorted(commits):
            self._known[commit] = self._read(commit)
            found[commit] = tuple(r for s in self._known[commit].statuses if (r := receipt(s)) is not None)
        self._known = {commit: known for commit, known in self._known.items() if commit in commits}
        return found

    def post(self, commit: Commit, context: str, state: State, description: str, target_url: str = "") -> None:
        """Post a commit status; the token needs `statuses: write`. Raises HostError."""
        body = {"state": str(state), "context": context, "description": description[:DESCRIPTION]}
        if target_url:
            body["target_url"] = target_url
        self._request("POST", f"/repos/{self._repository}/statuses/{commit}", json=body)

    def _read(self, commit: Commit) -> _Known:
        known = self._known.get(commit, _Known("", ()))
        seen = {status["id"] for status in known.statuses}
        path = f"/repos/{self._repository}/commits/{commit}/statuses"
        headers = {"If-None-Match": known.etag} if known.etag else {}
        response = self._get(path, headers)
        if response.status_code == 304:
            return known
        etag = response.headers.get("etag", "")
        fresh: dict[int, dict[str, Any]] = {}
        page = 1
        while True:
            statuses: list[dict[str, Any]] = response.json()
            fresh |= {status["id"]: status for status in statuses if status["id"] not in seen}
            # A status that comes in meanwhile shifts the others to later pages: one may be read twice, none is missed.
            if 'rel="next"' not in response.headers.get("link", "") or any(s["id"] in seen for s in statuses):
                break
            page += 1
            response = self._get(path, {}, page)
        return _Known(etag, (*sorted(fresh.values(), key=lambda status: -status["id"]), *known.statuses))

    def _get(
        self, path: str, headers: Mapping[str, str] | None = None, page: int = 1, *, missing_is_fine: bool = False
    ) -> Response[Any]:
        return self._request(
            "GET", path, missing_is_fine, params={"per_page": PER_PAGE, "page": page}, headers=dict(headers or {})
        )

    def _request(self, method: str, path: str, missing_is_fine: bool = False, **options: Any) -> Response[Any]:
        try:
            return self._github.request(method, path, **options)
        except RequestFailed as error:
            if missing_is_fine and error.response.status_code == 404:
                return error.response  # GitHub Enterprise Server answers so where rate limits are off
            raise HostError(words(error, self._repository)) from error
        except GitHubException as error:
            cause = getattr(error, "exc", None)
            raise HostError(f"{self._github.config.base_url} cannot be reached: {cause or error}") from error


def receipt(status: Mapping[str, Any]) -> Receipt | None:
    """A commit status as a receipt; None if its context is not one."""
    context = CONTEXT.match(status.get("context") or "")
    if context is None:
        return None
    return Receipt(
        region=context["region"],
        check=context["check"],
        state=State(status["state"]),
        creator=(status.get("creator") or {}).get("login", ""),  # a deleted user's is null
        at=datetime.fromisoformat(status["created_at"]),
        id=status["id"],
        description=status.get("description") or "",
    )


def again(error: GitHubException, count: int) -> RetryOption:
    """Whether to try once more: on server errors, lost connections, and rate limits that end soon."""
    plain = RETRY_DEFAULT(error, count)
    if plain.do_retry:
        return plain if (plain.retry_after or timedelta(seconds=60)) <= PATIENCE else RetryOption(False)
    lost = isinstance(error, RequestError) and isinstance(error.exc, httpx.TransportError)
    return RetryOption(lost and count < RETRIES, timedelta(seconds=2**count))


def _date(response: Response[Any]) -> datetime:
    stamp = response.headers.get("date")
    if not stamp:
        raise HostError("the git host's answer has no Date header, and receipts cannot be timed by any other clock")
    return parsedate_to_datetime(stamp).astimezone(UTC)


def words(error: RequestFailed, repository: str, what: str = "commit statuses", permission: str = "statuses") -> str:
    """Why the host refused a request, and what to do. `what` was asked for, which takes a permission of the token's."""
    status = error.response.status_code
    if isinstance(error, RateLimitExceeded):
        return f"the rate limit of this token is used up for {int(error.retry_after.total_seconds())} s more"
    if status == 401:
        return "the git host does not know this token (401): it may have expired; set GITHUB_TOKEN to a valid one"
    if status == 403:
        needs = "read" if error.request.method == "GET" else "write"
        return f"this token may not {needs} the {what} of {repository} (403): it needs `{permission}: {needs}`"
    if status == 404:
        return f"no repository {repository}, or none that this token may see (404)"
    return f"the git host answered {status}: {error.response.text[:200]}"
