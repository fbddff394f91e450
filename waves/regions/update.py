"""The infrastructure's side of a release: `pulumi up` for one region from its branch's commit, and the receipt for it.

CI runs it whenever `region/<name>` moves. Where nothing changed that infrastructure depends on, it says so at once: git keeps
the commit of the last completed update under refs/waves/infra/<region>, and nothing while one is under way.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import fleet
from fleet.windows import is_open, words
from waves.review import affected
from waves.rollout.model import Commit, RegionRecord, StatusState
from waves.scm.git import REGIONS, GitRefs, git
from waves.scm.statuses import GitHubReceipts

APPLIED = "refs/waves/infra/"


@dataclass(frozen=True)
class Outcome:
    """What became of a commit's infrastructure."""

    commit: Commit
    state: StatusState | None
    """The receipt that was posted; None if the branch had moved on, so that nobody waits for one."""
    description: str


def apply(
    checkout: Path, remote: str, region: str, receipts: GitHubReceipts, target_url: str, say: Callable[[str], None]
) -> Outcome:
    """Bring a region's infrastructure to the commit that is checked out, and post the receipt.

    Outside of the region's change windows nothing is changed, and the receipt says so: `closed` has the rule.
    Raises GitError, HostError, LedgerError and FleetError; whatever happens after the update has begun, a receipt tells of it.
    """
    found = fleet.read(checkout).region(region)
    commit = git(checkout, "rev-parse", "HEAD").strip()
    host = GitRefs(checkout, remote)
    refs = host.listed(f"{REGIONS}{region}", f"{APPLIED}{region}")
    if refs.get(f"{REGIONS}{region}") != commit:
        return Outcome(commit, None, f"{found.branch} is at {refs.get(f'{REGIONS}{region}', 'no commit')[:10]} by now")

    def post(state: StatusState, description: str) -> Outcome:
        receipts.post(commit, f"{found.branch}/infra", state, description, target_url)
        return Outcome(commit, state, description)

    applied = refs.get(f"{APPLIED}{region}")
    if applied and not changed(host, checkout, region, applied, commit):
        return post(StatusState.SUCCESS, f"nothing that infrastructure depends on changed since {applied[:10]}")
    if found.settings.change_windows:
        shut = closed(found, host.ledger().region(region), commit, receipts.now())
        if shut:
            return post(StatusState.PENDING, shut)
    post(StatusState.PENDING, "pulumi up runs")
    try:
        if applied:
            _record(checkout, remote, region, None, applied)
        code = _update(checkout, found, say)
        if code == 0:
            _record(checkout, remote, region, commit, None)
    except BaseException as error:
        post(StatusState.ERROR, f"pulumi up was interrupted: {type(error).__name__}")
        raise
    if code:
        return post(StatusState.FAILURE, f"pulumi up failed with exit code {code}; the job's log has the reason")
    return post(StatusState.SUCCESS, "pulumi up went through")


def closed(region: fleet.Region, record: RegionRecord, commit: Commit, now: datetime) -> str:
    """Why a region's infrastructure is not changed now; empty if it may be.

    The conductor gives a region commits inside of its change windows alone, so what it gave is finished, also when the window
    ends meanwhile: until the wave's deadline. A rollback and `regions retry`, which people record, give the same time.
    """
    windows = region.settings.change_windows
    if record.joined is None or is_open(windows, now):
        return ""
    if record.at == commit and record.since is not None and now < record.since + region.wave.deadline:
        return ""
    return f"nothing changed: outside of the change windows, {words(windows)}"


def changed(refs: GitRefs, checkout: Path, region: str, applied: Commit, commit: Commit) -> bool:
    """Whether anything that a region's infrastructure depends on differs between two commits, as `regions affected` has it."""
    refs.present(applied)
    found = affected.between(affected.read(checkout, applied), affected.read(checkout, commit))
    return any(each.region == region for each in found.regions)


def _record(checkout: Path, remote: str, region: str, commit: Commit | None, old: Commit | None) -> None:
    """Remember the last completed update, or that there is none; fails if another job of the region did so meanwhile."""
    ref = f"{APPLIED}{region}"
    git(checkout, "push", "--quiet", "--no-verify", f"--force-with-lease={ref}:{old or ''}", remote,
        f"{commit or ''}:{ref}")  # fmt: skip


def _update(checkout: Path, region: fleet.Region, say: Callable[[str], None]) -> int:
    """Select the region's stack, made if it is not there yet, and update it. Returns Pulumi's exit code."""
    key = region.secrets_provider
    select = ["stack", "select", "--create", region.name, *(["--secrets-provider", key] if key else [])]
    # A stack that CI makes keeps its encrypted key in its state: nobody commits it to the stack file.
    env = {**os.environ, "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true"}
    update = ["up", "--yes", "--skip-preview", "--suppress-progress", "--policy-pack", "policy", "--stack", region.name]
    for arguments in (select, update):
        command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
        say(f"$ {' '.join(command)}")
        code = subprocess.run(command, cwd=checkout, env=env, stdin=subprocess.DEVNULL).returncode
        if code:
            return code
    return 0
