"""`waves infra`: the update, the receipt for it, and when neither is needed. `pulumi` is a script here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.github.rest import Identity
from tests.waves.conftest import REPOSITORY, Remote
from tests.waves.memory import TRUSTED
from waves import __main__ as cli
from waves import infra
from waves.model import State
from waves.receipts import GitHubReceipts

REGION = "staging-aws-eu-west-1"


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` that writes down what it is asked, and ends with the code in a file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "code").write_text("0")
    script = folder / "pulumi"
    script.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\ncase "$1" in up) exit $(cat {folder}/code);; esac\n')
    script.chmod(0o755)
    (folder / "calls").touch()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def release(remote: Remote, changed: str) -> str:
    """A commit that changes one file, on the region's branch and checked out."""
    path = remote.clone / changed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + "# changed\n")
    remote.git("add", "--all")
    commit = remote.commit(f"Change {changed}")
    remote.git("push", "--quiet", "--force", "origin", f"HEAD:region/{REGION}")
    return commit


def apply(remote: Remote) -> infra.Outcome:
    """What CI's job does."""
    receipts = GitHubReceipts(REPOSITORY, remote.writer, remote.url)
    return infra.apply(remote.clone, "origin", REGION, receipts, "", lambda text: None)


def receipts(remote: Remote, commit: str) -> list[State]:
    """The states of the region's infra receipts on a commit, the newest first."""
    found = GitHubReceipts(REPOSITORY, remote.reader, remote.url).of({commit})[commit]
    return [r.state for r in found if (r.region, r.check, r.creator) == (REGION, "infra", TRUSTED)]


def updates(pulumi: Path) -> int:
    """How often Pulumi was asked to update."""
    return sum(line.startswith("up ") for line in (pulumi / "calls").read_text().splitlines())


def test_the_first_commit_makes_the_stack_updates_it_and_posts_the_receipt(remote: Remote, pulumi: Path) -> None:
    commit = release(remote, "components/a.py")
    assert apply(remote).state is State.SUCCESS
    assert receipts(remote, commit) == [State.SUCCESS, State.PENDING]
    calls = (pulumi / "calls").read_text().splitlines()
    assert calls[0].startswith(f"stack select --create {REGION} ")
    assert calls[1].startswith(f"up --yes --skip-preview --suppress-progress --policy-pack policy --stack {REGION} ")
    assert remote.git("ls-remote", "origin", f"refs/waves/infra/{REGION}").startswith(commit)


def test_where_nothing_that_infrastructure_depends_on_changed_it_says_so_at_once(remote: Remote, pulumi: Path) -> None:
    first = release(remote, "components/a.py")
    apply(remote)
    commit = release(remote, "gitops/apps/x.libsonnet")
    outcome = apply(remote)
    assert outcome.description == f"nothing that infrastructure depends on changed since {first[:10]}"
    assert receipts(remote, commit) == [State.SUCCESS]
    assert updates(pulumi) == 1


@pytest.mark.parametrize("changed", ["components/a.py", "fleet/b.py", "Pulumi.yaml", f"stacks/Pulumi.{REGION}.yaml"])
def test_what_infrastructure_depends_on_is_updated(remote: Remote, pulumi: Path, changed: str) -> None:
    release(remote, "components/z.py")
    apply(remote)
    release(remote, changed)
    assert apply(remote).state is State.SUCCESS
    assert updates(pulumi) == 2


def test_another_regions_file_is_none_of_it(remote: Remote, pulumi: Path) -> None:
    release(remote, "components/a.py")
    apply(remote)
    release(remote, "stacks/Pulumi.staging-azure-eastus.yaml")
    apply(remote)
    assert updates(pulumi) == 1


def test_after_an_update_that_failed_half_way_the_old_inputs_are_applied_again(remote: Remote, pulumi: Path) -> None:
    release(remote, "components/a.py")
    apply(remote)
    (pulumi / "code").write_text("1")
    bad = release(remote, "components/a.py")
    outcome = apply(remote)
    assert (outcome.state, receipts(remote, bad)[0]) == (State.FAILURE, State.FAILURE)
    (pulumi / "code").write_text("0")
    remote.git("revert", "--no-edit", "HEAD")
    remote.git("push", "--quiet", "origin", "HEAD:main", f"HEAD:region/{REGION}")
    assert apply(remote).state is State.SUCCESS
    assert updates(pulumi) == 3, "the clouds are half way to the bad commit, and were taken for the good one"


def test_a_job_that_was_overtaken_does_nothing_and_posts_nothing(remote: Remote, pulumi: Path) -> None:
    old = release(remote, "components/a.py")
    new = release(remote, "components/a.py")
    remote.git("checkout", "--quiet", old)
    outcome = apply(remote)
    assert (outcome.state, outcome.description) == (None, f"region/{REGION} is at {new[:10]} by now")
    assert (receipts(remote, old), updates(pulumi)) == ([], 0)


def test_the_command_signs_in_as_the_app_and_its_exit_code_is_the_updates(
    remote: Remote, pulumi: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, none = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    identity = Identity(TRUSTED, "write")
    remote.github.add_app(
        "1000001", "2000001", identity, key.public_key().public_bytes(serialization.Encoding.PEM, public).decode()
    )
    monkeypatch.setenv("GITHUB_API_URL", remote.url)
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    arguments = ["--checkout", str(remote.clone), "infra", REGION, "--json"]

    def run() -> int:
        monkeypatch.setattr("sys.argv", ["waves", *arguments])
        try:
            return cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)

    commit = release(remote, "components/a.py")
    monkeypatch.delenv("REGIONS_RECEIPTS_KEY", raising=False)
    assert run() == 1
    assert "REGIONS_RECEIPTS_KEY is not set" in capfd.readouterr().err
    monkeypatch.setenv("REGIONS_RECEIPTS_KEY", key.private_bytes(serialization.Encoding.PEM, form, none).decode())
    assert run() == 0
    said = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert said == {"commit": commit, "state": "success", "description": "pulumi up went through"}
    (pulumi / "code").write_text("255")
    release(remote, "components/a.py")
    assert run() == 1
