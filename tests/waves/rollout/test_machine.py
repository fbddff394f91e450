"""The rules hold whatever happens, and each of them is missed when it is taken out of the code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from fleet import Wave
from tests.waves.rollout.machine import Rollout
from tests.waves.rollout.memory import MemoryHost
from waves.rollout import operations
from waves.rollout.model import Ledger, Move, Receipt, RegionState, State, StatusState
from waves.rollout.planner import _WavePass
from waves.rollout.region_states import RegionStates

pytestmark = pytest.mark.slow

STEPS = 50
SEARCH = os.environ.get("ROLLOUT_STEPS")
"""How many steps to search through, each time others; unless given, the same 5,000."""

Rollout.TestCase.settings = settings(
    max_examples=int(SEARCH or 5000) // STEPS, derandomize=not SEARCH, stateful_step_count=STEPS, deadline=None, database=None,
    suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
)  # fmt: skip
TestRollout = Rollout.TestCase


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "rule 1: a broken commit is a candidate": lambda patch: patch.setattr(
        RegionStates, "newest_sound", property(lambda self: next(iter(self.world.history), None))
    ),
    "rule 2: a wave does not wait until it has settled": lambda patch: patch.setattr(
        _WavePass, "_settled", lambda self: True
    ),
    "rule 2: a region past its deadline never settles": lambda patch: patch.setattr(
        State, "settled", property(lambda self: self in (State.PASSED, State.FAILED, State.ASTRAY))
    ),
    "rule 3: whatever the wave before has counts as proven": lambda patch: patch.setattr(
        RegionStates, "proven", lambda self, commit, wave: commit == self.world.ledger.wave(wave.name).target
    ),
    "rule 3: no data is a pass": lambda patch: _states(patch, {State.WAITING: State.PASSED}),
    "rule 3: a failure is a pass": lambda patch: _states(patch, {State.FAILED: State.PASSED}),
    "rule 3: a later failure does not take the proof back": lambda patch: patch.setattr(
        RegionStates, "failed_since", lambda self, commit, wave: []
    ),
    "rule 3: what failed and is well again need not soak once more": lambda patch: patch.setattr(
        RegionStates, "_unwell", _last_word_alone
    ),
    "rule 3: later cohorts go on when the proof is taken back": lambda patch: patch.setattr(
        _WavePass, "_taken_back", lambda self, target: False
    ),
    "rule 3: nobody soaks": lambda patch: _states(patch, {State.SOAKING: State.PASSED}),
    "rule 3: receipts from before the region had the commit count": lambda patch: _latest(patch, since=False),
    "rule 3: the first word counts, not the last": lambda patch: _latest(patch, first=True),
    "rule 3: an empty wave proves everything": lambda patch: _empty_proves(patch),
    "rule 4: a branch moves wherever the plan likes": lambda patch: patch.setattr(_WavePass, "_move", _move_anywhere),
    "rule 4: a push needs no lease": lambda patch: patch.setattr(MemoryHost, "push", _push_without_lease),
    "rule 5: everybody is trusted": lambda patch: _latest(patch, trust=False),
    "rule 6: a pause is ignored": lambda patch: patch.setattr(_WavePass, "_closed", lambda self: ""),
    "rule 7: a region that is joining gates": lambda patch: patch.setattr(
        RegionStates, "joined", lambda self, commit, wave: list(self.members(commit, wave))
    ),
    "rule 7: a region joins without passing": lambda patch: _states(patch, {State.WAITING: State.SOAKING}),
    "a region is retired without its retirement hold": lambda patch: patch.setattr(
        operations, "_missed_by_nobody", lambda world, region: None
    ),
    "windows: a region is changed at any time": lambda patch: patch.setattr(
        RegionStates, "closed", lambda self, region, commit: ""
    ),
    "cohorts: all at once": lambda patch: patch.setattr(_WavePass, "_policy", _in_one_step),
}
"""What is taken out, and how."""


def _states(patch: pytest.MonkeyPatch, instead: dict[State, State]) -> None:
    plain = RegionStates.word

    def word(self: RegionStates, region: str, commit: str, wave: Wave) -> RegionState:
        said = plain(self, region, commit, wave)
        return RegionState(said.region, instead.get(said.state, said.state), said.reason)

    patch.setattr(RegionStates, "word", word)


def _latest(patch: pytest.MonkeyPatch, *, since: bool = True, first: bool = False, trust: bool = True) -> None:
    plain = RegionStates.latest

    def latest(self: RegionStates, region: str, commit: str, wave: Wave, *, counting: bool) -> dict[str, Receipt]:
        if not trust:
            wave = wave.model_copy(update={"trusted_status_creators": [*wave.trusted_status_creators, "mallory"]})
        found = plain(self, region, commit, wave, counting=counting and since)
        if first:
            for receipt in reversed(self.world.receipts.get(commit, ())):
                if (
                    receipt.region == region
                    and receipt.check in found
                    and receipt.creator in wave.trusted_status_creators
                ):
                    found[receipt.check] = receipt
        return found

    patch.setattr(RegionStates, "latest", latest)


def _move_anywhere(self: _WavePass, names: Iterable[str], commit: str, reason: str) -> None:
    for name in names:
        old = self.world.branches.get(name)
        if old != commit:
            self.moves.append(Move(name, self.wave.name, old, commit, reason))
            self.regions[name] = replace(self.world.ledger.region(name), at=commit, since=self.world.now)


def _in_one_step(self: _WavePass, commit: str) -> Wave:
    wave = self.states.release(commit).wave(self.wave.name) or self.wave
    return wave.model_copy(update={"cohorts": ["100%"]})


def _last_word_alone(self: RegionStates, region: str, commit: str, wave: Wave, check: str) -> bool:
    last = self.latest(region, commit, wave, counting=False).get(check)
    return last is not None and last.state in (StatusState.FAILURE, StatusState.ERROR)


def _empty_proves(patch: pytest.MonkeyPatch) -> None:
    plain = RegionStates.proven

    def proven(self: RegionStates, commit: str, wave: Wave) -> bool:
        return not self.joined(commit, wave.name) or plain(self, commit, wave)

    patch.setattr(RegionStates, "proven", proven)


def _push_without_lease(self: MemoryHost, moves: Sequence[Move], ledger: Ledger, tip: str | None, subject: str) -> bool:
    self.branches |= {move.region: move.new for move in moves}
    self.ledger, self.tip = ledger, self.tip + 1
    return True


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_machine_finds_every_rule_that_is_taken_out(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[mutant](monkeypatch)
    search = settings(
        max_examples=2000, stateful_step_count=STEPS, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate], print_blob=False, report_multiple_bugs=False,
    )  # fmt: skip
    with pytest.raises((AssertionError, KeyError)):
        run_state_machine_as_test(Rollout, settings=search)
