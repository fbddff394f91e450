"""A fleet in which everything goes wrong; oracle.py says after each push whether a rule was broken."""

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
from tests.waves.rollout.oracle import SECOND, Seen, had_proved, judge, proved_and_left
from waves.rollout import conductor, operations
from waves.rollout.model import Commit, Member, Move, Note, StatusState
from waves.rollout.planner import plan

REGIONS = [Member(*each, asleep=True) for each in (("a", 3), ("b", 3), ("c", 9), ("d", 30), ("e", 3))]
HALF_HOURS = tuple(
    Window.model_validate({"days": DAYS, "start": f"{hour:02}:00", "end": f"{hour:02}:30"}) for hour in range(24)
)
REGIONS.append(Member("f", 6, asleep=True, windows=HALF_HOURS))
"""One customer's region: half of the time it may not be changed."""
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


class Rollout(RuleBasedStateMachine):
    """Regions pass, fail, hang, lie and forge; people stop, waive and roll back; conductors race and die."""

    @initialize()
    def begin(self) -> None:
        self.host = MemoryHost()
        self.given: dict[tuple[str, Commit], datetime] = {}
        """When the tools last gave a region a commit, or asked to prove it once more."""
        self.left: dict[tuple[str, Commit], datetime] = {}
        self.done: set[tuple[str, Commit]] = set()
        self.pending: list[Seen] = []
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
        self.host.say(region, commit, state, checks, creator)
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
        policy=st.sampled_from(range(len(POLICIES))), far=st.integers(1, 3), patience=st.sampled_from([0, 0, 3, 6])
    )  # fmt: skip
    def a_release_goes_well(self, policy: int, far: int, patience: int) -> None:
        """Seldom by chance: all that a commit needs to get this far, in a hurry or not."""
        for name in [*WAVES, "all"]:
            self.resume(name)
        self.commit(policy, {}, "")
        for name in WAVES[:far]:
            self.whole_passes(2)
            self.whole_wave_reports(StatusState.SUCCESS, name)
            self.host.wait(timedelta(minutes=patience))
        self.whole_passes(2)

    @rule()
    def break_main_when_all_is_well(self) -> None:
        """Seldom by chance: a commit that is no fleet comes when staging is free to take one."""
        self.a_release_goes_well(0, 1, 0)
        self.commit(0, {}, "broken")
        self.whole_passes(1)

    @rule(policy=st.sampled_from([1, 3]), well_again=st.booleans())
    def fail_between_cohorts(self, policy: int, well_again: bool) -> None:
        """Seldom by chance: the wave before takes its proof back while some regions have the commit and some do not."""
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
        """Seldom by chance: staging proves a commit and goes on, and takes the proof back before internal looks."""
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

    # Conductors: any number, each as slow as it likes; one that dies is one that never pushes

    @rule()
    def read(self) -> None:
        prepared = conductor.prepare(self.host, self.host)
        everything = {commit: tuple(found) for commit, found in self.host.statuses.items()}
        full = plan(replace(prepared.world, receipts=everything))
        assert (full.moves, full.ledger) == (prepared.plan.moves, prepared.plan.ledger), "what was not read mattered"
        self.pending = [
            *self.pending[-2:],
            Seen(
                list(self.host.history),
                dict(self.host.branches),
                deepcopy(self.host.statuses),
                dict(self.given),
                dict(self.left),
                frozenset(self.done),
                prepared,
            ),
        ]  # type: ignore[arg-type]

    @precondition(lambda self: self.pending)
    @rule(which=st.integers(0, 2))
    def push(self, which: int) -> None:
        seen = self.pending.pop(min(which, len(self.pending) - 1))
        self.host.wait(SECOND)
        before, pauses = dict(self.host.branches), dict(self.host.ledger.pauses)
        if conductor.carry_out(self.host, seen.prepared):
            for move in seen.prepared.plan.moves:
                assert before.get(move.region) == move.old, "rule 4: somebody else moved it meanwhile"
                assert not {move.wave, "all"} & set(pauses), "rule 6: a pause holds, even one that came meanwhile"
            judge(self.host.releases, seen)
            self.done |= proved_and_left(self.host.releases, seen)
            # Receipts count from when the push was planned: an honest region has none from before it was made.
            self._note(before, seen.prepared.plan.moves, seen.prepared.world.now)
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
            self.given[region, self.host.branches[region]] = self.host.clock
            self.done |= proved  # to be asked again takes nothing back; to answer with a failure does

    @rule(region=st.sampled_from(NAMES), age=st.integers(1, 6))
    def roll_back(self, region: str, age: int) -> None:
        commit, before = self.host.history[min(age, len(self.host.history) - 1)], dict(self.host.branches)
        if self._operate(lambda world: operations.rollback(world, [region], commit, self._because())):
            said = [r.state for r in self.host.statuses[commit] if r.region == region and r.creator == TRUSTED]
            assert StatusState.SUCCESS in said, "taken back to what it had never passed"
            wave = next(wave for wave in WAVES if wave in self.host.ledger.pauses)
            assert wave, "a rollback pauses the wave"
            self._note(before, [Move(region, "", before[region], commit, "")])

    @rule(region=st.sampled_from(NAMES))
    def retire(self, region: str) -> None:
        ledger, branch = self.host.ledger, self.host.branches.get(region, "")
        retired = self._operate(lambda world: operations.retire(world, region, self._because()))
        if retired and ledger.region(region).joined and (region, branch) not in ledger.waivers:
            said = [
                r
                for r in self.host.statuses.get(branch, [])
                if (r.region, r.check, r.creator) == (region, "apps", TRUSTED)
            ]
            assert said, "a region is retired that never said that it slept"
            assert said[-1].state is StatusState.SUCCESS, "a region is retired that was not well"
            assert self.host.clock - said[-1].at >= timedelta(minutes=10), (
                "a region is retired that nobody had time to miss"
            )

    @rule(region=st.sampled_from(NAMES))
    def retire_in_a_hurry(self, region: str) -> None:
        """Seldom by chance: a region's file is removed, and the region retired before anybody could miss it."""
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
                self.left[region, old] = self.host.clock
                self.left.pop((region, new), None)

    def _because(self) -> Note:
        return Note("ann", self.host.clock, "because")

    def _operate(self, operation: object) -> bool:
        _, world = conductor.read(self.host, self.host, everything=True)
        receipts = {commit: tuple(found) for commit, found in self.host.statuses.items()}
        releases = {commit: self.host.releases[commit] for commit in self.host.history}
        world = type(world)(**{**vars(world), "receipts": receipts, "releases": releases})
        try:
            change = operation(world)  # type: ignore[operator]
        except operations.RefusedError:
            return False
        self.host.wait(SECOND)
        return self.host.push(change.moves, change.ledger, str(self.host.tip), "")

    # What the oracle goes by

    def _note(self, before: dict[str, Commit], moves: Sequence[Move], since: datetime | None = None) -> None:
        for move in moves:
            if before.get(move.region) and before[move.region] != move.new:
                self.left[move.region, before[move.region]] = self.host.clock
            self.left.pop((move.region, move.new), None)
            self.given[move.region, move.new] = since or self.host.clock

    @invariant()
    def no_branch_was_ever_deleted(self) -> None:
        if hasattr(self, "host"):
            assert {region for region, _ in self.given} <= set(self.host.branches)

    def teardown(self) -> None:
        """When commits stop and all pass, every region gets to head."""
        if not hasattr(self, "host"):
            return
        host = self.host
        for name in [*WAVES, "all"]:
            self.resume(name)
        for region, commit in list(host.branches.items()):
            if commit not in host.history:  # main was forced back below it: somebody has to decide, and does
                host.branches[region] = host.history[-1]
        wanted = [name for name in NAMES if not host.ledger.region(name).retired]
        for silent in (True, False):
            self._come_to_rest(wanted, silent)

    def _come_to_rest(self, wanted: list[str], silent: bool) -> None:
        host = self.host
        host.commit(POLICIES[0], self._members(DEFAULT))
        head = host.history[0]
        if silent:  # whoever says nothing delays a wave to its deadline, and no longer
            for _ in range(4):
                assert conductor.carry_out(host, conductor.prepare(host, host))
                host.wait(timedelta(minutes=61))
            first = {name: host.branches.get(name) for name in wanted if DEFAULT[name] == "staging"}
            assert set(first.values()) <= {head}, f"liveness: past every deadline, and {first} not at {head}"
            return
        for _ in range(14 + 5):  # the last five are longer than the windows of f stay closed
            for _ in range(4):
                prepared = conductor.prepare(host, host)
                assert conductor.carry_out(host, prepared)
            for region, commit in host.branches.items():
                self._post(region, commit, StatusState.SUCCESS, ["apps", "infra"])
            host.wait(timedelta(minutes=7))
        needed = [w for w in ("staging", "internal") if not any(DEFAULT[n] == w for n in wanted)]
        if not needed:  # with a whole wave retired nothing can be proven any more, and nothing moves
            behind = {name: host.branches.get(name) for name in wanted if host.branches.get(name) != head}
            assert not behind, f"liveness: {behind} never got to {head}; {conductor.prepare(host, host).plan.holds}"
