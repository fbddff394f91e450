"""For each corruption of one line of a stack file, the error names that line's key."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import fleet
from tests.fleet.test_fleet import files

TEXTS = files()
STACKS = sorted(path for path in TEXTS if re.match(r"stacks/Pulumi\.", path))
CONFIGS: dict[str, dict[str, Any]] = {path: yaml.safe_load(TEXTS[path])["config"] for path in STACKS}
NONSENSE: list[Any] = [
    None,
    [],
    {},
    -1,
    0.5,
    "",
    "☃",
    True,
    ["Not a name"],
    {"x": "y"},
    "2026-01-01",
    "../../etc/passwd",
    "a" * 300,
]


def corrupted(path: str, change: dict[str, Any]) -> tuple[fleet.Problem, ...]:
    """The problems of a stack file with changed or removed settings."""
    return fleet.load(
        TEXTS | {path: yaml.dump({"config": change}, Dumper=yaml.CSafeDumper, allow_unicode=True)}
    ).problems


@st.composite
def settings_of_a_file(draw: st.DrawFn) -> tuple[str, str]:
    path = draw(st.sampled_from(STACKS))
    return path, draw(st.sampled_from(list(CONFIGS[path])))


@settings(max_examples=400, deadline=None, database=None, derandomize=True)
@given(place=settings_of_a_file(), value=st.sampled_from(NONSENSE))
def test_a_meaningless_value_is_reported_with_its_key(place: tuple[str, str], value: Any) -> None:
    path, key = place
    config = CONFIGS[path]
    problems = corrupted(path, {**config, key: value})
    assert any(problem.file == path and problem.key.startswith(key) for problem in problems), problems
    assert all(problem.remedy for problem in problems)


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(place=settings_of_a_file(), where=st.integers(8, 40), letter=st.sampled_from("xZ_9"))
def test_a_mistyped_key_is_named(place: tuple[str, str], where: int, letter: str) -> None:
    path, key = place
    config = CONFIGS[path]
    wrong = key[:where] + letter + key[where:]
    problems = corrupted(path, {wrong if name == key else name: value for name, value in config.items()})
    assert any(problem.file == path and problem.key == wrong for problem in problems), problems


@pytest.mark.parametrize("path", STACKS)
def test_a_setting_that_is_left_out_is_named_unless_all_regions_have_it(path: str) -> None:
    config = CONFIGS[path]
    optional = {"regions:applications", "regions:costCentre", "regions:changeWindows"}  # these have a default
    if path.endswith("tools-aws-us-west-2.yaml"):
        optional.add("regions:githubApps")  # only the app that writes flags
    for key in config.keys() - optional:
        problems = corrupted(path, {name: value for name, value in config.items() if name != key})
        assert any(problem.file == path and problem.key.startswith(key) and problem.fault for problem in problems), (
            key,
            problems,
        )
