"""Refs by real git, and whole passes on a real repository with a simulated GitHub."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from fleet.console import main
from tests.waves.conftest import REPOSITORY, Remote
from waves.cli.app import app
from waves.rollout import conductor, ledger
from waves.rollout.model import Ledger, Move, Note, RegionRecord, WaveRecord
from waves.scm.git import GitError, GitRefs
from waves.scm.statuses import GitHubReceipts

STAGING = ["staging-aws-eu-west-1", "staging-azure-eastus", "staging-gcp-us-central1"]
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_a_snapshot_has_mains_first_parent_history_and_the_regions_branches(remote: Remote) -> None:
    first = remote.git("rev-parse", "HEAD")
    remote.git("checkout", "--quiet", "-b", "feature")
    remote.git("commit", "--quiet", "--allow-empty", "-m", "Work")
    remote.git("checkout", "--quiet", "main")
    remote.git("merge", "--quiet", "--no-ff", "-m", "Merge", "feature")
    remote.git("push", "--quiet", "origin", "main", f"{first}:refs/heads/region/a")
    snapshot = GitRefs(remote.clone).snapshot()
    assert snapshot.history == (remote.git("rev-parse", "HEAD"), first)
    assert snapshot.branches == {"a": first}
    assert (snapshot.ledger, snapshot.tip) == (Ledger(), None)


def test_the_fleet_is_read_from_the_commit(remote: Remote) -> None:
    old = remote.git("rev-parse", "HEAD")
    (remote.clone / f"stacks/Pulumi.{STAGING[0]}.yaml").unlink()
    remote.git("add", "--all")
    new = remote.commit("Remove a region")
    refs = GitRefs(remote.clone)
    assert [member.name for member in refs.release(old).members["staging"]] == STAGING
    assert [member.name for member in refs.release(new).members["staging"]] == STAGING[1:]
    private, large, *_ = refs.release(old).members["external"]
    assert (private.login, [str(window) for window in private.windows]) == (
        "acme-receipts[bot]", ["tue, wed, thu 21:00-02:00 Europe/Berlin"],
    )  # fmt: skip
    assert (large.size, large.login, large.windows) == (24, "", ())


def test_a_commit_with_a_bad_file_makes_no_fleet_and_says_why(remote: Remote) -> None:
    path = remote.clone / f"stacks/Pulumi.{STAGING[0]}.yaml"
    path.write_text(path.read_text().replace("wave: staging", "wave: nowhere"))
    remote.git("add", "--all")
    assert "regions:wave = nowhere" in GitRefs(remote.clone).release(remote.commit("Break it")).problem


def test_a_push_moves_branches_and_ledger_together_and_is_signed_with_who_and_when(remote: Remote) -> None:
    head, refs = remote.git("rev-parse", "HEAD"), GitRefs(remote.clone)
    record = Ledger(
        waves={"staging": WaveRecord(head, NOW)}, regions={"a": RegionRecord(at=head, since=NOW)},
        pauses={"all": Note("ann", NOW, "incident 7")}, waivers={("a", head): Note("ann", NOW, "it is down")},
    )  # fmt: skip
    moves = [Move("a", "staging", None, head, "new"), Move("b", "staging", None, head, "new")]
    assert refs.push(moves, record, None, "Move two\n\na: new", ("Ann", "ann@example.com"), NOW)
    snapshot = refs.snapshot()
    assert snapshot.branches == {"a": head, "b": head}
    assert snapshot.ledger == record
    (entry,) = refs.log(snapshot.tip)
    assert (entry.by, entry.at, entry.text) == ("Ann", NOW, "Move two\n\na: new")
    assert remote.git("branch", "--list") == "* main", "the clone's own branches are left alone"


@pytest.mark.parametrize("lost", ["branch", "ledger"])
def test_a_push_that_lost_a_lease_changes_nothing(remote: Remote, lost: str) -> None:
    first, refs = remote.git("rev-parse", "HEAD"), GitRefs(remote.clone)
    assert refs.push([Move("a", "s", None, first, ""), Move("b", "s", None, first, "")], Ledger(), None, "Begin")
    second, tip = remote.commit(), refs.snapshot().tip
    if lost == "branch":
        remote.git("push", "--quiet", "origin", f"{remote.commit()}:refs/heads/region/b")
    else:
        assert refs.push([], Ledger(pauses={"all": Note("ann", NOW, "stop")}), tip, "Pause")
    before = refs.snapshot()
    moves = [Move("a", "s", first, second, ""), Move("b", "s", first, second, "")]
    assert refs.push(moves, Ledger(), tip, "Too late") is False
    assert refs.snapshot() == before


def test_a_host_that_is_away_is_an_error_with_gits_words(remote: Remote, tmp_path: Path) -> None:
    refs = GitRefs(remote.clone)
    shutil.move(remote.bare, tmp_path / "away")
    with pytest.raises(GitError, match="ls-remote"):
        refs.snapshot()


def test_a_ledger_of_a_newer_format_stops_everything(remote: Remote) -> None:
    with pytest.raises(ledger.LedgerError, match="update this tool"):
        ledger.parse(json.dumps({"format": 99}))
    with pytest.raises(ledger.LedgerError, match="cannot be read"):
        ledger.parse('{"format": 1, "waves": {"staging": {"target": 7}}}')


class ReportingFleet:
    """Regions that report on their branch's commit."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.refs = GitRefs(remote.clone)
        self.receipts = GitHubReceipts(REPOSITORY, remote.reader, remote.url)

    def promote(self) -> int:
        """Run a pass. Returns the number of branches that moved."""
        prepared = conductor.prepare(self.refs, self.receipts)
        assert conductor.carry_out(self.refs, prepared)
        return len(prepared.plan.moves)

    def report(self, *regions: str, state: str = "success") -> None:
        """Each region posts its receipts."""
        branches = self.refs.snapshot().branches
        for region in regions:
            for check in ("apps", "infra"):
                path = f"/repos/{REPOSITORY}/statuses/{branches[region]}"
                httpx.post(
                    f"{self.remote.url}{path}", json={"state": state, "context": f"region/{region}/{check}"},
                    headers={"Authorization": f"token {self.remote.writer}"}, trust_env=False,
                ).raise_for_status()  # fmt: skip


def test_a_new_fleet_comes_up_wave_by_wave_from_its_files_alone(remote: Remote) -> None:
    fleet, head = ReportingFleet(remote), remote.git("rev-parse", "HEAD")
    assert fleet.promote() == 3
    assert set(fleet.refs.snapshot().branches) == set(STAGING)
    fleet.report(*STAGING)
    for _ in range(3):
        fleet.promote()
    snapshot = fleet.refs.snapshot()
    assert snapshot.branches["tools-aws-us-west-2"] == head
    assert {name for name, record in snapshot.ledger.regions.items() if record.joined} == set(STAGING)


def run(
    remote: Remote, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, str]:
    """The command line's exit code, and its whole output."""
    monkeypatch.setenv("GITHUB_TOKEN", remote.reader)
    monkeypatch.setenv("GITHUB_API_URL", remote.url)
    arguments = ["--checkout", str(remote.clone), "--repository", REPOSITORY, *words]
    code = main(lambda: app(arguments, standalone_mode=False))
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_the_command_line_stops_explains_and_goes_on(
    remote: Remote, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def waves(*words: str) -> tuple[int, str]:
        return run(remote, capsys, monkeypatch, *words)

    head = remote.git("rev-parse", "HEAD")
    assert waves("plan") == (0, waves("plan")[1])
    assert f"would move {STAGING[0]} (staging): new -> {head[:10]}" in waves("plan")[1]
    assert waves("pause", "staging", "--reason", "incident 7") == (0, "Pause staging: incident 7\n")
    assert "nothing to move" in waves("promote")[1]
    code, text = waves("status")
    assert (code, "paused by Ann <ann@example.com>" in text, "incident 7" in text) == (0, True, True)
    assert waves("resume", "staging", "--reason", "over")[0] == 0
    assert f"moved {STAGING[0]}" in waves("promote")[1]
    data = json.loads(waves("status", "--json")[1])
    assert [wave["wave"] for wave in data["waves"]] == ["staging", "internal", "external"]
    assert {region["state"] for region in data["waves"][0]["regions"]} == {"joining"}
    ReportingFleet(remote).report(STAGING[0])
    data = json.loads(waves("status", "--json")[1])
    receipts = {region["region"]: region["receipts"] for region in data["waves"][0]["regions"]}
    assert {check: receipt["state"] for check, receipt in receipts[STAGING[0]].items()} == {
        "apps": "success",
        "infra": "success",
    }
    assert receipts[STAGING[1]] == {}
    assert waves("waive", STAGING[0], "--commit", "HEAD", "--reason", "its cloud is down")[0] == 0
    code, text = waves("history", STAGING[0])
    assert "Waive" in text
    recorded = json.loads(waves("pause", "external", "--reason", "quarter's end", "--json")[1])
    assert (recorded["recorded"], recorded["moves"]) == ("Pause external: quarter's end", [])
    assert "it is the head of main" in text
    assert "needs" in waves("plan", head)[1] or "under way" in waves("plan", head)[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pause", "stagin", "--reason", "x"], "no wave is named stagin; known: all, staging, internal, external"),
        (["resume", "staging", "--reason", "x"], "staging is not paused"),
        (["waive", "nowhere", "--commit", "HEAD", "--reason", "x"], "no region is named nowhere"),
        (["rollback", STAGING[0], "--to", "HEAD", "--reason", "x"], "has no branch yet"),
        (["rollback", STAGING[0], "--to", "abcdef", "--reason", "x"], "no commit that is known here. Run `git fetch`"),
        (["retire", STAGING[0], "--reason", "x"], "still on main"),
        (["history", "nowhere"], "the ledger has no entry for nowhere"),
    ],
)
def test_a_refusal_says_why_and_lists_the_known_names(
    remote: Remote, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    code, text = run(remote, capsys, monkeypatch, *words)
    assert code == 1
    assert message in text.replace("\n", " ")


def test_without_a_token_the_command_line_says_so(
    remote: Remote, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    arguments = ["--checkout", str(remote.clone), "--repository", REPOSITORY, "status"]
    assert main(lambda: app(arguments, standalone_mode=False)) == 1
    assert "GITHUB_TOKEN is not set" in capsys.readouterr().err


def test_git_is_never_asked_for_a_password(remote: Remote) -> None:
    remote.git("remote", "set-url", "origin", "http://127.0.0.1:9/x.git")
    with pytest.raises(GitError):
        GitRefs(remote.clone).snapshot()
    assert subprocess.run(["git", "status", "--porcelain"], cwd=remote.clone, capture_output=True).stdout == b""


def test_a_rollback_moves_the_branch_back_pauses_the_wave_and_is_in_the_history(
    remote: Remote, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, good = ReportingFleet(remote), remote.git("rev-parse", "HEAD")
    fleet.promote()
    fleet.report(*STAGING)
    fleet.promote()
    bad = remote.commit("It loses writes")
    fleet.promote()
    assert fleet.refs.snapshot().branches[STAGING[0]] == bad
    words = ["rollback", "staging", "--to", good, "--reason", "it loses writes"]
    assert run(remote, capsys, monkeypatch, *words) == (0, f"Roll staging back to {good[:10]}: it loses writes\n")
    assert {fleet.refs.snapshot().branches[name] for name in STAGING} == {good}
    assert fleet.promote() == 0
    wave = json.loads(run(remote, capsys, monkeypatch, "status", "--json")[1])["waves"][0]
    assert {region["state"] for region in wave["regions"]} == {"failed"}
    assert "it loses writes" in wave["holds"][0]
    assert "Roll staging back" in run(remote, capsys, monkeypatch, "history", STAGING[1])[1]
