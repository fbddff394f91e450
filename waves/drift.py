"""`waves drift`: whether regions are still what their commits made them, and one issue for each that is not. Changes no region."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

import fleet
from waves.comment import LIMIT, code, lines
from waves.console import Json, Options, errors, output
from waves.engine import Preview, preview
from waves.github import Api
from waves.host import api, job_url
from waves.model import State
from waves.receipts import receipt
from waves.refs import HEADS, GitRefs, git

app = typer.Typer()
LABEL = "drift"
NEEDS = "issues: write"


@dataclass(frozen=True)
class Drift:
    """What was found of one region."""

    region: str
    commit: str
    outside: Preview
    """What changed in the cloud since the last update: `pulumi refresh --preview-only`."""
    program: Preview
    """What an update of the commit that the region is at would still do: `pulumi preview`."""

    @property
    def clean(self) -> bool:
        """Whether the region is what its commit made it."""
        return not any(each.steps or each.error for each in (self.outside, self.program))


@app.command()
def drift(
    regions: Annotated[list[str] | None, typer.Argument(help="Regions; all, unless given.")] = None,
    issues: Annotated[bool, typer.Option("--issues", help="Keep one issue open for each region that differs.")] = False,
    as_json: Json = False,
) -> None:
    """Compare regions with their last update, and that with the commit that they are at. Exit code 1 if any differs."""
    known = fleet.read(Options.checkout)
    chosen = [known.region(name) for name in regions] if regions else known.in_waves()
    refs = GitRefs(Options.checkout, Options.remote)
    heads = refs.listed(*(f"{HEADS}{region.branch}" for region in chosen))
    host = api(Options.checkout, Options.remote, Options.repository) if issues else None
    found = []
    for region in chosen:
        commit = heads.get(f"{HEADS}{region.branch}")
        if commit is None:
            errors.print(f"{region.name}: has no branch yet", markup=False)
            continue
        refs.present(commit)
        result = look(region, commit)
        if host and not result.clean and moving(host, refs, region, commit):
            errors.print(f"{region.name}: is being updated; the next run tells", markup=False)
            continue
        found.append(result)
        if host:
            keep(host, result)
        if not as_json:
            output.print(f"{result.region}: {'as it should be' if result.clean else '[red]differs[/]'}")
            for line in [] if result.clean else told(result):
                output.print(f"    {line}", markup=False, soft_wrap=True)
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    if not all(each.clean for each in found):
        raise typer.Exit(1)


def look(region: fleet.Region, commit: str) -> Drift:
    """Look at one region from the commit that it is at."""
    with _checked_out(commit) as folder:
        at = fleet.read(folder).region(region.name)
        return Drift(region.name, commit, preview(folder, at, refresh=True), preview(folder, at))


def moving(host: Api, refs: GitRefs, region: fleet.Region, commit: str) -> bool:
    """Whether a region was given another commit meanwhile, or its infrastructure is still on the way to this one."""
    branch = f"{HEADS}{region.branch}"
    if refs.listed(branch).get(branch) != commit:
        return True
    # Whose receipts count for the region: anybody else could keep a drift out of sight.
    trusted = region.wave.trusted(region.settings.receipts_login)
    for status in host.listed(f"{host.place}/commits/{commit}/statuses", "statuses: read"):  # the newest first
        said = receipt(status)
        if said and (said.region, said.check) == (region.name, "infra") and said.creator in trusted:
            return said.state == State.PENDING
    return False


def told(found: Drift) -> list[str]:
    """What was found, line by line."""
    text = []
    for title, each in (("in the cloud, since the last update", found.outside), ("not yet applied", found.program)):
        if each.error:
            text += [f"{title}: cannot be told", *each.error.splitlines()]
        elif each.steps:
            text += [f"{title}:", *lines(each)]
    return text


def keep(host: Api, found: Drift) -> None:
    """Open the region's issue, bring it up to date, or close it."""
    title = f"Drift: {found.region}"
    place = f"{host.place}/issues"
    there = [each for each in host.listed(place, NEEDS, labels=LABEL, state="open") if each["title"] == title]
    if found.clean:
        for each in there:
            host.request("PATCH", f"{place}/{each['number']}", NEEDS, json={"state": "closed"})
        return
    text = code("\n".join(told(found))[: LIMIT // 2], "diff")
    body = (
        f"`{found.region}` is not what {found.commit[:10]} made it. docs/runbooks/drift.md says what to do.\n\n{text}\n\n"
        f"{job_url()}"
    )
    if there:
        host.request("PATCH", f"{place}/{there[0]['number']}", NEEDS, json={"body": body})
    else:
        host.request("POST", place, NEEDS, json={"title": title, "body": body, "labels": [LABEL]})


@contextmanager
def _checked_out(commit: str) -> Iterator[Path]:
    """A commit's files in a folder of their own, beside this checkout's virtual environment."""
    checkout = Options.checkout.resolve()
    with TemporaryDirectory(prefix="drift-") as scratch:
        folder = Path(scratch) / "checkout"
        git(checkout, "worktree", "add", "--quiet", "--detach", str(folder), commit)
        try:
            if (checkout / ".venv").exists():
                os.symlink(checkout / ".venv", folder / ".venv")
            yield folder
        finally:
            git(checkout, "worktree", "remove", "--force", str(folder))
