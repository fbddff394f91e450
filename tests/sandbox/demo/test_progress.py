"""A rollout's progress from the git host's data, and its display: the pure parts."""

from __future__ import annotations

import io

import pytest

import fleet
from fleet.console import Terminal
from sandbox.demo import progress
from sandbox.demo.board import Board
from sandbox.demo.progress import HostSnapshot, RolloutProgress
from sandbox.demo.scenario import remove_change_windows
from sandbox.machine.home import CHECKOUT

REGIONS = fleet.read(CHECKOUT).in_waves()
STAGING = [region.name for region in REGIONS if region.wave.name == "staging"]
START = "2026-01-05T09:00:00+00:00"


def host(members: list[str], states: dict[str, str], wave: str = "staging") -> HostSnapshot:
    """`members` have the commit. Both checks have a region's state, a minute after the wave took the commit."""
    statuses = {
        region: {
            check: {"state": state, "created_at": "2026-01-05T09:01:00Z", "description": "why"}
            for check in ("apps", "infra")
        }
        for region, state in states.items()
    }
    return HostSnapshot(dict.fromkeys(members, "c"), statuses, {wave: {"target": "c", "since": START}})


def observed(snapshot: HostSnapshot) -> RolloutProgress:
    """A rollout after one observation."""
    rollout = progress.begin("c", REGIONS)
    progress.update(rollout, snapshot, REGIONS)
    return rollout


def test_a_wave_is_proven_when_its_last_region_has_passed() -> None:
    partial = observed(host(STAGING, dict.fromkeys(STAGING[:2], "success")))
    assert (partial.waves[0].started, partial.waves[0].proven, partial.done) == (START, None, False)
    complete = observed(host(STAGING, dict.fromkeys(STAGING, "success")))
    assert complete.waves[0].proven == "2026-01-05T09:01:00Z"
    assert complete.waves[0].regions == dict.fromkeys(STAGING, 60.0)
    assert [wave.started for wave in complete.waves] == [START, None, None]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (dict.fromkeys(STAGING, "failure"), True),
        ({STAGING[0]: "error", STAGING[1]: "success", STAGING[2]: "success"}, True),
        ({STAGING[0]: "failure", STAGING[1]: "pending", STAGING[2]: "success"}, False),
        (dict.fromkeys(STAGING, "success"), False),
        ({}, False),
    ],
)
def test_a_commit_is_stuck_once_every_region_of_a_wave_has_settled_and_one_has_failed(
    states: dict[str, str], expected: bool
) -> None:
    snapshot = host(STAGING, states)
    assert progress.is_stuck(observed(snapshot), snapshot, REGIONS) is expected


def test_without_a_terminal_each_change_is_one_line() -> None:
    text = io.StringIO()
    snapshot = host(STAGING[:2], {STAGING[0]: "success"})
    with Board(Terminal(file=text)) as board:
        for _ in range(3):
            board.show(observed(snapshot), snapshot, REGIONS)
    assert text.getvalue().splitlines() == [
        f"  c staging: {STAGING[0]} passed",
        f"  c staging: {STAGING[1]} has it",
    ]


def test_a_demo_waits_for_no_change_window_and_leaves_all_else_of_the_stack_files_alone() -> None:
    private = [region for region in REGIONS if region.settings.change_windows]
    edits = remove_change_windows(CHECKOUT)
    assert set(edits) == {region.file for region in private}
    texts = fleet.files(CHECKOUT)
    for file, ((line, replacement),) in edits.items():
        texts[file] = texts[file].replace(line, replacement)
    edited = fleet.load(texts)
    assert edited.problems == ()
    for region in private:
        other = edited.regions[region.name].settings
        assert other.model_copy(update={"change_windows": region.settings.change_windows}) == region.settings
        assert not other.change_windows
