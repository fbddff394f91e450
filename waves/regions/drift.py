"""Drift: compares regions with their commit, and keeps one issue for each region that differs. Changes no region."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import fleet
from waves.review.comment import LIMIT, code, lines
from waves.review.pulumi_preview import Preview, preview
from waves.rollout.model import StatusState
from waves.scm.connect import job_url
from waves.scm.git import HEADS, GitRefs, git
from waves.scm.github import RepositoryApi
from waves.scm.statuses import receipt

LABEL = "drift"
NEEDS = "issues: write"
"""The label of the issues, and the permission that they need."""


@dataclass(frozen=True)
class Drift:
    """The drift of one region. A region without a difference in both previews is in sync."""

    region: str
    commit: str
    outside: Preview
    """Changes in the cloud since the last update: `pulumi refresh --preview-only`."""
    program: Preview
    """Changes that an update of the region's commit would still make: `pulumi preview`."""

    @property
    def clean(self) -> bool:
        """Whether the region equals its commit."""
        return not any(part.steps or part.error for part in (self.outside, self.program))


def region_drift(checkout: Path, region: fleet.Region, commit: str) -> Drift:
    """A region's drift, by the program and the settings of its branch's commit."""
    with _worktree(checkout, commit) as folder:
        at_commit = fleet.read(folder).region(region.name)
        return Drift(region.name, commit, preview(folder, at_commit, refresh=True), preview(folder, at_commit))


def update_in_progress(host: RepositoryApi, refs: GitRefs, region: fleet.Region, commit: str) -> bool:
    """Whether a region's branch has moved, or the update to its commit is not complete."""
    branch = f"{HEADS}{region.branch}"
    if refs.list_refs(branch).get(branch) != commit:
        return True
    # Only trusted receipts count: another login could hide a drift.
    trusted = region.wave.trusted(region.settings.github_apps.status.login)
    for status in host.list_all(f"{host.place}/commits/{commit}/statuses", "statuses: read"):  # the newest first
        latest = receipt(status)
        if latest and (latest.region, latest.check) == (region.name, "infra") and latest.creator in trusted:
            return latest.state == StatusState.PENDING
    return False


def format_drift(drift: Drift) -> list[str]:
    """A region's drift, line by line."""
    text = []
    for title, part in (("in the cloud, since the last update", drift.outside), ("not yet applied", drift.program)):
        if part.error:
            text += [f"{title}: the comparison failed", *part.error.splitlines()]
        elif part.steps:
            text += [f"{title}:", *lines(part)]
    return text


def sync_issue(host: RepositoryApi, drift: Drift) -> None:
    """Open the region's issue, update it, or close it. Raises HostError."""
    title = f"Drift: {drift.region}"
    place = f"{host.place}/issues"
    issues = [issue for issue in host.list_all(place, NEEDS, labels=LABEL, state="open") if issue["title"] == title]
    if drift.clean:
        for issue in issues:
            host.request("PATCH", f"{place}/{issue['number']}", NEEDS, json={"state": "closed"})
        return
    text = code("\n".join(format_drift(drift))[: LIMIT // 2], "diff")
    body = (
        f"`{drift.region}` differs from {drift.commit[:10]}. docs/runbooks/drift.md has the steps.\n\n{text}\n\n"
        f"{job_url()}"
    )
    if issues:
        host.request("PATCH", f"{place}/{issues[0]['number']}", NEEDS, json={"body": body})
    else:
        host.request("POST", place, NEEDS, json={"title": title, "body": body, "labels": [LABEL]})


@contextmanager
def _worktree(checkout: Path, commit: str) -> Iterator[Path]:
    """A commit's files in a folder of their own, beside the checkout's virtual environment."""
    checkout = checkout.resolve()
    with TemporaryDirectory(prefix="drift-") as scratch:
        folder = Path(scratch) / "checkout"
        git(checkout, "worktree", "add", "--quiet", "--detach", str(folder), commit)
        try:
            if (checkout / ".venv").exists():
                os.symlink(checkout / ".venv", folder / ".venv")
            yield folder
        finally:
            git(checkout, "worktree", "remove", "--force", str(folder))
