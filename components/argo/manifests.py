"""Manifests of other projects, just as their release has them: pins.json names the version and each file's sha256.

They are kept here so that a preview needs no network, and so that an upgrade's pull request shows every changed object.
"""

from __future__ import annotations

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

_HERE = Path(__file__).parents[1] / "upstream"


class TamperedError(Exception):
    """A file is not the one that pins.json names."""


def version(product: str) -> str:
    """The pinned version of a product, as its project tags it: `v3.6.1`."""
    pinned: str = _pins()[product]["version"]
    return pinned


def manifests(product: str, *patterns: str) -> list[Manifest]:
    """The objects in the files of a product whose path matches any pattern, in order. Raises TamperedError."""
    objects: list[Manifest] = []
    for name, digest in _pins()[product]["files"].items():
        if not any(fnmatch(name, pattern) for pattern in patterns):
            continue
        content = (_HERE / product / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise TamperedError(
                f"components/upstream/{product}/{name} is not the file of {product} {version(product)} that "
                "pins.json names. Restore it, or take the new release's file and sha256 together"
            )
        objects += [document for document in yaml.load_all(content, Loader=yaml.CSafeLoader) if document]
    return objects


def _pins() -> dict[str, Any]:
    pins: dict[str, Any] = json.loads((_HERE / "pins.json").read_text())
    return pins
