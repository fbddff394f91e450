"""A simulated GitHub on a port of 127.0.0.1, over a real bare repository, with a clone of it."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import uvicorn

import fleet
from sandbox.githost.rest import SimulatedGitHub
from tests.repository import ROOT, write
from tests.waiting import within
from tests.waves.rollout.memory import TRUSTED

REPOSITORY = "platform/regions"


@dataclass
class Remote:
    """A git host: the bare repository, its REST API, and a clone to work in."""

    bare: Path
    clone: Path
    github: SimulatedGitHub
    url: str
    reader: str
    """A token that may read statuses."""
    writer: str
    """A token of TRUSTED, that may write them."""
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))
    """One client for all requests of a test: each new one reads the machine's certificates."""

    def git(self, *arguments: str) -> str:
        """Run git in the clone."""
        return subprocess.run(
            ["git", *arguments], cwd=self.clone, capture_output=True, text=True, check=True
        ).stdout.strip()

    def commit(self, message: str = "A change") -> str:
        """A commit on main, pushed."""
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        self.git("push", "--quiet", "--force", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bare repository, and a clone of it that has pushed the shipped fleet to main."""
    root = tmp_path_factory.mktemp("repositories")
    bare, clone = root / "regions.git", root / "clone"
    subprocess.run(["git", "init", "--quiet", "--template=", "--bare", "--initial-branch=main", str(bare)], check=True)
    subprocess.run(["git", "clone", "--quiet", "--template=", str(bare), str(clone)], check=True, capture_output=True)
    write(clone, fleet.files(ROOT))
    for command in (
        "config user.name Ann", "config user.email ann@example.com", "remote set-url origin ../regions.git",
        "add --all", "commit --quiet --message Fleet", "push --quiet origin HEAD:main",
    ):  # fmt: skip
        subprocess.run(["git", *command.split()], cwd=clone, check=True)
    return root


@pytest.fixture
def remote(tmp_path: Path, repositories: Path) -> Iterator[Remote]:
    """A host with the shipped fleet on main."""
    shutil.copytree(repositories, tmp_path, dirs_exist_ok=True)
    bare = tmp_path / "regions.git"
    github = SimulatedGitHub(REPOSITORY, bare)
    server = uvicorn.Server(uvicorn.Config(github.app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert within(10, lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    host = Remote(bare, tmp_path / "clone", github, f"http://127.0.0.1:{port}", github.add_token("ann", "read"),
                  github.add_token(TRUSTED, "write"))  # fmt: skip
    yield host
    host.http.close()
    server.should_exit = True
    thread.join(10)
