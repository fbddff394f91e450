"""What a change does to the regions is in the change: the snapshots are what the components make now."""

from __future__ import annotations

import difflib

import pytest

from tests.components.recording import FLEET, KEY, recorded
from tests.components.snapshot import FOLDER, path, text


@pytest.mark.parametrize("region", FLEET.regions)
def test_the_snapshot_is_what_the_region_is_made_of(region: str) -> None:
    kept, now = path(region).read_text(), text(recorded(region))
    changed = list(difflib.unified_diff(kept.splitlines(), now.splitlines(), "kept", "now", lineterm="", n=1))
    assert not changed, "\n".join(["`make snapshots` writes them anew; look at what changed:", *changed[:60]])


def test_there_is_a_snapshot_of_every_region_and_of_no_other() -> None:
    assert {each.stem for each in FOLDER.glob("*.yaml")} == set(FLEET.regions)


def test_no_snapshot_has_a_key_in_it() -> None:
    for each in FOLDER.glob("*.yaml"):
        assert KEY not in each.read_text()
