"""The repository's own images: finds the outdated ones, and opens the pull request that pins new ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from waves.images.pins import PINS, Bump, bumps, new_images, pins, rewrite, split_image, waiting_images
from waves.rollout.model import Commit
from waves.scm.git import GitError, GitRefs
from waves.scm.github import HostError
from waves.scm.pulls import MAIN, PullRequest, PullRequests


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
"""Attempts to push the branch while other builds push it."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Build:
    """An image to build. The tag is the last commit that changed the image's sources."""

    image: str
    dockerfile: str
    tests: str
    tag: Commit


@dataclass(frozen=True)
class Proposal:
    """The changes of a pull request. None: main pins these images already."""

    changes: tuple[Bump, ...]
    pull: PullRequest | None


def outdated(refs: GitRefs, rebuild: bool = False) -> list[Build]:
    """The own images whose pin on the remote's main lacks a change of HEAD. `rebuild`: also those at HEAD's last change.

    An image with a newer pin on main is left out: CI of an old commit, run again, takes no region back.
    Raises GitError, PinsError.
    """
    pinned, head, builds = pins(refs.files(_main(refs), [PINS])), refs.resolve("HEAD"), []
    for name, image in OWN.items():
        tag = refs.last_change(head, image.sources)
        _, running, _ = split_image(pinned[name].image)
        is_current = _COMMIT.fullmatch(running) is not None and refs.contains(running, tag)
        if not is_current or (rebuild and running == tag):
            builds.append(Build(name, f"{image.folder}Dockerfile", " ".join(image.tests), tag))
    return builds


def propose(refs: GitRefs, pulls: PullRequests, words: Sequence[str], by: tuple[str, str]) -> Proposal:
    """Open the pull request of these images, or update it. Raises HostError, GitError, PinsError.

    The commit is main, with the images that wait on the branch, and with these. The clone's own files stay as they are.
    """
    for _ in range(ATTEMPTS):
        proposal = _attempt(refs, pulls, words, by)
        if proposal is not None:
            return proposal
    raise HostError(f"another push moved the branch {BRANCH} {ATTEMPTS} times during this command. Run it again")


def _attempt(refs: GitRefs, pulls: PullRequests, words: Sequence[str], by: tuple[str, str]) -> Proposal | None:
    """None if another push was faster."""
    main = _main(refs)
    tip = refs.heads(BRANCH).get(BRANCH)
    files, pull_requests = refs.files(main, [PINS]), pulls.of(BRANCH)
    pull = next((pull for pull in pull_requests if pull.open), None)
    fork, branch_files = (refs.merge_base(tip, main), refs.files(tip, [PINS])) if tip else (None, {})
    # A branch without a pull request waits too: the command that pushed it was interrupted. A closed one was refused.
    waits = fork is not None and (pull is not None or all(pull.head != tip for pull in pull_requests))
    waiting = waiting_images(refs.files(fork, [PINS]), branch_files, files) if fork and waits else {}
    requested = new_images(words, pins({**files, **rewrite(files, bumps(files, waiting))}))
    changes = bumps(files, {**waiting, **requested})
    if not changes:
        return Proposal((), pull)
    new = rewrite(files, changes)
    title = f"Run new images: {', '.join(bump.app for bump in changes)}"
    if fork != main or branch_files != {**files, **new}:
        message = "\n".join([title, "", *(f"{bump.app}: {bump.old} -> {bump.new}" for bump in changes), ""])
        if not refs.push_branch(BRANCH, refs.commit_files(main, new, message, by), tip):
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
        "`regions images bump` rewrites this branch with each build, and keeps only the pins of other commits on it.",
    ])  # fmt: skip


def _main(refs: GitRefs) -> Commit:
    try:
        return refs.heads(MAIN)[MAIN]
    except KeyError:
        raise GitError(f"{refs.remote} has no branch {MAIN}. Push one, or name another remote") from None


def changed_own_images(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """The own images whose pin a change adds or changes."""
    old, now = pins(before), pins(after)
    return {
        name: now[name].image for name in OWN if name in now and (name not in old or old[name].image != now[name].image)
    }
