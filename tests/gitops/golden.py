"""The objects of two regions as text: one of staging, and the conductor's. `make snapshots` regenerates tests/gitops/golden."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

import fleet
from tests.repository import ROOT
from waves.review.render import render, sources

FOLDER = Path(__file__).with_name("golden")
REGIONS = ("staging-gcp-us-central1", "tools-aws-us-west-2")
FLEET = fleet.read(ROOT)


def unpinned(files: Mapping[str, str]) -> dict[str, str]:
    """The files with the pin's name as each image, since CI changes the pins often."""
    pins = {path: json.loads(text) for path, text in files.items() if path.startswith("gitops/pins/")}
    return {**files, **{path: json.dumps({name: f"pins/{name}" for name in pin}) for path, pin in pins.items()}}


def golden(name: str, files: Mapping[str, str]) -> str:
    """A region's objects as text."""
    objects = render(unpinned(files), FLEET.regions[name], "REPOSITORY", "COMMIT")
    return yaml.dump_all(objects, Dumper=yaml.CSafeDumper, sort_keys=False, width=131)


if __name__ == "__main__":
    for region in REGIONS:
        (FOLDER / f"{region}.yaml").write_text(golden(region, sources(ROOT)))
