"""Collects a pull request's report: previews, policies, costs, preflight and changed objects. Changes nothing in any cloud."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import fleet
from waves.review import costs
from waves.review.affected import AffectedRegion, since
from waves.review.comment import MARK, NO_PREVIEW, Report, comment
from waves.review.comparison import compare, repository_files, violations
from waves.review.object_diff import group_by_changes
from waves.review.preflight import ExceptionsError
from waves.review.pulumi_preview import Preview
from waves.review.render import PLACE
from waves.review.schemas import DEFINITIONS
from waves.scm import tree
from waves.scm.connect import job_url
from waves.scm.github import RepositoryApi


def report(checkout: Path, start: str, folder: Path) -> Report:
    """The report on the change from a commit to the checkout as it is. `folder` has the previews. Raises GitError."""
    files = tree.checkout_tree(checkout)
    affected = since(checkout, start, files)
    previews = [_preview(folder, region, files) for region in affected.regions]
    before, after = (repository_files(checkout, commit, PLACE, DEFINITIONS) for commit in (start, ""))
    comparison = compare(before, after)
    broken, preflight = list(comparison.broken.values()), []
    try:
        preflight = violations(comparison, before, after) if not broken else []
    except ExceptionsError as error:
        broken.append(str(error))
    return Report(
        tuple(previews), affected.removed, cost_changes(before, after), tuple(group_by_changes(comparison.changes)), tuple(broken),
        tuple(preflight),
    )  # fmt: skip


def post(api: RepositoryApi, pull: int, report: Report) -> None:
    """Post the comment, or update the one that is there. A silent report makes no new comment. Raises HostError.

    Only an app's comment, such as CI's, is updated: a person could write one with the same beginning, and edit it later.
    """
    place, needs = f"{api.place}/issues", "pull-requests: write"
    body = comment(report, whole=job_url() and f"[the job's summary]({job_url()})")
    comments = api.list_all(f"{place}/{pull}/comments", needs)
    own = [entry for entry in comments if (entry["body"] or "").startswith(MARK) and entry["user"]["type"] == "Bot"]
    if own:
        api.request("PATCH", f"{place}/comments/{own[0]['id']}", needs, json={"body": body})
    elif not report.silent:
        api.request("POST", f"{place}/{pull}/comments", needs, json={"body": body})


def cost_changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, float | None]:
    """Region to USD a month more or less. None where the price list lacks a machine or a place."""
    prices = costs.prices()
    old, new = fleet.load(before).regions, fleet.load(after).regions

    def monthly(region: fleet.Region | None) -> float:
        return sum(costs.monthly(region, prices).values()) if region else 0.0

    changes: dict[str, float | None] = {}
    for name in {*old, *new}:
        try:
            changes[name] = monthly(new.get(name)) - monthly(old.get(name))
        except KeyError:
            changes[name] = None
    return changes


def _preview(folder: Path, region: AffectedRegion, files: str) -> Preview:
    """A region's preview out of the folder, or why no preview counts. `files` is the tree of the checkout."""
    file, where = folder / f"{region.region}.json", (region.region, region.wave or "?", region.cloud or "?")
    if not file.exists():
        return Preview(*where, NO_PREVIEW)
    data = json.loads(file.read_text())
    if data["files"] != files:
        return Preview(*where, f"{file} is a preview of other files. Run `regions preview` again")
    return Preview.of(data["preview"])
