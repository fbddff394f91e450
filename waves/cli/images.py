"""`regions images`: the repository's own images and their pins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fleet.console import errors, examples, output
from waves.cli.arguments import Base
from waves.images import proposal
from waves.images.cosign import problem
from waves.images.pins import PINS, Bump, bumps, new_images, pins, rewrite
from waves.images.proposal import Proposal, changed_own_images, propose
from waves.review.affected import common
from waves.review.render import sources
from waves.scm import connect
from waves.scm.git import GitRefs
from waves.scm.options import Json, options

app = typer.Typer(help="The images that regions run, as gitops/pins has them.", no_args_is_help=True)


@app.command(epilog=examples("regions images outdated", "regions images outdated --all --json"))
def outdated(
    context: typer.Context,
    rebuild: Annotated[
        bool, typer.Option("--all", help="Also the current ones, to rebuild them on their base.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the own images to build: their sources changed since the pin on main. Asks the remote."""
    here = options(context)
    builds = proposal.outdated(connect.open_refs(here.checkout, here.remote), rebuild)
    if as_json:
        print(json.dumps([asdict(build) for build in builds]))
        return
    for build in builds:
        output.text(f"{build.image}: {build.dockerfile} at {build.tag[:10]}")
    if not builds:
        output.text("main pins an image of each source's last change")


@app.command(epilog=examples("regions images bump front@sha256:…", "regions images bump front@sha256:… --pull-request"))
def bump(
    context: typer.Context,
    images: Annotated[
        list[str],
        typer.Argument(metavar="APP@DIGEST...", help="Or APP=REPOSITORY:TAG@DIGEST. An APP is a name in gitops/pins."),
    ],
    pull_request: Annotated[
        bool, typer.Option("--pull-request", help="By pull request into the remote's main, not in the checkout.")
    ] = False,
    automerge: Annotated[
        bool, typer.Option("--automerge", help="Let the host merge it once main's checks have passed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Pin other images, in the files here or by pull request. Merging that is the release."""
    if automerge and not pull_request:
        raise typer.BadParameter("--automerge needs --pull-request")
    here, warning = options(context), ""
    if pull_request:
        refs, pulls, by = connect.open_pulls(here.checkout, here.remote, here.repository)
        result = propose(refs, pulls, images, by)
        if automerge and result.changes and result.pull:
            warning = pulls.automerge(result.pull)
    else:
        result = Proposal(tuple(_pin_here(here.checkout, images)), None)
    changed = {change.app for change in result.changes}
    apps = dict.fromkeys(re.split("[@=]", image)[0] for image in images)
    unchanged = [app for app in apps if app not in changed]
    if as_json:
        pull = {"number": result.pull.number, "url": result.pull.url} if result.pull else None
        changes = [asdict(change) for change in result.changes]
        print(
            json.dumps({"changed": changes, "already": unchanged, "pull_request": pull, "warning": warning}, indent=2)
        )
    for line in [] if as_json else _lines(result, unchanged):
        output.text(line)
    if warning:
        errors.text(
            f"warning: the host does not merge it by itself: {warning}. Merge it by hand, or allow auto-merge in the repository's "
            "settings and require a check on main", style="yellow",
        )  # fmt: skip


@app.command(epilog=examples("regions images verify --base origin/main"))
def verify(context: typer.Context, base: Base = "origin/main", as_json: Json = False) -> None:
    """Check that this repository's CI signed the own images that a change pins. Exit code 1 if it did not sign one."""
    here = options(context)
    repository = connect.repository_name(here.checkout, here.remote, here.repository)
    refs = GitRefs(here.checkout, here.remote)
    before = refs.files(common(refs, base), [PINS])
    images = changed_own_images(before, sources(here.checkout, PINS))
    problems = {image: problem(app, image, repository) for app, image in images.items()}
    if as_json:
        print(json.dumps([{"image": image, "problem": text} for image, text in problems.items()], indent=2))
    for image, text in () if as_json else problems.items():
        output.text(f"{image}: {text or 'signed by CI'}")
    if not problems and not as_json:
        output.text("the change pins no image of this repository's own")
    if any(problems.values()):
        raise typer.Exit(1)


def _pin_here(checkout: Path, words: Sequence[str]) -> list[Bump]:
    files = sources(checkout, PINS)
    changes = bumps(files, new_images(words, pins(files)))
    for path, text in rewrite(files, changes).items():
        (checkout / path).write_text(text)
    return changes


def _lines(result: Proposal, unchanged: Sequence[str]) -> Iterable[str]:
    yield from (f"{change.file}: {change.app}: {change.old} -> {change.new}" for change in result.changes)
    yield from (f"{app}: already at that image" for app in unchanged)
    if result.pull and result.changes:
        yield f"pull request {result.pull.number}: {result.pull.url}"
