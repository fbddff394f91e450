"""Manifests of other projects, as in their release: pins.json names the version and each file's sha256.

The files are in this repository, so that a preview needs no network and an upgrade's pull request shows every changed object.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

_UPSTREAM = Path(__file__).parents[1] / "upstream"


class TamperedError(Exception):
    """A file's sha256 is not the one of pins.json."""


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
        content = (_UPSTREAM / product / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise TamperedError(
                f"components/upstream/{product}/{name} has not the sha256 of {product} {version(product)} in pins.json. "
                "Restore the file, or change file and sha256 together"
            )
        objects += [document for document in yaml.load_all(content, Loader=yaml.CSafeLoader) if document]
    return objects


def _pins() -> dict[str, Any]:
    pins: dict[str, Any] = json.loads((_UPSTREAM / "pins.json").read_text())
    return pins


def annotate_settings(workload: Manifest, settings: Mapping[str, Any]) -> None:
    """Write a hash of the settings that a workload reads as it starts onto its pods. Other settings make new pods."""
    annotations = workload["spec"]["template"]["metadata"].setdefault("annotations", {})
    annotations["regions/settings"] = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
