"""Drift: whether a region is still as its commit made it, and one issue for each region that is not. Changes no region."""

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
from waves.scm.github import Api
from waves.scm.statuses import receipt

LABEL = "drift"
NEEDS = "issues: write"


@dataclass(frozen=True)
class Drift:
    """The drift of one region. None in both previews: it is in sync."""

    region: str
    commit: str
    outside: Preview
    """Changes in the cloud since the last update: `pulumi refresh --preview-only`."""
    program: Preview
    """Changes that an update of the region's commit would still make: `pulumi preview`."""

    @property
    def clean(self) -> bool:
        """Whether the region is as its commit made it."""
        return not any(part.steps or part.error for part in (self.outside, self.program))


def region_drift(checkout: Path, region: fleet.Region, commit: str) -> Drift:
    """A region's drift, by the program and the settings of the commit that it is at."""
    with _checked_out(checkout, commit) as folder:
        at_commit = fleet.read(folder).region(region.name)
        return Drift(region.name, commit, preview(folder, at_commit, refresh=True), preview(folder, at_commit))


def update_in_progress(host: Api, refs: GitRefs, region: fleet.Region, commit: str) -> bool:
    """Whether a region was given another commit meanwhile, or its infrastructure is still on the way to this one."""
    branch = f"{HEADS}{region.branch}"
    if refs.listed(branch).get(branch) != commit:
        return True
    # Only trusted receipts count: anybody else could keep a drift out of sight.
    trusted = region.wave.trusted(region.settings.receipts_login)
    for status in host.listed(f"{host.place}/commits/{commit}/statuses", "statuses: read"):  # the newest first
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


def sync_issue(host: Api, drift: Drift) -> None:
    """Open the region's issue, update it, or close it. Raises HostError."""
    title = f"Drift: {drift.region}"
    place = f"{host.place}/issues"
    issues = [issue for issue in host.listed(place, NEEDS, labels=LABEL, state="open") if issue["title"] == title]
    if drift.clean:
        for issue in issues:
            host.request("PATCH", f"{place}/{issue['number']}", NEEDS, json={"state": "closed"})
        return
    text = code("\n".join(format_drift(drift))[: LIMIT // 2], "diff")
    body = (
        f"`{drift.region}` is not as {drift.commit[:10]} made it. docs/runbooks/drift.md has the steps.\n\n{text}\n\n"
        f"{job_url()}"
    )
    if issues:
        host.request("PATCH", f"{place}/{issues[0]['number']}", NEEDS, json={"body": body})
    else:
        host.request("POST", place, NEEDS, json={"title": title, "body": body, "labels": [LABEL]})


@contextmanager
def _checked_out(checkout: Path, commit: str) -> Iterator[Path]:
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
