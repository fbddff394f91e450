"""GitHub's pull requests into main, through githubkit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from githubkit import GitHub, Response
from githubkit.exception import GitHubException, GraphQLFailed, RequestFailed

from waves.model import Commit
from waves.receipts import TIMEOUT, HostError, again, words

MAIN = "main"
_AUTOMERGE = """mutation($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { pullRequest { number } }
}"""


@dataclass(frozen=True)
class Pull:
    """A pull request."""

    number: int
    url: str
    head: Commit
    """The last commit of it; of a closed one, the last before it was closed."""
    open: bool
    node: str
    """What GraphQL knows it by."""


class Pulls:
    """The pull requests of one repository."""

    def __init__(self, repository: str, token: str, base_url: str | None = None) -> None:
        """`repository` is `owner/name`; the token needs `pull-requests: write`, and `contents: write` for auto-merge."""
        self._repository = repository
        self._github = GitHub(token, base_url=base_url, auto_retry=again, timeout=TIMEOUT, http_cache=False)

    def of(self, branch: str) -> list[Pull]:
        """Those from a branch into main, the newest first, closed ones too; GitHub lets one at most be open. Raises HostError."""
        asked = {
            "head": f"{self._repository.partition('/')[0]}:{branch}",
            "base": MAIN,
            "state": "all",
            "per_page": 100,
        }
        return [_pull(found) for found in self._request("GET", "", params=asked).json()]

    def create(self, branch: str, title: str, body: str) -> Pull | None:
        """Open one from a branch into main. None if somebody else was faster. Raises HostError."""
        given = {"head": branch, "base": MAIN, "title": title, "body": body}
        try:
            return _pull(self._request("POST", "", json=given).json())
        except HostError as error:
            if "pull request already exists" in str(error):
                return None
            raise

    def update(self, pull: Pull, title: str, body: str) -> None:
        """Give one another title and body. Raises HostError."""
        self._request("PATCH", f"/{pull.number}", json={"title": title, "body": body})

    def automerge(self, pull: Pull) -> str:
        """Let the host merge it, squashed, once all that main demands is there. Why it will not; else empty. Raises HostError."""
        asked = {"pullRequestId": pull.node, "mergeMethod": "SQUASH"}
        try:
            self._github.graphql.request(_AUTOMERGE, {"input": asked})
        except GraphQLFailed as error:
            return "; ".join(problem.message for problem in error.response.errors or [])
        except GitHubException as error:
            raise self._error(error) from error
        return ""

    def _request(self, method: str, path: str, **options: Any) -> Response[Any]:
        try:
            return self._github.request(method, f"/repos/{self._repository}/pulls{path}", **options)
        except GitHubException as error:
            raise self._error(error) from error

    def _error(self, error: GitHubException) -> HostError:
        if isinstance(error, RequestFailed):
            return HostError(words(error, self._repository, "pull requests", "pull-requests"))
        return HostError(f"{self._github.config.base_url} cannot be reached: {getattr(error, 'exc', None) or error}")


def _pull(found: dict[str, Any]) -> Pull:
    return Pull(found["number"], found["html_url"], found["head"]["sha"], found["state"] == "open", found["node_id"])
