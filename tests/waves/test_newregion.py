"""A new region's stack file out of another one's."""

from __future__ import annotations

from pathlib import Path

import pytest

import fleet
from waves import newregion

FILES = fleet.files(Path(__file__).resolve().parents[2])
LIKE = "staging-aws-eu-west-1"


def test_a_new_file_has_a_free_network_and_makes_a_sound_fleet() -> None:
    path, text = newregion.new_file(FILES, "staging-aws-eu-north-1", LIKE, {"location": "eu-north-1"})
    grown = fleet.load({**FILES, path: text})
    assert grown.problems == ()
    assert grown.regions["staging-aws-eu-north-1"].settings.location == "eu-north-1"
    assert str(grown.regions["staging-aws-eu-north-1"].settings.network) == "10.67.0.0/16"
    shown = [line for line in newregion.diff(FILES, LIKE, path, text).splitlines() if line[:1] in "+-"]
    assert len(shown) == 6, "two lines of names, two that went and two that came"


def test_what_pulumi_wrote_for_the_other_stack_is_left_out() -> None:
    files = {**FILES}
    files[f"stacks/Pulumi.{LIKE}.yaml"] += "encryptionsalt: v1:abc:v1:def\n"
    _, text = newregion.new_file(files, "staging-aws-eu-north-1", LIKE, {"location": "eu-north-1"})
    assert "encryptionsalt" not in text


@pytest.mark.parametrize(
    ("name", "like", "changes", "words"),
    [
        ("x1", "nowhere", {}, "no region is named nowhere"),
        (LIKE, LIKE, {}, "there already"),
        ("Prod", LIKE, {}, "not a region's name"),
        ("staging-aws-b", LIKE, {"wave": "stagin"}, "not a wave"),
        ("staging-aws-b", LIKE, {"location": "westeurope"}, "location of aws"),
    ],
)
def test_what_cannot_be_a_region_is_refused(name: str, like: str, changes: dict[str, str], words: str) -> None:
    with pytest.raises(newregion.NewRegionError, match=words):
        newregion.new_file(FILES, name, like, changes)
