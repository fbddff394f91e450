"""`waves images`: which of the repository's own images want building, and new images' pins, by pull request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from waves import host
from waves.affected import Base, common
from waves.console import Json, Options, errors, output
from waves.github import HostError
from waves.host import open_pulls, open_refs
from waves.model import Commit
from waves.pins import PINS, Bump, bumps, carried, parts, pins, rewritten, wanted
from waves.pulls import MAIN, Pull, Pulls
from waves.refs import GitError, GitRefs
from waves.rendering import sources
from waves.signatures import problem

app = typer.Typer(help="The images that regions run, as gitops/pins has them.", no_args_is_help=True)

OWN: Mapping[str, tuple[str, ...]] = {
    "conductor": ("waves/", "fleet/"),
    "front": ("front/",),
    "gates": ("gates/",),
}
"""The images that this repository makes: what each is built from. The first folder has its Dockerfile, tests/ its tests."""
BRANCH = "images"
"""What pull requests of pins come from; there is one at most. Each bump rewrites it."""
ATTEMPTS = 5
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Build:
    """An image to build, and the tag that it gets: the last commit that touched what it is built from."""

    image: str
    dockerfile: str
    tests: str
    tag: Commit


@dataclass(frozen=True)
class Proposal:
    """What a pull request changes. Without one, main has all of it."""

    changes: tuple[Bump, ...]
    pull: Pull | None


def outdated(refs: GitRefs, every: bool = False) -> list[Build]:
    """The own images whose pin on the remote's main lacks what HEAD has; `every`: those that have just that, too.

    None where main pins a newer one: an older commit's CI, run again, would take the regions back. Raises GitError, PinsError.
    """
    known, head, found = pins(refs.files(_main(refs), [PINS])), refs.resolve("HEAD"), []
    for image, places in OWN.items():
        tag = refs.touched(head, places)
        _, running, _ = parts(known[image].image)
        has = _COMMIT.fullmatch(running) is not None and refs.contains(running, tag)
        if not has or (every and running == tag):
            folders = [f"tests/{place}".rstrip("/") for place in places]
            found.append(Build(image, f"{places[0]}Dockerfile", " ".join(folders), tag))
    return found


def propose(refs: GitRefs, pulls: Pulls, words: Sequence[str], by: tuple[str, str]) -> Proposal:
    """Open the pull request of these images, or update it. Raises HostError, GitError, PinsError.

    The commit is main, what the branch waits to be merged with, and these. Nothing of the clone's own is touched.
    """
    for _ in range(ATTEMPTS):
        made = _attempt(refs, pulls, words, by)
        if made is not None:
            return made
    raise HostError(f"somebody else moved the branch {BRANCH} {ATTEMPTS} times meanwhile. Run it again")


def _attempt(refs: GitRefs, pulls: Pulls, words: Sequence[str], by: tuple[str, str]) -> Proposal | None:
    """None if somebody else was faster."""
    main = _main(refs)
    tip = refs.heads(BRANCH).get(BRANCH)
    files, known = refs.files(main, [PINS]), pulls.of(BRANCH)
    pull = next((pull for pull in known if pull.open), None)
    fork, there = (refs.fork(tip, main), refs.files(tip, [PINS])) if tip else (None, {})
    # A branch that nobody asked to pull yet waits too: whoever pushed it was stopped. A closed one was refused.
    waits = fork is not None and (pull is not None or all(each.head != tip for each in known))
    waiting = carried(refs.files(fork, [PINS]), there, files) if fork and waits else {}
    asked = wanted(words, pins({**files, **rewritten(files, bumps(files, waiting))}))
    changes = bumps(files, {**waiting, **asked})
    if not changes:
        return Proposal((), pull)
    new = rewritten(files, changes)
    title = f"Run new images: {', '.join(bump.app for bump in changes)}"
    if fork != main or there != {**files, **new}:
        message = "\n".join([title, "", *(f"{bump.app}: {bump.old} -> {bump.new}" for bump in changes), ""])
        if not refs.push_branch(BRANCH, refs.change(main, new, message, by), tip):
            return None
    if pull is not None:
        pulls.update(pull, title, body(changes))
    else:
        pull = pulls.create(BRANCH, title, body(changes))
    return Proposal(tuple(changes), pull) if pull else None


def body(changes: Iterable[Bump]) -> str:
    """The text of the pull request."""
    rows = [f"| `{bump.app}` | `{bump.old}` | `{bump.new}` |" for bump in changes]
    return "\n".join([
        "To merge this is the release: the waves take it from main to each region.", "",
        "| image | from | to |", "| --- | --- | --- |", *rows, "",
        "`waves images bump` writes this branch anew with each build, and keeps nothing but pins of what is committed to it.",
    ])  # fmt: skip


def _main(refs: GitRefs) -> Commit:
    try:
        return refs.heads(MAIN)[MAIN]
    except KeyError:
        raise GitError(f"{Options.remote} has no branch {MAIN}. Push one, or name another remote") from None


@app.command("outdated")
def outdated_(
    every: Annotated[
        bool, typer.Option("--all", help="All of them, so that they are built on their base anew.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the own images that are to be built: what they are made of has changed since what main pins. Asks the remote."""
    found = outdated(open_refs(Options.checkout, Options.remote), every)
    if as_json:
        print(json.dumps([asdict(build) for build in found]))
        return
    for build in found:
        output.print(f"{build.image}: {build.dockerfile} at {build.tag[:10]}", markup=False)
    if not found:
        output.print("main pins an image of each one's last change", markup=False)


@app.command()
def bump(
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
    warning = ""
    if pull_request:
        refs, pulls, by = open_pulls(Options.checkout, Options.remote, Options.repository)
        made = propose(refs, pulls, images, by)
        if automerge and made.changes and made.pull:
            warning = pulls.automerge(made.pull)
    else:
        made = Proposal(tuple(_in_checkout(images)), None)
    changed = {change.app for change in made.changes}
    apps = dict.fromkeys(re.split("[@=]", image)[0] for image in images)
    already = [app for app in apps if app not in changed]
    if as_json:
        pull = {"number": made.pull.number, "url": made.pull.url} if made.pull else None
        changes = [asdict(change) for change in made.changes]
        print(json.dumps({"changed": changes, "already": already, "pull_request": pull, "warning": warning}, indent=2))
    for line in [] if as_json else _said(made, already):
        output.print(line, markup=False, soft_wrap=True)
    if warning:
        errors.print(
            f"warning: the host does not merge it by itself: {warning}. Merge it by hand, or allow auto-merge in the repository's "
            "settings and let main demand a check",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip


@app.command()
def verify(
    base: Base = "origin/main",
    as_json: Json = False,
) -> None:
    """Hold the own images that a change pins to the signature of this repository's CI. Exit code 1 if one has none."""
    repository = host.name(Options.checkout, Options.remote, Options.repository)
    refs = GitRefs(Options.checkout, Options.remote)
    before = refs.files(common(base), [PINS])
    found = {image: problem(app, image, repository) for app, image in repinned(before).items()}
    if as_json:
        print(json.dumps([{"image": image, "problem": wrong} for image, wrong in found.items()], indent=2))
    for image, wrong in () if as_json else found.items():
        output.print(f"{image}: {wrong or 'signed by CI'}", markup=False, soft_wrap=True)
    if not found and not as_json:
        output.print("no image of this repository's own is pinned anew")
    if any(found.values()):
        raise typer.Exit(1)


def repinned(before: Mapping[str, str]) -> dict[str, str]:
    """The own images that the files here pin otherwise than files of before."""
    old, now = pins(before), pins(sources(Options.checkout, PINS))
    return {
        name: now[name].image for name in OWN if name in now and (name not in old or old[name].image != now[name].image)
    }


def _in_checkout(words: Sequence[str]) -> list[Bump]:
    files = sources(Options.checkout, PINS)
    changes = bumps(files, wanted(words, pins(files)))
    for path, text in rewritten(files, changes).items():
        (Options.checkout / path).write_text(text)
    return changes


def _said(made: Proposal, already: Sequence[str]) -> Iterable[str]:
    yield from (f"{change.file}: {change.app}: {change.old} -> {change.new}" for change in made.changes)
    yield from (f"{app}: already at that image" for app in already)
    if made.pull and made.changes:
        yield f"pull request {made.pull.number}: {made.pull.url}"
