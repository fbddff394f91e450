"""How a rollout is read off the git host, and how it is shown: the pure parts."""

from __future__ import annotations

import io

import pytest

import fleet
from fleet.console import Terminal
from sandbox.demo import progress
from sandbox.demo.board import Board
from sandbox.demo.progress import Host, Rollout
from sandbox.demo.scenario import always_open
from sandbox.machine.home import CHECKOUT

REGIONS = fleet.read(CHECKOUT).in_waves()
STAGING = [region.name for region in REGIONS if region.wave.name == "staging"]
START = "2026-01-05T09:00:00+00:00"


def host(at: list[str], states: dict[str, str], wave: str = "staging") -> Host:
    """These regions have the commit; both checks of these say that, a minute after the wave took it."""
    said = {
        region: {
            check: {"state": state, "created_at": "2026-01-05T09:01:00Z", "description": "why"}
            for check in ("apps", "infra")
        }
        for region, state in states.items()
    }
    return Host(dict.fromkeys(at, "c"), said, {wave: {"target": "c", "since": START}})


def seen(now: Host) -> Rollout:
    """A rollout after one look."""
    found = progress.begin("c", REGIONS)
    progress.update(found, now, REGIONS)
    return found


def test_a_wave_is_proven_when_its_last_region_has_passed() -> None:
    some = seen(host(STAGING, dict.fromkeys(STAGING[:2], "success")))
    assert (some.waves[0].started, some.waves[0].proven, some.done) == (START, None, False)
    every = seen(host(STAGING, dict.fromkeys(STAGING, "success")))
    assert every.waves[0].proven == "2026-01-05T09:01:00Z"
    assert every.waves[0].regions == dict.fromkeys(STAGING, 60.0)
    assert [wave.started for wave in every.waves] == [START, None, None]


@pytest.mark.parametrize(
    ("states", "over"),
    [
        (dict.fromkeys(STAGING, "failure"), True),
        ({STAGING[0]: "error", STAGING[1]: "success", STAGING[2]: "success"}, True),
        ({STAGING[0]: "failure", STAGING[1]: "pending", STAGING[2]: "success"}, False),
        (dict.fromkeys(STAGING, "success"), False),
        ({}, False),
    ],
)
def test_a_commit_is_stuck_once_every_region_of_a_wave_has_spoken_and_one_has_failed(
    states: dict[str, str], over: bool
) -> None:
    now = host(STAGING, states)
    assert progress.stuck(seen(now), now, REGIONS) is over


def test_where_no_terminal_is_each_change_is_a_line_and_is_said_once() -> None:
    text = io.StringIO()
    now = host(STAGING[:2], {STAGING[0]: "success"})
    with Board(Terminal(file=text)) as board:
        for _ in range(3):
            board.show(seen(now), now, REGIONS)
    assert text.getvalue().splitlines() == [
        f"  c staging: {STAGING[0]} passed",
        f"  c staging: {STAGING[1]} has it",
    ]


def test_a_demo_waits_for_no_change_window_and_leaves_all_else_of_the_stack_files_alone() -> None:
    private = [region for region in REGIONS if region.settings.change_windows]
    edits = always_open(CHECKOUT)
    assert set(edits) == {region.file for region in private}
    texts = fleet.files(CHECKOUT)
    for file, ((line, instead),) in edits.items():
        texts[file] = texts[file].replace(line, instead)
    edited = fleet.load(texts)
    assert edited.problems == ()
    for region in private:
        other = edited.regions[region.name].settings
        assert other.model_copy(update={"change_windows": region.settings.change_windows}) == region.settings
        assert not other.change_windows
