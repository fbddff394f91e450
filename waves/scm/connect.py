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
from waves.scm.github import Api, HostError
from waves.scm.pulls import Pulls
from waves.scm.statuses import GitHubReceipts

APP, INSTALLATION, PRIVATE_KEY = "GITHUB_APP_ID", "GITHUB_APP_INSTALLATION_ID", "GITHUB_APP_PRIVATE_KEY"
"""An app's numbers and key (PEM): what the conductor signs in with, where it runs by itself."""


@dataclass(frozen=True)
class Host:
    """Both sides of a git host, and who is acting."""

    refs: GitRefs
    receipts: GitHubReceipts
    repository: str
    by: tuple[str, str]
    """Name and address, as git has them."""


def open_host(checkout: Path, remote: str, repository: str | None, clone: str | None = None) -> Host:
    """The host of a checkout, which is cloned first if `clone` names its address and it is not there.

    GITHUB_TOKEN, GITHUB_API_URL and GITHUB_REPOSITORY are as GitHub's CI sets them. Without a token, an app's numbers and key are
    exchanged for one, which git signs in with too; it is good for an hour. Raises HostError with what is missing.
    """
    url = clone or _asked(checkout, "remote", "get-url", remote)
    name, api = _named(url, remote, repository), _api(url)
    token, env = os.environ.get("GITHUB_TOKEN"), {}
    if not token:
        token = app_token(
            _app_credentials(os.environ, "receipts are read with it. It needs `statuses: read` alone"), api
        )
        env = signed_in(url, token)
    if clone and not checkout.exists():
        checkout.parent.mkdir(parents=True, exist_ok=True)
        git(checkout.parent, "clone", "--quiet", "--bare", "--origin", remote, clone, str(checkout.absolute()), env=env)
    receipts = GitHubReceipts(name, token, api)
    return Host(GitRefs(checkout, remote, env), receipts, name, _person(checkout))


def name(checkout: Path, remote: str, repository: str | None) -> str:
    """The owner and name of a checkout's repository on its host. Raises HostError."""
    return _named(_asked(checkout, "remote", "get-url", remote), remote, repository)


def followed(region: fleet.Region, checkout: Path, remote: str) -> str:
    """The address of the repository that a region follows: its own setting, or else the checkout's. Raises GitError."""
    address = git(checkout, "ls-remote", "--get-url", remote).strip()
    return region.settings.repository or without_credentials(address)


def api(checkout: Path, remote: str, repository: str | None) -> Api:
    """The host's API with GITHUB_TOKEN, for what concerns no region's branch. Raises HostError with what is missing."""
    token = os.environ.get("GITHUB_TOKEN")
    if not token:
        raise HostError("GITHUB_TOKEN is not set")
    url = _asked(checkout, "remote", "get-url", remote)
    return Api(_named(url, remote, repository), token, _api(url))


def open_receipts(checkout: Path, remote: str, repository: str | None, region: str) -> GitHubReceipts:
    """The host's receipts, signed in as the app that posts this region's. Raises HostError, FleetError with what is missing."""
    found = fleet.read(checkout).region(region)
    settings, variable = found.settings, receipts_key(found)
    key = os.environ.get(variable)
    if not key:
        raise HostError(f"{variable} is not set: the private key of the GitHub app {settings.receipts_app}")
    url = _asked(checkout, "remote", "get-url", remote)
    name, api = _named(url, remote, repository), _api(url)
    return GitHubReceipts(name, app_token((settings.receipts_app, settings.receipts_installation, key), api), api)


def open_pulls(checkout: Path, remote: str, repository: str | None) -> tuple[GitRefs, Pulls, tuple[str, str]]:
    """The host's branches and pull requests, and who is acting. Git signs in with the same token. Raises HostError."""
    url = _asked(checkout, "remote", "get-url", remote)
    name, api = _named(url, remote, repository), _api(url)
    needs = "the pull request is made with it. It needs `contents: write` and `pull-requests: write`"
    token = os.environ.get("GITHUB_TOKEN") or app_token(_app_credentials(os.environ, needs), api)
    return GitRefs(checkout, remote, signed_in(url, token)), Pulls(Api(name, token, api)), _person(checkout)


def open_refs(checkout: Path, remote: str) -> GitRefs:
    """The host's branches, to read. Git signs in if the environment has a token."""
    token = os.environ.get("GITHUB_TOKEN")
    return GitRefs(checkout, remote, signed_in(_asked(checkout, "remote", "get-url", remote), token) if token else {})


def job_url() -> str:
    """Where GitHub's CI shows the log of the job that this is; empty elsewhere."""
    given = [os.environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*given) if all(given) else ""


def app_token(app: tuple[str, str, str], api: str | None) -> str:
    """A token, good for an hour, for an app's installation: id, installation, private key (PEM). Raises HostError."""
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


def signed_in(url: str, token: str) -> dict[str, str]:
    """The environment in which git signs in to a repository's host with a token. Empty for other ways than http.

    What git was told to sign in with before, by actions/checkout for example, no longer counts.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return {}
    given = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    count = int(os.environ.get("GIT_CONFIG_COUNT", "0"))
    key = f"http.{parts.scheme}://{parts.netloc}/.extraHeader"
    return {
        "GIT_CONFIG_COUNT": str(count + 2),
        f"GIT_CONFIG_KEY_{count}": key,
        f"GIT_CONFIG_VALUE_{count}": "",  # takes the others away: git-config, http.extraHeader
        f"GIT_CONFIG_KEY_{count + 1}": key,
        f"GIT_CONFIG_VALUE_{count + 1}": f"Authorization: Basic {given}",
    }


def _app_credentials(environment: Mapping[str, str], needs: str) -> tuple[str, str, str]:
    given = [environment.get(name, "") for name in (APP, INSTALLATION, PRIVATE_KEY)]
    if not all(given):
        raise HostError(
            f"GITHUB_TOKEN is not set: {needs}. "
            f"Or set {APP}, {INSTALLATION} and {PRIVATE_KEY} of an app that may do that"
        )
    return given[0], given[1], given[2]


def _person(checkout: Path) -> tuple[str, str]:
    name, email = _asked(checkout, "config", "user.name"), _asked(checkout, "config", "user.email")
    return name or "waves", email or "waves@localhost"


def _named(url: str, remote: str, repository: str | None) -> str:
    name = repository or os.environ.get("GITHUB_REPOSITORY") or slug(url)
    if not name:
        raise HostError(f"remote {remote} ({url or 'none'}) names no owner/repository: give --repository owner/name")
    return name


def _api(url: str) -> str | None:
    return os.environ.get("GITHUB_API_URL") or api_url(url)


def _asked(checkout: Path, *arguments: str) -> str:
    """What git says, or nothing."""
    if not checkout.exists():
        return ""
    return subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, text=True).stdout.strip()
