"""GitHub's pull requests into main, through githubkit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from waves.rollout.model import Commit
from waves.scm.github import HostError, RepositoryApi

MAIN = "main"
NEEDS = "pull-requests: write"
"""The permission that changes of pull requests need."""
_AUTOMERGE = """mutation($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { pullRequest { number } }
}"""


@dataclass(frozen=True)
class PullRequest:
    """A pull request."""

    number: int
    url: str
    head: Commit
    """The last commit. Of a closed one: the last commit before it was closed."""
    open: bool
    node_id: str
    """The id in GraphQL."""


class PullRequests:
    """The pull requests of one repository."""

    def __init__(self, api: RepositoryApi) -> None:
        """The API's token needs `pull-requests: write`, and `contents: write` for auto-merge."""
        self._api = api
        self._place = f"{api.place}/pulls"

    def of(self, branch: str) -> list[PullRequest]:
        """Those from a branch into main, the newest first, also closed ones. GitHub allows one open at most. Raises HostError."""
        filters = {
            "head": f"{self._api.repository.partition('/')[0]}:{branch}",
            "base": MAIN,
            "state": "all",
            "per_page": 100,
        }
        return [
            _parse(data) for data in self._api.request("GET", self._place, "pull-requests: read", params=filters).json()
        ]

    def create(self, branch: str, title: str, body: str) -> PullRequest | None:
        """Open one from a branch into main. None if there is one already. Raises HostError."""
        values = {"head": branch, "base": MAIN, "title": title, "body": body}
        try:
            return _parse(self._api.request("POST", self._place, NEEDS, json=values).json())
        except HostError as error:
            if "pull request already exists" in str(error):
                return None
            raise

    def update(self, pull: PullRequest, title: str, body: str) -> None:
        """Change the title and body of one. Raises HostError."""
        self._api.request("PATCH", f"{self._place}/{pull.number}", NEEDS, json={"title": title, "body": body})

    def automerge(self, pull: PullRequest) -> str:
        """Let the host squash and merge one once main's checks have passed. Why it will not, else empty. Raises HostError."""
        variables = {"pullRequestId": pull.node_id, "mergeMethod": "SQUASH"}
        return "; ".join(self._api.graphql(_AUTOMERGE, variables, "contents: write` and `pull-requests: write"))


def _parse(data: dict[str, Any]) -> PullRequest:
    return PullRequest(data["number"], data["html_url"], data["head"]["sha"], data["state"] == "open", data["node_id"])
