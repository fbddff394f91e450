"""GitHub's REST API through githubkit, with retries, and with errors that name the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
from githubkit import GitHub, Response
from githubkit.exception import GitHubException, GraphQLFailed, RateLimitExceeded, RequestError, RequestFailed
from githubkit.retry import RETRY_DEFAULT, RetryOption

from fleet import UserError

PER_PAGE = 100
"""Entries of a page: GitHub's maximum."""
MAX_WAIT = timedelta(seconds=90)
"""The longest wait for a rate limit within one pass. A longer limit ends the pass with an error that says until when."""
RETRIES = 3
"""Retries of a request after a lost connection."""
TIMEOUT = 20.0
"""Seconds for one request."""


class HostError(UserError):
    """The git host cannot be reached, or refuses. The text names the remedy."""


class Forbidden(HostError):
    """The token may not do this."""


class RepositoryApi:
    """One repository's part of the API, with one token."""

    def __init__(self, repository: str, token: str, base_url: str | None = None) -> None:
        """`repository` is `owner/name`."""
        self.repository = repository
        self.place = f"/repos/{repository}"
        self._github = GitHub(
            token, base_url=base_url, auto_retry=retry_option, timeout=TIMEOUT, http_cache=False, follow_redirects=True
        )

    def request(
        self, method: str, path: str, needs: str, *, missing_is_fine: bool = False, **options: Any
    ) -> Response[Any]:
        """One request. `needs` is the permission that it takes, for the error's text. Raises HostError."""
        try:
            return self._github.request(method, path, **options)
        except RequestFailed as error:
            if missing_is_fine and error.response.status_code == 404:
                return error.response  # GitHub Enterprise Server answers so where rate limits are off
            raise self._error(error, needs) from error
        except GitHubException as error:
            raise self._error(error, needs) from error

    def graphql(self, query: str, variables: dict[str, Any], needs: str) -> list[str]:
        """One GraphQL request with its input. The result is the list of the host's objections. Raises HostError."""
        try:
            self._github.graphql.request(query, {"input": variables})
        except GraphQLFailed as error:
            return [problem.message for problem in error.response.errors or []]
        except GitHubException as error:
            raise self._error(error, needs) from error
        return []

    def list_all(self, path: str, needs: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All entries of a list, page by page. Raises HostError."""
        page = 1
        while True:
            answer = self.request("GET", path, needs, params={**params, "per_page": PER_PAGE, "page": page})
            yield from answer.json()
            if 'rel="next"' not in answer.headers.get("link", ""):
                return
            page += 1

    def _error(self, error: GitHubException, needs: str) -> HostError:
        if not isinstance(error, RequestFailed):
            return HostError(
                f"{self._github.config.base_url} cannot be reached: {getattr(error, 'exc', None) or error}"
            )
        is_forbidden = error.response.status_code == 403 and not isinstance(error, RateLimitExceeded)
        return (Forbidden if is_forbidden else HostError)(_message(error, self.repository, needs))


def retry_option(error: GitHubException, count: int) -> RetryOption:
    """Whether to try once more: on server errors, lost connections, and rate limits that end soon."""
    plain = RETRY_DEFAULT(error, count)
    if plain.do_retry:
        return plain if (plain.retry_after or timedelta(seconds=60)) <= MAX_WAIT else RetryOption(False)
    lost = isinstance(error, RequestError) and isinstance(error.exc, httpx.TransportError)
    return RetryOption(lost and count < RETRIES, timedelta(seconds=2**count))


def _message(error: RequestFailed, repository: str, needs: str) -> str:
    status = error.response.status_code
    if isinstance(error, RateLimitExceeded):
        return f"the rate limit of this token is used up for {int(error.retry_after.total_seconds())} s more"
    if status == 401:
        return "the git host does not know this token (401): it may have expired; set GITHUB_TOKEN to a valid one"
    if status == 403:
        return f"this token may not do this in {repository} (403): it needs `{needs}`"
    if status == 404:
        return f"no repository {repository}, or none that this token may see (404)"
    return f"the git host answered {status}: {error.response.text[:200]}"
