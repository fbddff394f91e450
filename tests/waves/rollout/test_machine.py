"""The rules hold in every history, and the machine notices each rule that is taken out of the code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from fleet import Wave
from tests.waves.rollout.machine import RolloutMachine
from tests.waves.rollout.memory import MemoryHost
from waves.rollout import operations
from waves.rollout.model import Ledger, Move, Receipt, RegionState, State, StatusState
from waves.rollout.region_states import RegionStates
from waves.rollout.wave_pass import WavePass

pytestmark = pytest.mark.slow

STEPS = 50
SEARCH = os.environ.get("ROLLOUT_STEPS")
"""The number of steps to search, different ones each time. Unset: the same 5,000."""

RolloutMachine.TestCase.settings = settings(
    max_examples=int(SEARCH or 5000) // STEPS, derandomize=not SEARCH, stateful_step_count=STEPS, deadline=None, database=None,
    suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
)  # fmt: skip
TestRollout = RolloutMachine.TestCase


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "rule 1: a broken commit is a candidate": lambda patch: patch.setattr(
        RegionStates, "newest_sound", property(lambda self: next(iter(self.world.history), None))
    ),
    "rule 2: a wave does not wait until it has settled": lambda patch: patch.setattr(
        WavePass, "_is_settled", lambda self: True
    ),
    "rule 2: a region past its deadline never settles": lambda patch: patch.setattr(
        State, "settled", property(lambda self: self in (State.PASSED, State.FAILED, State.ASTRAY))
    ),
    "rule 3: the present commit of the wave before counts as proven": lambda patch: patch.setattr(
        RegionStates, "proven", lambda self, commit, wave: commit == self.world.ledger.wave(wave.name).target
    ),
    "rule 3: no data is a pass": lambda patch: _states(patch, {State.WAITING: State.PASSED}),
    "rule 3: a failure is a pass": lambda patch: _states(patch, {State.FAILED: State.PASSED}),
    "rule 4: a later failure does not revoke the proof": lambda patch: patch.setattr(
        RegionStates, "failing_regions", lambda self, commit, wave: []
    ),
    "rule 4: a region that failed and passed again need not soak again": lambda patch: patch.setattr(
        RegionStates, "_has_failed", _latest_receipt_failed
    ),
    "rule 4: later cohorts go on when the proof is revoked": lambda patch: patch.setattr(
        WavePass, "_is_revoked", lambda self, target: False
    ),
    "rule 3: no region soaks": lambda patch: _states(patch, {State.SOAKING: State.PASSED}),
    "rule 3: receipts from before the region had the commit count": lambda patch: _latest(patch, since=False),
    "rule 3: the first receipt counts, not the latest": lambda patch: _latest(patch, first=True),
    "rule 3: an empty wave proves everything": lambda patch: _empty_proves(patch),
    "rule 5: a branch moves in any direction": lambda patch: patch.setattr(WavePass, "_move", _move_anywhere),
    "rule 5: a push needs no lease": lambda patch: patch.setattr(MemoryHost, "push", _push_without_lease),
    "rule 6: every login is trusted": lambda patch: _latest(patch, trust=False),
    "rule 7: a pause is ignored": lambda patch: patch.setattr(WavePass, "_closed_reason", lambda self: ""),
    "rule 8: a region that is joining gates": lambda patch: patch.setattr(
        RegionStates, "joined_members", lambda self, commit, wave: list(self.members(commit, wave))
    ),
    "rule 8: a region joins without passing": lambda patch: _states(patch, {State.WAITING: State.SOAKING}),
    "a region is retired without its retirement hold": lambda patch: patch.setattr(
        operations, "_require_retirement_hold", lambda world, region: None
    ),
    "windows: a region is changed at any time": lambda patch: patch.setattr(
        RegionStates, "closed_windows", lambda self, region, commit: ""
    ),
    "cohorts: all at once": lambda patch: patch.setattr(WavePass, "_policy", _in_one_step),
}
"""The rule that is taken out, and the patch that does it."""


def _states(patch: pytest.MonkeyPatch, instead: dict[State, State]) -> None:
    plain = RegionStates._state_by_receipts

    def state_by_receipts(self: RegionStates, region: str, commit: str, wave: Wave) -> RegionState:
        region_state = plain(self, region, commit, wave)
        return RegionState(
            region_state.region, instead.get(region_state.state, region_state.state), region_state.reason
        )

    patch.setattr(RegionStates, "_state_by_receipts", state_by_receipts)


def _latest(patch: pytest.MonkeyPatch, *, since: bool = True, first: bool = False, trust: bool = True) -> None:
    plain = RegionStates.latest_receipts

    def latest_receipts(
        self: RegionStates, region: str, commit: str, wave: Wave, *, counting: bool
    ) -> dict[str, Receipt]:
        if not trust:
            wave = wave.model_copy(update={"trusted_status_creators": [*wave.trusted_status_creators, "mallory"]})
        receipts = plain(self, region, commit, wave, counting=counting and since)
        if first:
            for receipt in reversed(self.world.receipts.get(commit, ())):
                if (
                    receipt.region == region
                    and receipt.check in receipts
                    and receipt.creator in wave.trusted_status_creators
                ):
                    receipts[receipt.check] = receipt
        return receipts

    patch.setattr(RegionStates, "latest_receipts", latest_receipts)


def _move_anywhere(self: WavePass, names: Iterable[str], commit: str, reason: str) -> None:
    for name in names:
        old = self.world.branches.get(name)
        if old != commit:
            self.moves.append(Move(name, self.wave.name, old, commit, reason))
            self.regions[name] = replace(self.world.ledger.region(name), at=commit, since=self.world.now)


def _in_one_step(self: WavePass, commit: str) -> Wave:
    wave = self.states.release(commit).wave(self.wave.name) or self.wave
    return wave.model_copy(update={"cohorts": ["100%"]})


def _latest_receipt_failed(self: RegionStates, region: str, commit: str, wave: Wave, check: str) -> bool:
    last = self.latest_receipts(region, commit, wave, counting=False).get(check)
    return last is not None and last.state in (StatusState.FAILURE, StatusState.ERROR)


def _empty_proves(patch: pytest.MonkeyPatch) -> None:
    plain = RegionStates.proven

    def proven(self: RegionStates, commit: str, wave: Wave) -> bool:
        return not self.joined_members(commit, wave.name) or plain(self, commit, wave)

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
        run_state_machine_as_test(RolloutMachine, settings=search)
