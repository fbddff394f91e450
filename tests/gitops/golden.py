"""What two regions run, as text in tests/gitops/golden: `make snapshots` writes it anew. One of staging, and the conductor's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

import fleet
from waves.rendering import render, sources

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).with_name("golden")
REGIONS = ("staging-gcp-us-central1", "tools-aws-us-west-2")
FLEET = fleet.read(ROOT)


def golden(name: str, files: Mapping[str, str]) -> str:
    """A region's objects as text."""
    objects = render(files, FLEET.regions[name], "REPOSITORY", "COMMIT")
    return yaml.dump_all(objects, Dumper=yaml.CSafeDumper, sort_keys=False, width=131)


if __name__ == "__main__":
    for each in REGIONS:
        (FOLDER / f"{each}.yaml").write_text(golden(each, sources(ROOT)))
