"""The images in gitops/pins: reads the pins, and rewrites them without another change of their files. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet import UserError

PINS = "gitops/pins"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# A registry's form: github.com/distribution/reference, without the parts that this repository does not use.
_REPOSITORY = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


class PinsError(UserError):
    """An image cannot be pinned. The text names the file, the problem and the remedy."""


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
    pins: dict[str, Pin] = {}
    for path in sorted(path for path in files if path.startswith(f"{PINS}/")):
        try:
            images = json.loads(files[path])
        except ValueError as error:
            raise PinsError(f"{path}: not JSON: {error}. Write an object of names and images") from None
        if not isinstance(images, dict) or not all(isinstance(image, str) for image in images.values()):
            raise PinsError(f'{path}: not an object of names and images. Write each as "NAME": "IMAGE"')
        for app, image in images.items():
            pins[app] = Pin(app, path, image)
    return pins


def new_images(words: Iterable[str], known: Mapping[str, Pin]) -> dict[str, str]:
    """Each application's new image, from APP@DIGEST or APP=REPOSITORY:TAG@DIGEST. Raises PinsError."""
    new_images: dict[str, str] = {}
    for word in words:
        app, equals, image = word.partition("=")
        if not equals:
            app, _, digest = word.partition("@")
        pin = known.get(app)
        if pin is None:
            raise PinsError(f"no image is named {app} in {PINS}; known: {', '.join(sorted(known))}")
        new = image if equals else f"{pin.image.partition('@')[0]}@{digest}"
        _check(pin, new)
        new_images[app] = new
    return new_images


def split_image(image: str) -> tuple[str, str, str]:
    """Repository, tag and digest of an image. A missing part is empty."""
    name, _, digest = image.partition("@")
    repository, _, tag = name.rpartition(":")
    return repository, tag, digest


def _check(pin: Pin, image: str) -> None:
    repository, tag, digest = split_image(image)
    where = f"{pin.file}: {pin.app}: {image!r}"
    if not _DIGEST.fullmatch(digest):
        raise PinsError(
            f"{where} has no digest. Give {pin.app}@sha256: and the 64 hexadecimal digits that the registry has for the image"
        )
    if not _REPOSITORY.fullmatch(repository) or not _TAG.fullmatch(tag):
        raise PinsError(f"{where} has no tag, or is no image's name. Give {pin.app}=REPOSITORY:TAG@sha256:…")


def bumps(files: Mapping[str, str], images: Mapping[str, str]) -> list[Bump]:
    """The changes from the files' pins to these images, in the order of the files. Raises PinsError."""
    return [
        Bump(app, pin.file, pin.image, images[app])
        for app, pin in pins(files).items()
        if images.get(app, pin.image) != pin.image
    ]


def rewrite(files: Mapping[str, str], changes: Iterable[Bump]) -> dict[str, str]:
    """The files with these changes, and no other. Raises PinsError."""
    texts: dict[str, str] = {}
    for bump in changes:
        text = texts.get(bump.file, files[bump.file])
        entry = re.compile(rf"({re.escape(json.dumps(bump.app))}\s*:\s*){re.escape(json.dumps(bump.old))}")
        places = list(entry.finditer(text))
        if len(places) != 1:
            raise PinsError(
                f"{bump.file}: {bump.app} is there {len(places)} times as {bump.old!r}. Write it once, in plain JSON"
            )
        (place,) = places
        texts[bump.file] = text[: place.end(1)] + json.dumps(bump.new) + text[place.end() :]
    return texts


def waiting_images(base: Mapping[str, str], branch: Mapping[str, str], main: Mapping[str, str]) -> dict[str, str]:
    """The images that a branch from `base` has changed, and main has not since. A change on main is the newer one."""
    old, ours, theirs = pins(base), pins(branch), pins(main)
    return {
        app: pin.image
        for app, pin in ours.items()
        if app in old and app in theirs and old[app].image == theirs[app].image != pin.image
    }
