"""The snapshots are current, so a commit shows its effect on every region."""

from __future__ import annotations

import difflib

import pytest

from tests.components.recording import FLEET, KEY, recorded
from tests.components.snapshot import FOLDER, path, text


@pytest.mark.parametrize("region", FLEET.regions)
def test_the_snapshot_has_the_regions_current_resources(region: str) -> None:
    snapshot, current = path(region).read_text(), text(recorded(region))
    changes = list(difflib.unified_diff(snapshot.splitlines(), current.splitlines(), "kept", "now", lineterm="", n=1))
    assert not changes, "\n".join(["`make snapshots` regenerates them. The changes:", *changes[:60]])


def test_there_is_a_snapshot_of_every_region_and_of_no_other() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(FLEET.regions)


def test_no_snapshot_has_a_key_in_it() -> None:
    for file in FOLDER.glob("*.yaml"):
        assert KEY not in file.read_text()
