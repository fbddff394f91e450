"""A new region's stack file out of another one's."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

import fleet
from fleet.console import main
from tests.repository import ROOT, write
from waves.cli.app import app
from waves.regions import stack_file

FILES = fleet.files(ROOT)
SOURCE = "staging-aws-eu-west-1"


def test_a_new_file_has_a_free_network_and_makes_a_sound_fleet() -> None:
    path, text = stack_file.new_file(FILES, "staging-aws-eu-north-1", SOURCE, {"location": "eu-north-1"})
    grown = fleet.load({**FILES, path: text})
    assert grown.problems == ()
    assert grown.regions["staging-aws-eu-north-1"].settings.location == "eu-north-1"
    assert str(grown.regions["staging-aws-eu-north-1"].settings.network) == "10.67.0.0/16"
    lines = [line for line in stack_file.diff(FILES, SOURCE, path, text).splitlines() if line[:1] in "+-"]
    assert len(lines) == 6, "two lines of names, two removed and two added"


def test_pulumis_entries_of_the_other_stack_are_left_out() -> None:
    files = {**FILES}
    files[f"stacks/Pulumi.{SOURCE}.yaml"] += "encryptionsalt: v1:abc:v1:def\n"
    _, text = stack_file.new_file(files, "staging-aws-eu-north-1", SOURCE, {"location": "eu-north-1"})
    assert "encryptionsalt" not in text


@pytest.mark.parametrize(
    ("name", "source", "changes", "words"),
    [
        ("x1", "nowhere", {}, "no region is named nowhere"),
        (SOURCE, SOURCE, {}, "exists already"),
        ("Prod", SOURCE, {}, "not a region's name"),
        ("staging-aws-b", SOURCE, {"wave": "stagin"}, "not a wave"),
        ("staging-aws-b", SOURCE, {"location": "westeurope"}, "location of aws"),
    ],
)
def test_an_invalid_region_is_refused(name: str, source: str, changes: dict[str, str], words: str) -> None:
    with pytest.raises(stack_file.NewRegionError, match=words):
        stack_file.new_file(FILES, name, source, changes)


def test_a_region_too_many_for_the_git_host_is_refused_with_the_setting_to_change() -> None:
    text = FILES[f"stacks/Pulumi.{SOURCE}.yaml"]
    network = str(fleet.load(FILES).regions[SOURCE].settings.network)
    many = {
        f"stacks/Pulumi.many-{n}.yaml": text.replace(network, f"10.{100 + n}.0.0/16")
        for n in range(45 - len(fleet.load(FILES).regions))
    }
    with pytest.raises(stack_file.NewRegionError, match="regions:pollInterval: 46 regions ask git"):
        stack_file.new_file({**FILES, **many}, "staging-aws-b", SOURCE, {})


def test_the_command_writes_the_file_and_shows_the_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, FILES)
    here = ["--checkout", str(tmp_path)]
    words = ["--from", SOURCE, "--location", "eu-north-1"]
    for extra in (["--dry-run"], []):
        command = [*here, "region", "new", "staging-aws-eu-north-1", *words, *extra]
        assert not (tmp_path / "stacks/Pulumi.staging-aws-eu-north-1.yaml").exists()
        assert main(partial(app, command, standalone_mode=False)) == 0
        assert "+  regions:location: eu-north-1" in capsys.readouterr().out
    listing = [*here, "region", "list", "--json"]
    assert main(lambda: app(listing, standalone_mode=False)) == 0
    assert "staging-aws-eu-north-1" in capsys.readouterr().out
    again = [*here, "region", "new", "staging-aws-eu-north-1", *words]
    assert main(lambda: app(again, standalone_mode=False)) == 1
    assert "exists already" in capsys.readouterr().err
