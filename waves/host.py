"""Which host a checkout belongs to, from its remote and the environment that CI sets up."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from waves.receipts import GitHubReceipts, HostError
from waves.refs import GitRefs

_SLUG = re.compile(r"[:/](?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(\.git)?/?$")


@dataclass(frozen=True)
class Host:
    """Both sides of a git host, and who is acting."""

    refs: GitRefs
    receipts: GitHubReceipts
    repository: str
    by: tuple[str, str]
    """Name and address, as git has them."""


def open_host(checkout: Path, remote: str, repository: str | None) -> Host:
    """The host of a checkout: GITHUB_TOKEN, GITHUB_API_URL and GITHUB_REPOSITORY as GitHub's CI sets them.

    Raises HostError with what is missing.
    """
    url = _git(checkout, "remote", "get-url", remote)
    slug = repository or os.environ.get("GITHUB_REPOSITORY") or _slug(url)
    if not slug:
        raise HostError(f"remote {remote} ({url or 'none'}) names no owner/repository: give --repository owner/name")
    token = os.environ.get("GITHUB_TOKEN")
    if not token:
        raise HostError("GITHUB_TOKEN is not set: receipts are read with it. It needs `statuses: read` alone")
    receipts = GitHubReceipts(slug, token, os.environ.get("GITHUB_API_URL"))
    name, email = _git(checkout, "config", "user.name"), _git(checkout, "config", "user.email")
    return Host(GitRefs(checkout, remote), receipts, slug, (name or "waves", email or "waves@localhost"))


def _slug(url: str) -> str:
    found = _SLUG.search(url)
    return f"{found['owner']}/{found['name']}" if found else ""


def _git(checkout: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, text=True).stdout.strip()
