"""The sandbox's git host on disk: a bare repository, and the credentials of people, apps and CI for its simulated GitHub.

In the shell of `sandbox env`, git and `regions` use this host in place of `origin`, and never the real one. rest.py
serves the repository.
"""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import fleet
from fleet.keys import CONDUCTOR_KEY, FLAGS_KEY, influxdb_secret, receipts_key
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home
from sandbox.machine.processes import free_port

REPOSITORY = "platform/regions"
"""Owner and name on the host."""
FLAGS = "flags"
"""The branch of the feature flags, and the folder of main that it begins with."""
_AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "sandbox"), ("EMAIL", "sandbox@localhost"))
}


@dataclass(frozen=True)
class RegisteredApp:
    """A GitHub app that the fleet's files name by its numbers."""

    slug: str
    id: str
    installation: str
    variable: str
    """The environment variable with the app's key for `pulumi up`."""
    statuses: str
    contents: str


def apps() -> list[RegisteredApp]:
    """The apps of the checkout's stack files, each once."""
    registered: dict[tuple[str, str], RegisteredApp] = {}
    for region in fleet.read(CHECKOUT).regions.values():
        settings = region.settings.github_apps
        slug = (settings.status.login or "regions-receipts").removesuffix("[bot]")
        for name, app, variable, statuses, contents in (
            (slug, settings.status, receipts_key(region), "write", "read"),
            ("regions-conductor", settings.conductor, CONDUCTOR_KEY, "read", "write"),
            ("regions-flags", settings.flags, FLAGS_KEY, "none", "write"),
        ):
            if app:
                key = app.app_id, app.installation_id
                registered[key] = RegisteredApp(name, *key, variable, statuses, contents)
    return list(registered.values())


def git(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run git. Returns its output. Raises SandboxError with git's own message."""
    result = subprocess.run(
        ["git", *arguments], cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True
    )
    if result.returncode != 0:
        raise SandboxError(f"`git {' '.join(arguments)}` failed in {cwd}: {result.stderr.strip()}")
    return result.stdout.strip()


def url(home: Home) -> str:
    """The address of the repository."""
    return f"{_server(home)}/{REPOSITORY}.git"


def port(home: Home) -> int:
    """The port of the host. The address is in the stacks' state, so the port stays the same."""
    return int((home.git_host / "port").read_text())


def token(home: Home) -> str:
    """The sandbox user's own token, with all permissions."""
    return (home.git_host / "token").read_text()


def job_token(home: Home) -> str:
    """The GITHUB_TOKEN of a CI job."""
    return (home.git_host / "job-token").read_text()


def public_key(home: Home, app: RegisteredApp) -> str:
    """An app's public key (PEM)."""
    key = serialization.load_pem_private_key(_private_key(home, app.slug).encode(), None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def _server(home: Home) -> str:
    return f"http://127.0.0.1:{port(home)}"


def _authorization(home: Home) -> str:
    return "Authorization: Basic " + base64.b64encode(f"x-access-token:{token(home)}".encode()).decode()


def _private_key(home: Home, slug: str) -> str:
    """An app's private key (PEM), generated on first use."""

    def generate() -> str:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form, plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()

    return _private_file(home.git_host / f"{slug}.pem", generate)


def _secret(home: Home, variable: str) -> str:
    """A secret of CI, generated on first use."""
    return _private_file(home.git_host / f"{variable}.txt", lambda: secrets.token_urlsafe(48))


def _private_file(path: Path, generate: Callable[[], str]) -> str:
    """The text of a file that only its owner may read. Generates a missing file."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(generate())
    return path.read_text()


def create(home: Home) -> None:
    """Create the repository, the port, the tokens and the apps' keys, unless they exist."""
    home.git_host.mkdir(parents=True, exist_ok=True, mode=0o700)
    _private_file(home.git_host / "port", lambda: str(free_port()))
    _private_file(home.git_host / "token", lambda: f"ghp_{secrets.token_hex(18)}")
    _private_file(home.git_host / "job-token", lambda: f"ghs_{secrets.token_hex(18)}")
    for app in apps():
        _private_key(home, app.slug)
    if not (home.repository / "HEAD").exists():
        home.repository.mkdir(parents=True, exist_ok=True)
        git("init", "--quiet", "--bare", "--initial-branch=main", cwd=home.repository)


def heads(home: Home, prefix: str = "") -> dict[str, str]:
    """The git host's branches with a prefix, and their commits."""
    lines = git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads", cwd=home.repository)
    commits = dict(line.split(" ") for line in lines.splitlines())
    return {branch: commit for branch, commit in commits.items() if branch.startswith(prefix)}


def publish(home: Home, checkout: Path, branches: list[str]) -> str:
    """Push the checkout, uncommitted changes included, to branches of the git host. Returns the commit.

    The first call also creates the branch of the flags. Later calls do not touch that branch.
    """
    commit = snapshot(checkout)
    refs = [f"{commit}:refs/heads/{branch}" for branch in branches]
    if FLAGS not in heads(home):
        # As in docs/operate/flags.md.
        flags = git("commit-tree", f"{commit}:{FLAGS}", "-m", "Begin the flags", cwd=checkout, env=_AUTHOR)
        refs.append(f"{flags}:refs/heads/{FLAGS}")
    git("push", "--quiet", "--force", str(home.repository), *refs, cwd=checkout)
    return commit


def snapshot(checkout: Path) -> str:
    """A commit of the checkout's files as they are, or HEAD if no file differs from HEAD. Touches no branch."""
    if not git("status", "--porcelain", cwd=checkout):
        return git("rev-parse", "HEAD", cwd=checkout)
    with TemporaryDirectory() as scratch:
        env = {"GIT_INDEX_FILE": str(Path(scratch) / "index"), **_AUTHOR}
        parents = subprocess.run(
            ["git", "rev-parse", "-q", "--verify", "HEAD"], cwd=checkout, capture_output=True, text=True
        )
        head = parents.stdout.strip()
        if head:
            git("read-tree", head, cwd=checkout, env=env)
        git("add", "--all", cwd=checkout, env=env)
        tree = git("write-tree", cwd=checkout, env=env)
        return git(
            "commit-tree", tree, *(["-p", head] if head else []), "-m", "The checkout as it is", cwd=checkout, env=env
        )


def clone(home: Home) -> Path:
    """The sandbox's own clone, at the git host's main. The program runs from there."""
    check_out(home, home.checkout, "origin/main")
    git("checkout", "--quiet", "-B", "main", cwd=home.checkout)
    return home.checkout


def check_out(home: Home, folder: Path, commit: str) -> None:
    """Check out a commit in a folder. Creates a missing clone, with credentials for the host."""
    if not (folder / ".git").exists():
        git("clone", "--quiet", "--no-checkout", url(home), str(folder), cwd=home.root)
        git("config", f"http.{_server(home)}/.extraHeader", _authorization(home), cwd=folder)
    git("fetch", "--quiet", "origin", cwd=folder)
    git("checkout", "--quiet", "--force", "--detach", commit, cwd=folder)


def environment(home: Home, checkout: Path) -> dict[str, str]:
    """Variables that make git, `regions` and the program use the sandbox's host in place of the checkout's `origin`."""
    result = subprocess.run(
        ["git", "config", "--get", "remote.origin.url"], cwd=checkout, capture_output=True, text=True
    )
    origin = result.stdout.strip()
    settings = {f"url.{url(home)}.insteadOf": origin} if origin else {"remote.origin.url": url(home)}
    settings[f"http.{_server(home)}/.extraHeader"] = _authorization(home)
    env = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    env |= {"GITHUB_TOKEN": token(home), "GITHUB_API_URL": _server(home), "GITHUB_REPOSITORY": REPOSITORY}
    regions = fleet.read(CHECKOUT).regions.values()
    env |= {variable: _secret(home, variable) for variable in sorted({influxdb_secret(region) for region in regions})}
    return env | {app.variable: _private_key(home, app.slug) for app in apps()}
