"""The repository's own images: which of them are outdated, and the pull request that pins new ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from waves.images.pins import PINS, Bump, bumps, carried, parts, pins, rewritten, wanted
from waves.rollout.model import Commit
from waves.scm.git import GitError, GitRefs
from waves.scm.github import HostError
from waves.scm.pulls import MAIN, Pull, Pulls


@dataclass(frozen=True)
class OwnImage:
    """An image that this repository builds."""

    folder: str
    """The folder of its Dockerfile and requirements."""
    sources: tuple[str, ...]
    """The places that it is built from. Only a change in these makes a new image."""
    tests: tuple[str, ...]


OWN: Mapping[str, OwnImage] = {
    "conductor": OwnImage(
        "waves/scm/",
        ("waves/rollout/", "waves/scm/", "fleet/"),
        ("tests/waves/rollout", "tests/waves/scm", "tests/fleet"),
    ),
    "front": OwnImage("front/", ("front/",), ("tests/front",)),
    "gates": OwnImage("gates/", ("gates/",), ("tests/gates",)),
}
BRANCH = "images"
"""The branch of the pull request that pins images. There is one at most. Each bump rewrites it."""
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
    pinned, head, builds = pins(refs.files(_main(refs), [PINS])), refs.resolve("HEAD"), []
    for name, image in OWN.items():
        tag = refs.touched(head, image.sources)
        _, running, _ = parts(pinned[name].image)
        is_current = _COMMIT.fullmatch(running) is not None and refs.contains(running, tag)
        if not is_current or (every and running == tag):
            builds.append(Build(name, f"{image.folder}Dockerfile", " ".join(image.tests), tag))
    return builds


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
        "`regions images bump` writes this branch anew with each build, and keeps nothing but pins of what is committed to it.",
    ])  # fmt: skip


def _main(refs: GitRefs) -> Commit:
    try:
        return refs.heads(MAIN)[MAIN]
    except KeyError:
        raise GitError(f"{refs.remote} has no branch {MAIN}. Push one, or name another remote") from None


def repinned(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """The own images that the files after a change pin otherwise than the files before it."""
    old, now = pins(before), pins(after)
    return {
        name: now[name].image for name in OWN if name in now and (name not in old or old[name].image != now[name].image)
    }
