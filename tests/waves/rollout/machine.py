"""A fleet in which everything goes wrong. oracle.py judges after each push whether a rule was broken."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleet import Wave, Window
from fleet.windows import DAYS
from tests.waves.rollout.memory import TRUSTED, MemoryHost, wave
from tests.waves.rollout.oracle import SECOND, Observation, had_proved, judge, proved_and_left
from waves.rollout import conductor, operations
from waves.rollout.model import Commit, Member, Move, Note, StatusState
from waves.rollout.planner import plan

SIZES = {"a": 3, "b": 3, "c": 9, "d": 30, "e": 3}
REGIONS = [Member(name, size, suspended=True) for name, size in SIZES.items()]
HALF_HOURS = tuple(
    Window.model_validate({"days": DAYS, "start": f"{hour:02}:00", "end": f"{hour:02}:30"}) for hour in range(24)
)
REGIONS.append(Member("f", 6, suspended=True, windows=HALF_HOURS))
"""The last one is a customer's region: half of the time its windows are closed."""
NAMES = [member.name for member in REGIONS]
WAVES = ["staging", "internal", "external"]
POLICIES: list[list[Wave]] = [
    [wave("staging"), wave("internal", soak="5m"), wave("external", gate="none")],
    [wave("staging", soak="2m"), wave("internal"), wave("external", cohorts=[1, "50%", "100%"])],
    [wave("staging", checks=["apps"]), wave("internal", mayBeEmpty=True), wave("external", gate="none")],
    [
        wave("staging"),
        wave("internal", cohorts=[1, "100%"], soak="1m"),
        wave("external", gate="none", cohorts=[1, "100%"]),
    ],
]
DEFAULT = {"a": "staging", "b": "staging", "c": "internal", "d": "external", "e": "external", "f": "external"}


class RolloutMachine(RuleBasedStateMachine):
    """Regions pass, fail, hang, lie and forge. People pause, waive and roll back. Conductors race and die."""

    @initialize()
    def begin(self) -> None:
        self.host = MemoryHost()
        self.arrivals: dict[tuple[str, Commit], datetime] = {}
        """When the tools last gave a region a commit, or asked for another proof."""
        self.departures: dict[tuple[str, Commit], datetime] = {}
        self.proofs: set[tuple[str, Commit]] = set()
        self.pending: list[Observation] = []
        self.host.commit(POLICIES[0], self._members(DEFAULT))

    @staticmethod
    def _members(assigned: dict[str, str]) -> dict[str, list[Member]]:
        return {name: [m for m in REGIONS if assigned.get(m.name) == name] for name in WAVES}

    # Developers

    @rule(
        policy=st.sampled_from(range(len(POLICIES))),
        changed=st.dictionaries(st.sampled_from(NAMES), st.sampled_from([*WAVES, None, None]), max_size=2),
        problem=st.sampled_from(["", "", "broken"]),
    )
    def commit(self, policy: int, changed: dict[str, str | None], problem: str) -> None:
        assigned = {**DEFAULT, **changed}
        self.host.commit(POLICIES[policy], self._members({k: v for k, v in assigned.items() if v}), problem)

    @rule(count=st.integers(2, 4))
    def burst(self, count: int) -> None:
        for _ in range(count):
            self.host.commit(POLICIES[0], self._members(DEFAULT))

    @precondition(lambda self: len(self.host.history) > 2)
    @rule(count=st.integers(1, 2))
    def force_main_back(self, count: int) -> None:
        del self.host.history[:count]

    # Regions

    def _post(
        self, region: str, commit: Commit, state: StatusState, checks: Sequence[str], creator: str = TRUSTED
    ) -> None:
        self.host.post_statuses(region, commit, state, checks, creator)
        self.host.wait(SECOND)

    @rule(
        region=st.sampled_from(NAMES),
        state=st.sampled_from(
            [*[StatusState.SUCCESS] * 5, StatusState.FAILURE, StatusState.ERROR, StatusState.PENDING]
        ),
        checks=st.sampled_from([["apps", "infra"], ["apps", "infra"], ["apps", "infra"], ["apps"], ["infra"]]),
    )
    def report(self, region: str, state: StatusState, checks: list[str]) -> None:
        if region in self.host.branches:
            self._post(region, self.host.branches[region], state, checks)

    @rule(state=st.sampled_from([*[StatusState.SUCCESS] * 4, StatusState.FAILURE]), wave=st.sampled_from(WAVES))
    def whole_wave_reports(self, state: StatusState, wave: str) -> None:
        for region in NAMES:
            if DEFAULT[region] == wave and region in self.host.branches:
                self._post(region, self.host.branches[region], state, ["apps", "infra"])

    @rule(
        region=st.sampled_from(NAMES),
        age=st.integers(0, 6),
        state=st.sampled_from([StatusState.SUCCESS, StatusState.FAILURE]),
        creator=st.sampled_from([TRUSTED, "mallory"]),
    )
    def report_some_other_commit(self, region: str, age: int, state: StatusState, creator: str) -> None:
        """Late, early, replayed or forged."""
        self._post(region, self.host.history[min(age, len(self.host.history) - 1)], state, ["apps", "infra"], creator)

    @rule(wave=st.sampled_from(WAVES), region=st.sampled_from(NAMES))
    def fail_after_the_wave_went_on(self, wave: str, region: str) -> None:
        proven = self.host.ledger.wave(wave).proven
        if proven is not None:
            self._post(region, proven, StatusState.FAILURE, ["apps"])

    @rule(
        policy=st.sampled_from(range(len(POLICIES))), distance=st.integers(1, 3), patience=st.sampled_from([0, 0, 3, 6])
    )  # fmt: skip
    def a_release_goes_well(self, policy: int, distance: int, patience: int) -> None:
        """Rare at random: a commit gets all receipts to reach this wave, with or without the soak."""
        for name in [*WAVES, "all"]:
            self.resume(name)
        self.commit(policy, {}, "")
        for name in WAVES[:distance]:
            self.whole_passes(2)
            self.whole_wave_reports(StatusState.SUCCESS, name)
            self.host.wait(timedelta(minutes=patience))
        self.whole_passes(2)

    @rule()
    def break_main_when_all_is_well(self) -> None:
        """Rare at random: a commit without a sound fleet comes when staging is free to take one."""
        self.a_release_goes_well(0, 1, 0)
        self.commit(0, {}, "broken")
        self.whole_passes(1)

    @rule(policy=st.sampled_from([1, 3]), well_again=st.booleans())
    def fail_between_cohorts(self, policy: int, well_again: bool) -> None:
        """Rare at random: the wave before revokes its proof while only some regions have the commit."""
        self.a_release_goes_well(policy, 2, 6)
        target = self.host.ledger.wave("external").target
        self.whole_wave_reports(StatusState.SUCCESS, "external")
        if target is not None:
            self._post("c", target, StatusState.FAILURE, ["apps"])
            if well_again:
                self._post("c", target, StatusState.SUCCESS, ["apps"])
        self.whole_passes(2)

    @rule(region=st.sampled_from(["a", "b"]))
    def fail_while_the_next_wave_is_paused(self, region: str) -> None:
        """Rare at random: staging proves a commit, goes on, and revokes the proof before internal takes the commit."""
        self.pause("internal")
        self.burst(2)
        self.whole_passes(2)
        self.whole_wave_reports(StatusState.SUCCESS, "staging")
        self.time_passes(3)
        self.burst(2)
        self.whole_passes(1)
        self.fail_after_the_wave_went_on("staging", region)
        self.resume("internal")
        self.whole_passes(1)

    @rule(wave=st.sampled_from(WAVES))
    def forge_for_a_whole_wave(self, wave: str) -> None:
        for region in NAMES:
            if region in self.host.branches and DEFAULT[region] == wave:
                self._post(region, self.host.branches[region], StatusState.SUCCESS, ["apps", "infra"], "mallory")

    @rule(minutes=st.sampled_from([1, 3, 6, 31, 61]))
    def time_passes(self, minutes: int) -> None:
        self.host.wait(timedelta(minutes=minutes))

    # Conductors: any number, each as slow as it likes. A conductor that dies never pushes.

    @rule()
    def read(self) -> None:
        prepared = conductor.prepare(self.host, self.host)
        receipts_by_commit = {commit: tuple(receipts) for commit, receipts in self.host.statuses.items()}
        full = plan(replace(prepared.world, receipts=receipts_by_commit))
        assert (full.moves, full.ledger) == (prepared.plan.moves, prepared.plan.ledger), "what was not read mattered"
        self.pending = [
            *self.pending[-2:],
            Observation(
                list(self.host.history),
                dict(self.host.branches),
                deepcopy(self.host.statuses),
                dict(self.arrivals),
                dict(self.departures),
                frozenset(self.proofs),
                prepared,
            ),
        ]  # type: ignore[arg-type]

    @precondition(lambda self: self.pending)
    @rule(position=st.integers(0, 2))
    def push(self, position: int) -> None:
        observation = self.pending.pop(min(position, len(self.pending) - 1))
        self.host.wait(SECOND)
        before, pauses = dict(self.host.branches), dict(self.host.ledger.pauses)
        if conductor.carry_out(self.host, observation.prepared):
            for move in observation.prepared.plan.moves:
                assert before.get(move.region) == move.old, "rule 5: another push moved it concurrently"
                assert not {move.wave, "all"} & set(pauses), "rule 7: a pause holds, also a concurrent one"
            judge(self.host.releases, observation)
            self.proofs |= proved_and_left(self.host.releases, observation)
            # Receipts count from the time of the plan: an honest region posts none before the push.
            self._note(before, observation.prepared.plan.moves, observation.prepared.world.now)
        else:
            assert self.host.branches == before, "a lost race moves nothing"

    @rule(times=st.integers(1, 3))
    def whole_passes(self, times: int) -> None:
        for _ in range(times):
            self.read()
            self.push(len(self.pending) - 1)

    # People

    @rule(name=st.sampled_from([*WAVES, "all"]))
    def pause(self, name: str) -> None:
        self._operate(lambda world: operations.pause(world, name, self._because()))

    @rule(name=st.sampled_from([*WAVES, "all"]))
    def resume(self, name: str) -> None:
        self._operate(lambda world: operations.resume(world, name))

    @rule(region=st.sampled_from(NAMES), age=st.integers(0, 3))
    def waive(self, region: str, age: int) -> None:
        commit = self.host.history[min(age, len(self.host.history) - 1)]
        self._operate(lambda world: operations.waive(world, region, commit, self._because()))

    @rule(region=st.sampled_from(NAMES))
    def retry(self, region: str) -> None:
        self.read()
        proved = had_proved(self.host.releases, self.pending.pop(), region)
        if self._operate(lambda world: operations.retry(world, region)) and region in self.host.branches:
            self.arrivals[region, self.host.branches[region]] = self.host.clock
            self.proofs |= proved  # a retry does not undo a proof, and a failure does

    @rule(region=st.sampled_from(NAMES), age=st.integers(1, 6))
    def roll_back(self, region: str, age: int) -> None:
        commit, before = self.host.history[min(age, len(self.host.history) - 1)], dict(self.host.branches)
        if self._operate(lambda world: operations.rollback(world, [region], commit, self._because())):
            states = [r.state for r in self.host.statuses[commit] if r.region == region and r.creator == TRUSTED]
            assert StatusState.SUCCESS in states, "rolled back to a commit that it had never passed"
            wave = next(wave for wave in WAVES if wave in self.host.ledger.pauses)
            assert wave, "a rollback pauses the wave"
            self._note(before, [Move(region, "", before[region], commit, "")])

    @rule(region=st.sampled_from(NAMES))
    def retire(self, region: str) -> None:
        ledger, branch = self.host.ledger, self.host.branches.get(region, "")
        retired = self._operate(lambda world: operations.retire(world, region, self._because()))
        if retired and ledger.region(region).joined and (region, branch) not in ledger.waivers:
            statuses = [
                r
                for r in self.host.statuses.get(branch, [])
                if (r.region, r.check, r.creator) == (region, "apps", TRUSTED)
            ]
            assert statuses, "a region is retired without a receipt of its suspension"
            assert statuses[-1].state is StatusState.SUCCESS, "a region is retired that had failed"
            assert self.host.clock - statuses[-1].at >= timedelta(minutes=10), (
                "a region is retired before its retirement hold"
            )

    @rule(region=st.sampled_from(NAMES))
    def retire_in_a_hurry(self, region: str) -> None:
        """Rare at random: a region's file is removed, and the region is retired before its retirement hold."""
        self.commit(0, {region: None}, "")
        self.whole_passes(2)
        self.retire(region)

    @precondition(lambda self: len(self.host.history) > 1)
    @rule(region=st.sampled_from(NAMES), age=st.integers(0, 3))
    def move_by_hand(self, region: str, age: int) -> None:
        if region in self.host.branches:
            old, new = self.host.branches[region], self.host.history[min(age, len(self.host.history) - 1)]
            self.host.branches[region] = new
            if old != new:
                self.departures[region, old] = self.host.clock
                self.departures.pop((region, new), None)

    def _because(self) -> Note:
        return Note("ann", self.host.clock, "because")

    def _operate(self, operation: object) -> bool:
        _, world = conductor.read(self.host, self.host, all_targets=True)
        receipts = {commit: tuple(receipts) for commit, receipts in self.host.statuses.items()}
        releases = {commit: self.host.releases[commit] for commit in self.host.history}
        world = type(world)(**{**vars(world), "receipts": receipts, "releases": releases})
        try:
            change = operation(world)  # type: ignore[operator]
        except operations.OperationRefusedError:
            return False
        self.host.wait(SECOND)
        return self.host.push(change.moves, change.ledger, str(self.host.tip), "")

    # Records for the oracle

    def _note(self, before: dict[str, Commit], moves: Sequence[Move], since: datetime | None = None) -> None:
        for move in moves:
            if before.get(move.region) and before[move.region] != move.new:
                self.departures[move.region, before[move.region]] = self.host.clock
            self.departures.pop((move.region, move.new), None)
            self.arrivals[move.region, move.new] = since or self.host.clock

    @invariant()
    def no_branch_was_ever_deleted(self) -> None:
        if hasattr(self, "host"):
            assert {region for region, _ in self.arrivals} <= set(self.host.branches)

    def teardown(self) -> None:
        """When commits stop and all regions pass, every region reaches the head of main."""
        if not hasattr(self, "host"):
            return
        host = self.host
        for name in [*WAVES, "all"]:
            self.resume(name)
        for region, commit in list(host.branches.items()):
            if commit not in host.history:  # main was forced back below it: a person decides
                host.branches[region] = host.history[-1]
        names = [name for name in NAMES if not host.ledger.region(name).retired]
        for silent in (True, False):
            self._come_to_rest(names, silent)

    def _come_to_rest(self, names: list[str], silent: bool) -> None:
        host = self.host
        host.commit(POLICIES[0], self._members(DEFAULT))
        head = host.history[0]
        if silent:  # a silent region delays its wave to the deadline, and no longer
            for _ in range(4):
                assert conductor.carry_out(host, conductor.prepare(host, host))
                host.wait(timedelta(minutes=61))
            first = {name: host.branches.get(name) for name in names if DEFAULT[name] == "staging"}
            assert set(first.values()) <= {head}, f"liveness: past every deadline, and {first} not at {head}"
            return
        for _ in range(14 + 5):  # the last five are longer than the windows of f stay closed
            for _ in range(4):
                prepared = conductor.prepare(host, host)
                assert conductor.carry_out(host, prepared)
            for region, commit in host.branches.items():
                self._post(region, commit, StatusState.SUCCESS, ["apps", "infra"])
            host.wait(timedelta(minutes=7))
        retired_waves = [w for w in ("staging", "internal") if not any(DEFAULT[n] == w for n in names)]
        if not retired_waves:  # a wave whose regions are all retired proves no commit any longer, so no branch moves
            behind = {name: host.branches.get(name) for name in names if host.branches.get(name) != head}
            assert not behind, f"liveness: {behind} never got to {head}; {conductor.prepare(host, host).plan.holds}"
