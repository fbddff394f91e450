"""waves.yaml: a wave's demands, and refusals with their remedy."""

from __future__ import annotations

from datetime import timedelta

import pytest

import fleet
from fleet import Wave
from tests.repository import ROOT

FILES = fleet.files(ROOT)


def problems(old: str, new: str) -> list[str]:
    """The problems of the shipped waves.yaml after one edit."""
    assert old in FILES["waves.yaml"]
    return [str(p) for p in fleet.load({**FILES, "waves.yaml": FILES["waves.yaml"].replace(old, new, 1)}).problems]


def test_external_production_as_shipped_is_all_at_once_and_gates_no_wave() -> None:
    external = fleet.load(FILES).waves[-1]
    assert (external.name, external.gate, external.cohorts) == ("external", "none", ["100%"])
    assert external.steps(7) == [7]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("deadline: 30m", "deadline: 30", "waves.0.deadline"),
        ("deadline: 30m", "deadline: soon", "not a duration of the form 90s, 10m, 1h30m or 2d"),
        ("soak: 5m", "soack: 5m", "Did you mean `soak`"),
        ("gate: none", "gate: maybe", "waves.2.gate"),
        ("gate: none", 'cohorts: [1, "25%"]', "the last step must be 100%"),
        ("gate: none", 'cohorts: [0, "100%"]', "0 is not a number of regions"),
        ("gate: none", 'cohorts: [1, "250%", "100%"]', "not a percentage"),
        ("gate: none", "checks: [app]", "waves.2.checks"),
        ("gate: none", 'windows: [{days: [mon], start: 16:00, end: "18:00"}]', 'write it in quotes, as "02:00"'),
        (
            "gate: none",
            'windows: [{days: [mon], start: "08:00", end: "16:00", timezone: Mars}]',
            "no time zone is named Mars",
        ),
        (
            '    trustedStatusCreators: ["regions-receipts[bot]"]\n',
            "",
            "wave staging needs receipts and trusts no login",
        ),
    ],
)
def test_a_bad_wave_is_refused_with_key_and_remedy(old: str, new: str, words: str) -> None:
    messages = problems(old, new)
    assert messages
    assert all(problem.startswith("waves.yaml: waves.") for problem in messages)
    assert words in " ".join(messages)


@pytest.mark.parametrize(
    ("cohorts", "regions", "steps"),
    [
        ([1, "25%", "100%"], 100, [1, 25, 100]),
        ([1, "25%", "100%"], 3, [1, 3]),
        ([5, "100%"], 3, [3]),
        (["100%"], 0, [0]),
        (["10%", "100%"], 7, [1, 7]),
    ],
)
def test_cohorts_grow_and_end_with_all_regions(cohorts: list[int | str], regions: int, steps: list[int]) -> None:
    wave = Wave(name="w", production=True, cohorts=cohorts, trusted_status_creators=["x"])
    assert wave.steps(regions) == steps


def test_durations_are_written_as_people_say_them() -> None:
    wave = Wave.model_validate(
        {"name": "w", "production": True, "soak": "1h30m", "deadline": "2d", "trustedStatusCreators": ["x"]}
    )
    assert (wave.soak, wave.deadline) == (timedelta(minutes=90), timedelta(days=2))
