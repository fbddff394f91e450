"""Signing in to the git host as an app, over http, as the conductor does in its pod."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from typer.testing import CliRunner

from sandbox.githost.rest import SimulatedGitHub, TokenOwner
from tests.waves.conftest import REPOSITORY, Remote
from waves.cli.app import app as command
from waves.rollout import conductor
from waves.scm.connect import APP, INSTALLATION, PRIVATE_KEY, credentials_env, open_host
from waves.scm.github import HostError

CONDUCTOR = TokenOwner("regions-conductor[bot]", "read", "write")


def key_pair() -> tuple[str, str]:
    """A private and a public key, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(pem, form, serialization.NoEncryption()).decode(), public.decode()


@pytest.fixture
def app(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the repository. The environment has the conductor's app, and no token."""
    private, public = key_pair()
    remote.github.add_app("7", "8", CONDUCTOR, public)
    for name, value in ((APP, "7"), (INSTALLATION, "8"), (PRIVATE_KEY, private)):
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_TOKEN", "GITHUB_API_URL", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    return f"{remote.url}/{REPOSITORY}.git"


def test_an_app_clones_plans_and_pushes_with_the_token_that_it_is_given(
    remote: Remote, app: str, tmp_path: Path
) -> None:
    host = open_host(tmp_path / "conductor.git", "origin", None, app)
    assert host.repository == REPOSITORY
    prepared = conductor.prepare(host.refs, host.receipts)
    assert conductor.carry_out(host.refs, prepared)
    head = remote.git("rev-parse", "HEAD")
    assert set(host.refs.snapshot().branches.values()) == {head}
    again = open_host(tmp_path / "conductor.git", "origin", None, app)
    assert again.refs.snapshot().branches == host.refs.snapshot().branches, "an existing clone is used as it is"


def test_a_key_that_the_host_does_not_know_is_an_error_with_the_apps_numbers(
    app: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PRIVATE_KEY, key_pair()[0])
    with pytest.raises(HostError, match="no token to app 7, installation 8"):
        open_host(tmp_path / "conductor.git", "origin", None, app)
    monkeypatch.delenv(APP)
    with pytest.raises(HostError, match="GITHUB_TOKEN is not set"):
        open_host(tmp_path / "conductor.git", "origin", None, app)


def promoted(remote: Remote, port: int) -> set[str]:
    """The commits of the regions' branches after one pass of the command, with its metrics on this port."""
    env = {"GITHUB_TOKEN": remote.reader, "GITHUB_API_URL": f"{remote.url}/api/v3", "GITHUB_REPOSITORY": REPOSITORY}
    words = ["--checkout", str(remote.clone), "promote", "--metrics-port", str(port)]
    result = CliRunner(env=env).invoke(command, words)
    assert result.exit_code == 0, result.output
    return set(remote.git("ls-remote", "origin", "refs/heads/region/*", "--refs").split()[::2])


def test_a_pass_updates_the_metrics(remote: Remote) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert promoted(remote, port) == {remote.git("rev-parse", "HEAD")}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
    assert time.time() - float(lines["waves_last_pass_timestamp_seconds"]) < 60
    assert lines['waves_wave_commits_waiting{wave="staging"}'] == "1.0", "before the pass"


def test_a_port_that_is_taken_costs_the_metrics_and_not_the_rollout(remote: Remote) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert promoted(remote, port) == {remote.git("rev-parse", "HEAD")}


@pytest.mark.parametrize(("contents", "allowed"), [("write", True), ("read", False), (None, False)])
def test_every_client_reads_and_only_a_token_with_contents_write_pushes(
    remote: Remote, app: str, contents: str | None, allowed: bool
) -> None:
    env = credentials_env(app, remote.github.add_token("somebody", "write", contents)) if contents else {}
    push = ["git", "push", "--quiet", app, "HEAD:refs/heads/region/a"]
    quiet = {"GIT_TERMINAL_PROMPT": "0", "PATH": "/usr/bin:/bin", "HOME": str(remote.clone)}
    push_result = subprocess.run(push, cwd=remote.clone, env={**quiet, **env}, capture_output=True, text=True)
    assert (push_result.returncode == 0) is allowed, push_result.stderr
    read = subprocess.run(["git", "ls-remote", app], env=quiet, capture_output=True, text=True, check=True)
    assert ("refs/heads/region/a" in read.stdout) is allowed
    assert "refs/heads/main" in read.stdout


def test_a_token_outlives_a_restart_of_the_simulated_host(remote: Remote, tmp_path: Path) -> None:
    database = tmp_path / "github.sqlite"
    token = SimulatedGitHub(REPOSITORY, remote.bare, database).add_token("ann", "read")
    assert SimulatedGitHub(REPOSITORY, remote.bare, database).owner(token) == TokenOwner("ann", "read", "read")
