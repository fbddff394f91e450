"""The infrastructure's part of a release: `pulumi up` for one region at its branch's commit, and the receipt.

CI runs it whenever `region/<name>` moves. If no input of the infrastructure changed, the receipt says so without an update.
Git keeps the commit of the last completed update under refs/waves/infra/<region>. During an update the ref is missing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import fleet
from fleet.windows import describe, is_open
from waves.review import affected
from waves.rollout.model import Commit, RegionRecord, StatusState
from waves.scm.git import REGIONS, GitRefs, git
from waves.scm.statuses import GitHubReceipts

APPLIED = "refs/waves/infra/"
"""The prefix of the refs with the last completed updates."""


@dataclass(frozen=True)
class Outcome:
    """The result of a commit's update."""

    commit: Commit
    state: StatusState | None
    """The posted receipt. None if the branch had moved on, so that no wave waits for a receipt."""
    description: str


def apply(
    checkout: Path, remote: str, region: str, receipts: GitHubReceipts, target_url: str, say: Callable[[str], None]
) -> Outcome:
    """Bring a region's infrastructure to the commit that is checked out, and post the receipt.

    Outside of the region's change windows nothing is changed, and the receipt says so: `closed_reason` has the rule.
    Raises GitError, HostError, LedgerError and FleetError. After the update has begun, every error is reported by a receipt.
    """
    fleet_region = fleet.read(checkout).region(region)
    commit = git(checkout, "rev-parse", "HEAD").strip()
    host = GitRefs(checkout, remote)
    refs = host.list_refs(f"{REGIONS}{region}", f"{APPLIED}{region}")
    branch, applied = refs.get(f"{REGIONS}{region}"), refs.get(f"{APPLIED}{region}")
    if branch != commit:
        return Outcome(commit, None, f"{fleet_region.branch} is at {(branch or 'no commit')[:10]} by now")

    def post(state: StatusState, description: str) -> Outcome:
        receipts.post(commit, f"{fleet_region.branch}/infra", state, description, target_url)
        return Outcome(commit, state, description)

    if applied and not infrastructure_changed(host, checkout, region, applied, commit):
        return post(StatusState.SUCCESS, f"nothing that infrastructure depends on changed since {applied[:10]}")
    if fleet_region.settings.change_windows:
        reason = closed_reason(fleet_region, host.ledger().region(region), commit, receipts.now())
        if reason:
            return post(StatusState.PENDING, reason)
    post(StatusState.PENDING, "pulumi up runs")
    try:
        code = _update_and_record(checkout, remote, fleet_region, commit, applied, say)
    except BaseException as error:
        post(StatusState.ERROR, f"pulumi up was interrupted: {type(error).__name__}")
        raise
    if code:
        return post(StatusState.FAILURE, f"pulumi up failed with exit code {code}; the job's log has the reason")
    return post(StatusState.SUCCESS, "pulumi up went through")


def closed_reason(region: fleet.Region, record: RegionRecord, commit: Commit, now: datetime) -> str:
    """Why a region's infrastructure is not changed now. Empty if it may be.

    The conductor moves a region's branch only inside of its change windows. The update to that commit may run until the wave's
    deadline, also after the window's end. A rollback and `regions retry`, which people record, give the same time.
    """
    windows = region.settings.change_windows
    if record.joined is None or is_open(windows, now):
        return ""
    if record.at == commit and record.since is not None and now < record.since + region.wave.deadline:
        return ""
    return f"nothing changed: outside of the change windows, {describe(windows)}"


def infrastructure_changed(refs: GitRefs, checkout: Path, region: str, applied: Commit, commit: Commit) -> bool:
    """Whether a region's infrastructure depends on a difference of two commits, by the rules of `regions affected`."""
    refs.fetch_commit(applied)
    change = affected.between(affected.read(checkout, applied), affected.read(checkout, commit))
    return any(affected_region.region == region for affected_region in change.regions)


def _update_and_record(
    checkout: Path,
    remote: str,
    region: fleet.Region,
    commit: Commit,
    applied: Commit | None,
    say: Callable[[str], None],
) -> int:
    """Update a region. The ref of the last completed update is missing until the update succeeds. Returns the exit code."""
    if applied:
        _record(checkout, remote, region.name, None, applied)
    code = _update(checkout, region, say)
    if code == 0:
        _record(checkout, remote, region.name, commit, None)
    return code


def _record(checkout: Path, remote: str, region: str, commit: Commit | None, old: Commit | None) -> None:
    """Record the last completed update, or that there is none. Fails if another job of the region recorded concurrently."""
    ref = f"{APPLIED}{region}"
    git(checkout, "push", "--quiet", "--no-verify", f"--force-with-lease={ref}:{old or ''}", remote,
        f"{commit or ''}:{ref}")  # fmt: skip


def _update(checkout: Path, region: fleet.Region, say: Callable[[str], None]) -> int:
    """Select or create the region's stack, and update it. Returns Pulumi's exit code."""
    key = region.secrets_provider
    select = ["stack", "select", "--create", region.name, *(["--secrets-provider", key] if key else [])]
    # A stack that CI makes keeps its encrypted key in its state, not in the stack file.
    env = {**os.environ, "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true"}
    update = ["up", "--yes", "--skip-preview", "--suppress-progress", "--policy-pack", "policy", "--stack", region.name]
    if region.settings.cloud == "azure":
        # AKS takes an edit of a pool only with its current number of nodes: components/azure/nodes.py.
        update.append("--refresh")
    for arguments in (select, update):
        command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
        say(f"$ {' '.join(command)}")
        code = subprocess.run(command, cwd=checkout, env=env, stdin=subprocess.DEVNULL).returncode
        if code:
            return code
    return 0
