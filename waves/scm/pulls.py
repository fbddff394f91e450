"""GitHub's pull requests into main, through githubkit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from waves.rollout.model import Commit
from waves.scm.github import Api, HostError

MAIN = "main"
NEEDS = "pull-requests: write"
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

    def __init__(self, api: Api) -> None:
        """Its token needs `pull-requests: write`, and `contents: write` for auto-merge."""
        self._api = api
        self._place = f"{api.place}/pulls"

    def of(self, branch: str) -> list[Pull]:
        """Those from a branch into main, the newest first, closed ones too; GitHub lets one at most be open. Raises HostError."""
        asked = {
            "head": f"{self._api.repository.partition('/')[0]}:{branch}",
            "base": MAIN,
            "state": "all",
            "per_page": 100,
        }
        return [
            _pull(found) for found in self._api.request("GET", self._place, "pull-requests: read", params=asked).json()
        ]

    def create(self, branch: str, title: str, body: str) -> Pull | None:
        """Open one from a branch into main. None if somebody else was faster. Raises HostError."""
        given = {"head": branch, "base": MAIN, "title": title, "body": body}
        try:
            return _pull(self._api.request("POST", self._place, NEEDS, json=given).json())
        except HostError as error:
            if "pull request already exists" in str(error):
                return None
            raise

    def update(self, pull: Pull, title: str, body: str) -> None:
        """Give one another title and body. Raises HostError."""
        self._api.request("PATCH", f"{self._place}/{pull.number}", NEEDS, json={"title": title, "body": body})

    def automerge(self, pull: Pull) -> str:
        """Let the host merge it, squashed, once all that main demands is there. Why it will not; else empty. Raises HostError."""
        asked = {"pullRequestId": pull.node, "mergeMethod": "SQUASH"}
        return "; ".join(self._api.graphql(_AUTOMERGE, asked, "contents: write` and `pull-requests: write"))


def _pull(found: dict[str, Any]) -> Pull:
    return Pull(found["number"], found["html_url"], found["head"]["sha"], found["state"] == "open", found["node_id"])
