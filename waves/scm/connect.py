"""Which host a checkout belongs to, from its remote and the environment that CI or the conductor's pod sets up."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from githubkit import AppAuthStrategy, GitHub
from githubkit.exception import GitHubException

import fleet
from fleet.keys import receipts_key
from fleet.repository import api_url, slug, without_credentials
from waves.scm.git import GitRefs, git
from waves.scm.github import HostError, RepositoryApi
from waves.scm.pulls import PullRequests
from waves.scm.statuses import GitHubReceipts

APP, INSTALLATION, PRIVATE_KEY = "GITHUB_APP_ID", "GITHUB_APP_INSTALLATION_ID", "GITHUB_APP_PRIVATE_KEY"
"""The variables with an app's id, installation and private key (PEM). The conductor signs in with them in its pod."""


@dataclass(frozen=True)
class GitHost:
    """Both sides of a git host, and the acting person."""

    refs: GitRefs
    receipts: GitHubReceipts
    repository: str
    by: tuple[str, str]
    """Name and address, as git has them."""


def open_host(checkout: Path, remote: str, repository: str | None, clone: str | None = None) -> GitHost:
    """The host of a checkout. `clone`, an address, is cloned first if the checkout is missing.

    GITHUB_TOKEN, GITHUB_API_URL and GITHUB_REPOSITORY are as GitHub's CI sets them. Without a token, the app's key is exchanged
    for one, which is valid for an hour, also for git. Raises HostError with the missing variable.
    """
    url = clone or _git_output(checkout, "remote", "get-url", remote)
    name, api = _resolve_name(url, remote, repository), _api_url(url)
    token, env = os.environ.get("GITHUB_TOKEN"), {}
    if not token:
        token = app_token(
            _app_credentials(os.environ, "receipts are read with it. It needs `statuses: read` alone"), api
        )
        env = credentials_env(url, token)
    if clone and not checkout.exists():
        checkout.parent.mkdir(parents=True, exist_ok=True)
        git(checkout.parent, "clone", "--quiet", "--bare", "--origin", remote, clone, str(checkout.absolute()), env=env)
    receipts = GitHubReceipts(name, token, api)
    return GitHost(GitRefs(checkout, remote, env), receipts, name, _git_identity(checkout))


def repository_name(checkout: Path, remote: str, repository: str | None) -> str:
    """The owner and name of a checkout's repository on its host. Raises HostError."""
    return _resolve_name(_git_output(checkout, "remote", "get-url", remote), remote, repository)


def followed_repository(region: fleet.Region, checkout: Path, remote: str) -> str:
    """The address of the repository that a region follows: its own setting, or else the checkout's. Raises GitError."""
    address = git(checkout, "ls-remote", "--get-url", remote).strip()
    return region.settings.repository or without_credentials(address)


def open_api(checkout: Path, remote: str, repository: str | None) -> RepositoryApi:
    """The host's API with GITHUB_TOKEN, for issues and pull requests. Raises HostError with the missing variable."""
    token = os.environ.get("GITHUB_TOKEN")
    if not token:
        raise HostError("GITHUB_TOKEN is not set: set it to a token of the git host")
    url = _git_output(checkout, "remote", "get-url", remote)
    return RepositoryApi(_resolve_name(url, remote, repository), token, _api_url(url))


def open_receipts(checkout: Path, remote: str, repository: str | None, region: str) -> GitHubReceipts:
    """The host's receipts, signed in as the app that posts this region's. Raises HostError, FleetError."""
    fleet_region = fleet.read(checkout).region(region)
    app, variable = fleet_region.settings.github_apps.status, receipts_key(fleet_region)
    key = os.environ.get(variable)
    if not key:
        raise HostError(f"{variable} is not set: the private key of the GitHub app {app.app_id}")
    url = _git_output(checkout, "remote", "get-url", remote)
    name, api = _resolve_name(url, remote, repository), _api_url(url)
    return GitHubReceipts(name, app_token((app.app_id, app.installation_id, key), api), api)


def open_pulls(checkout: Path, remote: str, repository: str | None) -> tuple[GitRefs, PullRequests, tuple[str, str]]:
    """The host's branches and pull requests, and the acting person. Git signs in with the same token. Raises HostError."""
    url = _git_output(checkout, "remote", "get-url", remote)
    name, api = _resolve_name(url, remote, repository), _api_url(url)
    needs = "the pull request is made with it. It needs `contents: write` and `pull-requests: write`"
    token = os.environ.get("GITHUB_TOKEN") or app_token(_app_credentials(os.environ, needs), api)
    return (
        GitRefs(checkout, remote, credentials_env(url, token)),
        PullRequests(RepositoryApi(name, token, api)),
        _git_identity(checkout),
    )


def open_refs(checkout: Path, remote: str) -> GitRefs:
    """The host's branches, to read. Git signs in if the environment has a token."""
    token = os.environ.get("GITHUB_TOKEN")
    return GitRefs(
        checkout, remote, credentials_env(_git_output(checkout, "remote", "get-url", remote), token) if token else {}
    )


def job_url() -> str:
    """The page of GitHub's CI with this job's log. Empty elsewhere."""
    values = [os.environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*values) if all(values) else ""


def app_token(app: tuple[str, str, str], api: str | None) -> str:
    """A token for an app's installation (id, installation, private key in PEM), valid for an hour. Raises HostError."""
    identity, installation, key = app
    try:
        client = GitHub(AppAuthStrategy(identity, key), base_url=api)
        answer = client.request("POST", f"/app/installations/{installation}/access_tokens")
    except (GitHubException, ValueError) as error:
        raise HostError(
            f"the git host gives no token to app {identity}, installation {installation}: {error}"
        ) from error
    token: str = answer.json()["token"]
    return token


def credentials_env(url: str, token: str) -> dict[str, str]:
    """The environment in which git signs in to a repository's host with a token. Empty for other protocols than http.

    Earlier credentials of git, for example by actions/checkout, no longer count.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    count = int(os.environ.get("GIT_CONFIG_COUNT", "0"))
    key = f"http.{parts.scheme}://{parts.netloc}/.extraHeader"
    return {
        "GIT_CONFIG_COUNT": str(count + 2),
        f"GIT_CONFIG_KEY_{count}": key,
        f"GIT_CONFIG_VALUE_{count}": "",  # an empty value removes earlier headers: git-config, http.extraHeader
        f"GIT_CONFIG_KEY_{count + 1}": key,
        f"GIT_CONFIG_VALUE_{count + 1}": f"Authorization: Basic {basic}",
    }


def _app_credentials(environment: Mapping[str, str], needs: str) -> tuple[str, str, str]:
    values = [environment.get(name, "") for name in (APP, INSTALLATION, PRIVATE_KEY)]
    if not all(values):
        raise HostError(
            f"GITHUB_TOKEN is not set: {needs}. "
            f"Or set {APP}, {INSTALLATION} and {PRIVATE_KEY} of an app that may do that"
        )
    return values[0], values[1], values[2]


def _git_identity(checkout: Path) -> tuple[str, str]:
    name, email = _git_output(checkout, "config", "user.name"), _git_output(checkout, "config", "user.email")
    return name or "waves", email or "waves@localhost"


def _resolve_name(url: str, remote: str, repository: str | None) -> str:
    name = repository or os.environ.get("GITHUB_REPOSITORY") or slug(url)
    if not name:
        raise HostError(f"remote {remote} ({url or 'none'}) names no owner/repository: give --repository owner/name")
    return name


def _api_url(url: str) -> str | None:
    return os.environ.get("GITHUB_API_URL") or api_url(url)


def _git_output(checkout: Path, *arguments: str) -> str:
    """A git command's output. Empty if git fails."""
    if not checkout.exists():
        return ""
    return subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, text=True).stdout.strip()
