"""The images in gitops/pins: which there are, and their files with other ones, written as they were otherwise. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet import UserError

PINS = "gitops/pins"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# As a registry takes it: github.com/distribution/reference, without the parts that nobody here uses.
_REPOSITORY = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


class PinsError(UserError):
    """An image cannot be pinned so; the text says where, what is wrong, and what to do."""


@dataclass(frozen=True)
class Pin:
    """An application's image."""

    app: str
    file: str
    """Path from the root of the repository."""
    image: str


@dataclass(frozen=True)
class Bump:
    """An application's image before and after."""

    app: str
    file: str
    old: str
    new: str


def pins(files: Mapping[str, str]) -> dict[str, Pin]:
    """Each application's image, from the files' texts by path. Raises PinsError."""
    found: dict[str, Pin] = {}
    for path in sorted(path for path in files if path.startswith(f"{PINS}/")):
        try:
            read = json.loads(files[path])
        except ValueError as error:
            raise PinsError(f"{path}: this is no JSON: {error}") from None
        if not isinstance(read, dict) or not all(isinstance(image, str) for image in read.values()):
            raise PinsError(f"{path}: an object of names and images is wanted, and nothing else")
        for app, image in read.items():
            found[app] = Pin(app, path, image)
    return found


def wanted(words: Iterable[str], known: Mapping[str, Pin]) -> dict[str, str]:
    """Each application's new image, from APP@DIGEST or APP=REPOSITORY:TAG@DIGEST. Raises PinsError."""
    found: dict[str, str] = {}
    for word in words:
        app, equals, image = word.partition("=")
        if not equals:
            app, _, digest = word.partition("@")
        pin = known.get(app)
        if pin is None:
            raise PinsError(f"no image is named {app} in {PINS}; known: {', '.join(sorted(known))}")
        new = image if equals else f"{pin.image.partition('@')[0]}@{digest}"
        _check(pin, new)
        found[app] = new
    return found


def parts(image: str) -> tuple[str, str, str]:
    """Repository, tag and digest of an image; what it does not have is empty."""
    name, _, digest = image.partition("@")
    repository, _, tag = name.rpartition(":")
    return repository, tag, digest


def _check(pin: Pin, image: str) -> None:
    repository, tag, digest = parts(image)
    where = f"{pin.file}: {pin.app}: {image!r}"
    if not _DIGEST.fullmatch(digest):
        raise PinsError(
            f"{where} has no digest. Give {pin.app}@sha256: and the 64 hexadecimal digits that the registry has for the image"
        )
    if not _REPOSITORY.fullmatch(repository) or not _TAG.fullmatch(tag):
        raise PinsError(f"{where} has no tag, or is no image's name. Give {pin.app}=REPOSITORY:TAG@sha256:…")


def bumps(files: Mapping[str, str], images: Mapping[str, str]) -> list[Bump]:
    """What differs between the files and these images, in the order of the files. Raises PinsError."""
    return [
        Bump(app, pin.file, pin.image, images[app])
        for app, pin in pins(files).items()
        if images.get(app, pin.image) != pin.image
    ]


def rewritten(files: Mapping[str, str], changes: Iterable[Bump]) -> dict[str, str]:
    """The files that change, with nothing else in them changed. Raises PinsError."""
    found: dict[str, str] = {}
    for bump in changes:
        text = found.get(bump.file, files[bump.file])
        entry = re.compile(rf"({re.escape(json.dumps(bump.app))}\s*:\s*){re.escape(json.dumps(bump.old))}")
        places = list(entry.finditer(text))
        if len(places) != 1:
            raise PinsError(
                f"{bump.file}: {bump.app} is there {len(places)} times as {bump.old!r}. Write it once, in plain JSON"
            )
        (place,) = places
        found[bump.file] = text[: place.end(1)] + json.dumps(bump.new) + text[place.end() :]
    return found


def carried(base: Mapping[str, str], branch: Mapping[str, str], main: Mapping[str, str]) -> dict[str, str]:
    """What a branch that left main at `base` has changed and main has not since: main's own word is the newer one."""
    old, ours, theirs = pins(base), pins(branch), pins(main)
    return {
        app: pin.image
        for app, pin in ours.items()
        if app in old and app in theirs and old[app].image == theirs[app].image != pin.image
    }
