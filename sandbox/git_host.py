"""The sandbox's git host: a bare repository where the checkout's remote `origin` would be.

In the shell that `sandbox env` sets up, git itself reads and writes it in place of `origin`, and never the real one.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.errors import SandboxError
from sandbox.home import Home


def git(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run git; the result is what it printed. Raises SandboxError with git's own words."""
    result = subprocess.run(
        ["git", *arguments], cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True
    )
    if result.returncode != 0:
        raise SandboxError(f"`git {' '.join(arguments)}` failed in {cwd}: {result.stderr.strip()}")
    return result.stdout.strip()


def url(home: Home) -> str:
    """The address of the repository."""
    return f"file://{home.repository}"


def create(home: Home) -> None:
    """Make the repository, unless it is there."""
    if not (home.repository / "HEAD").exists():
        home.repository.mkdir(parents=True, exist_ok=True)
        git("init", "--quiet", "--bare", "--initial-branch=main", cwd=home.repository)


def branches(home: Home) -> set[str]:
    """The branches that the git host has."""
    return set(git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", cwd=home.repository).splitlines())


def publish(home: Home, checkout: Path, branches: list[str]) -> str:
    """Put the checkout as it is, with what is not committed, on branches of the git host. Returns the commit."""
    commit = snapshot(checkout)
    refs = [f"{commit}:refs/heads/{branch}" for branch in branches]
    git("push", "--quiet", "--force", str(home.repository), *refs, cwd=checkout)
    return commit


def snapshot(checkout: Path) -> str:
    """A commit of the checkout's files as they are: HEAD itself where nothing differs from it. Touches no branch."""
    if not git("status", "--porcelain", cwd=checkout):
        return git("rev-parse", "HEAD", cwd=checkout)
    with TemporaryDirectory() as scratch:
        author = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
                  for key, value in (("NAME", "sandbox"), ("EMAIL", "sandbox@localhost"))}  # fmt: skip
        env = {"GIT_INDEX_FILE": str(Path(scratch) / "index"), **author}
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
    """The sandbox's own clone, brought to the git host's main. The program is run from there."""
    if not (home.checkout / ".git").exists():
        git("clone", "--quiet", url(home), str(home.checkout), cwd=home.root)
    git("fetch", "--quiet", "origin", cwd=home.checkout)
    git("checkout", "--quiet", "--force", "-B", "main", "origin/main", cwd=home.checkout)
    return home.checkout


def environment(home: Home, checkout: Path) -> dict[str, str]:
    """What makes git take the sandbox's repository wherever the checkout says `origin`."""
    result = subprocess.run(
        ["git", "config", "--get", "remote.origin.url"], cwd=checkout, capture_output=True, text=True
    )
    origin = result.stdout.strip()
    settings = {f"url.{url(home)}.insteadOf": origin} if origin else {"remote.origin.url": url(home)}
    env = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env
