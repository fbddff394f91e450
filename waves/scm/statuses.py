"""Receipts out of GitHub's commit statuses, through githubkit. Another host is one more class of this shape.

GitHub lists a commit's statuses newest first, so the first page alone shows whether there are new ones. An unchanged commit
costs one conditional request, which does not count against the rate limit (docs.github.com, "Best practices").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from githubkit import Response

from waves.rollout.model import Commit, Receipt, StatusState
from waves.scm.github import PER_PAGE, HostError, RepositoryApi

CONTEXT = re.compile(r"^region/(?P<region>[a-z0-9-]+)/(?P<check>[a-z]+)$")
"""The contexts that are receipts. A commit may have any other statuses as well."""
MAX_DESCRIPTION = 140
"""Characters that GitHub takes for a status's description."""


@dataclass(frozen=True)
class _CachedStatuses:
    """A commit's statuses as they were last read, the newest first."""

    etag: str
    statuses: tuple[dict[str, Any], ...]


class GitHubReceipts:
    """The statuses of one repository. Keep the object between passes: it requests only new statuses."""

    def __init__(self, repository: str, token: str, base_url: str | None = None) -> None:
        """`repository` is `owner/name`. The token needs `statuses: read` alone."""
        self._api = RepositoryApi(repository, token, base_url)
        self._cache: dict[Commit, _CachedStatuses] = {}

    def now(self) -> datetime:
        """The host's clock. The request for it does not count against the rate limit. Raises HostError."""
        return _date(self._get("/rate_limit", missing_is_fine=True))

    def of(self, commits: set[Commit]) -> Mapping[Commit, Sequence[Receipt]]:
        """All receipts on these commits, never a part of them. Raises HostError."""
        receipts = {}
        for commit in sorted(commits):
            self._cache[commit] = self._read(commit)
            receipts[commit] = tuple(r for s in self._cache[commit].statuses if (r := receipt(s)) is not None)
        self._cache = {commit: known for commit, known in self._cache.items() if commit in commits}
        return receipts

    def post(self, commit: Commit, context: str, state: StatusState, description: str, target_url: str = "") -> None:
        """Post a commit status. The token needs `statuses: write`. Raises HostError."""
        body = {"state": str(state), "context": context, "description": description[:MAX_DESCRIPTION]}
        if target_url:
            body["target_url"] = target_url
        self._api.request("POST", f"{self._api.place}/statuses/{commit}", "statuses: write", json=body)

    def _read(self, commit: Commit) -> _CachedStatuses:
        known = self._cache.get(commit, _CachedStatuses("", ()))
        known_ids = {status["id"] for status in known.statuses}
        path = f"{self._api.place}/commits/{commit}/statuses"
        headers = {"If-None-Match": known.etag} if known.etag else {}
        response = self._get(path, headers)
        if response.status_code == 304:
            return known
        etag = response.headers.get("etag", "")
        fresh: dict[int, dict[str, Any]] = {}
        page = 1
        while True:
            statuses: list[dict[str, Any]] = response.json()
            fresh |= {status["id"]: status for status in statuses if status["id"] not in known_ids}
            # A concurrent status shifts the others to later pages: one may be read twice, and none is missed.
            if 'rel="next"' not in response.headers.get("link", "") or any(s["id"] in known_ids for s in statuses):
                break
            page += 1
            response = self._get(path, {}, page)
        return _CachedStatuses(etag, (*sorted(fresh.values(), key=lambda status: -status["id"]), *known.statuses))

    def _get(
        self, path: str, headers: Mapping[str, str] | None = None, page: int = 1, *, missing_is_fine: bool = False
    ) -> Response[Any]:
        return self._api.request(
            "GET", path, "statuses: read", missing_is_fine=missing_is_fine,
            params={"per_page": PER_PAGE, "page": page}, headers=dict(headers or {}),
        )  # fmt: skip


def receipt(status: Mapping[str, Any]) -> Receipt | None:
    """A commit status as a receipt. None if its context is not a receipt's."""
    context = CONTEXT.match(status.get("context") or "")
    if context is None:
        return None
    return Receipt(
        region=context["region"],
        check=context["check"],
        state=StatusState(status["state"]),
        creator=(status.get("creator") or {}).get("login", ""),  # a deleted user's is null
        at=datetime.fromisoformat(status["created_at"]),
        id=status["id"],
        description=status.get("description") or "",
    )


def _date(response: Response[Any]) -> datetime:
    stamp = response.headers.get("date")
    if not stamp:
        raise HostError(
            "the git host's response has no Date header, and no other clock can time receipts: check the proxies before the host"
        )
    return parsedate_to_datetime(stamp).astimezone(UTC)
