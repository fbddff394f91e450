"""`regions update`: the update, its receipt, and the cases that need neither. `pulumi` is a script here."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fleet.console import main
from fleet.windows import DAYS
from sandbox.githost.rest import TokenOwner
from tests.waves.conftest import REPOSITORY, Remote
from tests.waves.review.copies import copy_checkout
from tests.waves.rollout.memory import TRUSTED
from waves.cli.app import app
from waves.regions import update
from waves.rollout.model import Ledger, RegionRecord, StatusState
from waves.scm.connect import open_receipts
from waves.scm.git import GitRefs
from waves.scm.github import HostError
from waves.scm.statuses import GitHubReceipts

REGION = "staging-aws-eu-west-1"


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` that records its arguments, and ends with the exit code in a file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "code").write_text("0")
    script = folder / "pulumi"
    script.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\ncase "$1" in up) exit $(cat {folder}/code);; esac\n')
    script.chmod(0o755)
    (folder / "calls").touch()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def release(remote: Remote, changed: str, more: str = "# changed\n") -> str:
    """A commit that adds to one file, on the region's branch and checked out."""
    path = remote.clone / changed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + more)
    remote.git("add", "--all")
    commit = remote.commit(f"Change {changed}")
    remote.git("push", "--quiet", "--force", "origin", f"HEAD:region/{REGION}")
    return commit


def apply(remote: Remote) -> update.Outcome:
    """Run the update as CI's job does."""
    receipts = GitHubReceipts(REPOSITORY, remote.writer, remote.url)
    return update.apply(remote.clone, "origin", REGION, receipts, "", lambda text: None)


def receipts(remote: Remote, commit: str) -> list[StatusState]:
    """The states of the region's infra receipts on a commit, the newest first."""
    receipts = GitHubReceipts(REPOSITORY, remote.reader, remote.url).of({commit})[commit]
    return [r.state for r in receipts if (r.region, r.check, r.creator) == (REGION, "infra", TRUSTED)]


def updates(pulumi: Path) -> int:
    """The number of Pulumi's updates."""
    return sum(line.startswith("up ") for line in (pulumi / "calls").read_text().splitlines())


def test_the_first_commit_makes_the_stack_updates_it_and_posts_the_receipt(remote: Remote, pulumi: Path) -> None:
    commit = release(remote, "components/a.py")
    assert apply(remote).state is StatusState.SUCCESS
    assert receipts(remote, commit) == [StatusState.SUCCESS, StatusState.PENDING]
    calls = (pulumi / "calls").read_text().splitlines()
    assert calls[0].startswith(f"stack select --create {REGION} ")
    assert calls[1].startswith(f"up --yes --skip-preview --suppress-progress --policy-pack policy --stack {REGION} ")
    assert remote.git("ls-remote", "origin", f"refs/waves/infra/{REGION}").startswith(commit)


def test_without_a_change_of_the_infrastructures_inputs_the_receipt_comes_at_once(remote: Remote, pulumi: Path) -> None:
    first = release(remote, "components/a.py")
    apply(remote)
    commit = release(remote, "gitops/apps/x.libsonnet")
    outcome = apply(remote)
    assert outcome.description == f"nothing that infrastructure depends on changed since {first[:10]}"
    assert receipts(remote, commit) == [StatusState.SUCCESS]
    assert updates(pulumi) == 1


@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ("components/a.py", "# changed\n"),
        ("fleet/b.py", "# changed\n"),
        ("policy/c.py", "# changed\n"),
        ("requirements.txt", "# changed\n"),
        ("Pulumi.yaml", "  regions:pollInterval:\n    default: 5s\n"),
        (f"stacks/Pulumi.{REGION}.yaml", "  regions:suspended: true\n"),
    ],
)
def test_a_change_of_the_infrastructures_inputs_is_updated(
    remote: Remote, pulumi: Path, changed: str, more: str
) -> None:
    release(remote, "components/z.py")
    apply(remote)
    release(remote, changed, more)
    assert apply(remote).state is StatusState.SUCCESS
    assert updates(pulumi) == 2


def test_another_regions_settings_and_a_comment_are_none_of_it(remote: Remote, pulumi: Path) -> None:
    release(remote, "components/a.py")
    apply(remote)
    release(remote, "stacks/Pulumi.staging-azure-eastus.yaml", "  regions:suspended: true\n")
    apply(remote)
    release(remote, f"stacks/Pulumi.{REGION}.yaml", "# It rains there\n")
    apply(remote)
    assert updates(pulumi) == 1


def test_another_clouds_component_is_none_of_it_also_where_the_clone_is_shallow(remote: Remote, pulumi: Path) -> None:
    copy_checkout(remote.clone)
    applied = release(remote, "README.md")
    apply(remote)
    commit = release(remote, "components/gcp/cluster.py")
    remote.git("fetch", "--quiet", "--depth=1", "origin", commit)
    remote.git("reflog", "expire", "--expire=now", "--all")
    remote.git("-c", "gc.pruneExpire=now", "gc", "--quiet", "--prune=now")
    assert subprocess.run(["git", "cat-file", "-e", applied], cwd=remote.clone, capture_output=True).returncode != 0
    assert apply(remote).description.startswith("nothing that infrastructure depends on changed")
    release(remote, "components/aws/cluster.py")
    apply(remote)
    assert updates(pulumi) == 2


def test_after_an_update_that_failed_half_way_the_old_inputs_are_applied_again(remote: Remote, pulumi: Path) -> None:
    release(remote, "components/a.py")
    apply(remote)
    (pulumi / "code").write_text("1")
    bad = release(remote, "components/a.py")
    outcome = apply(remote)
    assert (outcome.state, receipts(remote, bad)[0]) == (StatusState.FAILURE, StatusState.FAILURE)
    (pulumi / "code").write_text("0")
    remote.git("revert", "--no-edit", "HEAD")
    remote.git("push", "--quiet", "origin", "HEAD:main", f"HEAD:region/{REGION}")
    assert apply(remote).state is StatusState.SUCCESS
    assert updates(pulumi) == 3, "the clouds are half way to the bad commit, and were taken for the good one"


def test_a_job_that_was_overtaken_does_nothing_and_posts_nothing(remote: Remote, pulumi: Path) -> None:
    old = release(remote, "components/a.py")
    new = release(remote, "components/a.py")
    remote.git("checkout", "--quiet", old)
    outcome = apply(remote)
    assert (outcome.state, outcome.description) == (None, f"region/{REGION} is at {new[:10]} by now")
    assert (receipts(remote, old), updates(pulumi)) == ([], 0)


def closed_now(remote: Remote) -> None:
    """Make the region one customer's, whose only window is in three days' time."""
    day = DAYS[(datetime.now(UTC).weekday() + 3) % 7]
    window = f'regions:changeWindows: [{{ days: [{day}], start: "08:00", end: "10:00" }}]'
    status = f'{{ status: {{ appId: "7", installationId: "7", login: "{TRUSTED}" }} }}'
    way_in = "regions:apiAllowedCidrs: [203.0.113.0/24]"
    own = ["regions:tenant: globex", f"regions:githubApps: {status}", way_in, window]
    stack = remote.clone / f"stacks/Pulumi.{REGION}.yaml"
    text = stack.read_text().replace("wave: staging", "wave: external")
    stack.write_text(text.replace("config:\n", "config:\n  " + "\n  ".join(own) + "\n"))
    for file, old, new in (
        ("waves.yaml", TRUSTED, "ann"),
        ("policy/residency.yaml", "acme:", 'globex: ["*"]\nacme:'),
    ):
        path = remote.clone / file
        path.write_text(path.read_text().replace(old, new))


def record_commit(remote: Remote, commit: str, ago: timedelta) -> None:
    """Record in the ledger that the region, which joined long ago, got a commit so long ago."""
    refs = GitRefs(remote.clone)
    record = RegionRecord(at=commit, since=datetime.now(UTC) - ago, joined=commit)
    tip = refs.snapshot().tip
    assert refs.push([], Ledger(regions={REGION: record}), tip, "Record the region's commit")


def test_outside_of_its_change_windows_a_region_is_not_updated_and_the_receipt_says_so(
    remote: Remote, pulumi: Path
) -> None:
    closed_now(remote)
    commit = release(remote, "components/a.py")
    record_commit(remote, commit, timedelta(hours=2))
    outcome = apply(remote)
    assert outcome.state is StatusState.PENDING
    assert outcome.description.startswith("nothing changed: outside of the change windows, ")
    assert (updates(pulumi), receipts(remote, commit)) == (0, [StatusState.PENDING])


def test_a_commit_of_the_conductor_or_a_rollback_is_finished_though_the_window_has_ended(
    remote: Remote, pulumi: Path
) -> None:
    closed_now(remote)
    commit = release(remote, "components/a.py")
    record_commit(remote, commit, timedelta(minutes=50))
    assert apply(remote).state is StatusState.SUCCESS, "the wave's deadline is an hour"
    other = release(remote, "components/a.py")
    record_commit(remote, commit, timedelta(minutes=50))
    assert (apply(remote).state, updates(pulumi)) == (StatusState.PENDING, 1), "it was given another commit"
    assert receipts(remote, other) == [StatusState.PENDING]


def test_a_region_that_has_not_joined_is_built_and_where_nothing_changes_no_window_is_asked_for(
    remote: Remote, pulumi: Path
) -> None:
    closed_now(remote)
    first = release(remote, "components/a.py")
    assert apply(remote).state is StatusState.SUCCESS
    release(remote, "gitops/apps/x.libsonnet")
    record_commit(remote, first, timedelta(days=2))
    assert apply(remote).state is StatusState.SUCCESS
    assert updates(pulumi) == 1


def test_a_private_regions_job_does_not_sign_in_with_the_key_of_all_others(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGIONS_RECEIPTS_KEY", "-----BEGIN PRIVATE KEY----- of all others")
    with pytest.raises(HostError, match=r"REGIONS_RECEIPTS_KEY_ACME is not set: .* app 1000003"):
        open_receipts(remote.clone, "origin", REPOSITORY, "acme-gcp-europe-west4")


def test_the_command_signs_in_as_the_app_and_its_exit_code_is_the_updates(
    remote: Remote, pulumi: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, none = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    identity = TokenOwner(TRUSTED, "write")
    remote.github.add_app(
        "1000001", "2000001", identity, key.public_key().public_bytes(serialization.Encoding.PEM, public).decode()
    )
    monkeypatch.setenv("GITHUB_API_URL", remote.url)
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    arguments = ["--checkout", str(remote.clone), "update", REGION, "--json"]

    def run() -> int:
        monkeypatch.setattr("sys.argv", ["waves", *arguments])
        try:
            return main(app)
        except SystemExit as ended:
            return int(ended.code or 0)

    commit = release(remote, "components/a.py")
    monkeypatch.delenv("REGIONS_RECEIPTS_KEY", raising=False)
    assert run() == 1
    assert "REGIONS_RECEIPTS_KEY is not set" in capfd.readouterr().err
    monkeypatch.setenv("REGIONS_RECEIPTS_KEY", key.private_bytes(serialization.Encoding.PEM, form, none).decode())
    assert run() == 0
    output = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert output == {"commit": commit, "state": "success", "description": "pulumi up went through"}
    (pulumi / "code").write_text("255")
    release(remote, "components/a.py")
    assert run() == 1
