"""One pass over one wave: the regions that get a commit now, and the reasons why the others wait. Pure.

A wave moves as a unit. The next target is the newest commit that the wave before has proven (for the first wave: the head of
main). The wave takes a target only when all its regions have settled at the present one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fleet import Wave
from fleet.windows import is_open
from waves.rollout.model import ALL, Commit, Move, RegionRecord, RegionState, State, WaveRecord
from waves.rollout.region_states import RegionStates


def candidates(states: RegionStates, wave: str) -> Iterator[tuple[Commit, Wave | None]]:
    """The commits that a wave could take, the newest first, each with the wave whose proof it needs (None: no proof)."""
    ledger = states.world.ledger
    commits = {states.newest_sound, *(c for record in ledger.waves.values() for c in (record.target, record.proven))}
    newer = [c for c in commits if c is not None and states.is_newer(c, ledger.wave(wave).target)]
    for commit in sorted(newer, key=states.world.history.index):
        release = states.release(commit)
        if release.wave(wave) is None:
            continue
        before = release.before(wave)
        record = ledger.wave(before.name) if before else None
        if record is None or commit in (record.target, record.proven):
            yield commit, before


def moves_freely(wave: Wave) -> bool:
    """Whether a wave need not settle: its tests gate no other wave, and it moves in one step."""
    return wave.gate == "none" and len(wave.cohorts) == 1


class WavePass:
    """One pass over one wave."""

    def __init__(self, states: RegionStates, wave: Wave) -> None:
        self.states = states
        self.world = states.world
        self.wave = wave
        self.record = self.world.ledger.wave(wave.name)
        self.regions: dict[str, RegionRecord] = {}
        self.moves: list[Move] = []
        self.holds: list[str] = []
        self.warnings: list[str] = []
        self.region_states: list[RegionState] = []

    def run(self) -> WavePass:
        """Plan the wave, in this order:

        1. Record each region's state at the present target, and the regions that have joined.
        2. End here if the wave is paused, or outside of its change windows.
        3. Find the candidate: the newest commit that the wave before has proven.
        4. Find the regions that get the present target: the next cohort, and joining regions without it.
           If the wave before has revoked its proof, no region gets it.
        5. Move the next cohort. Without one, take the candidate if the wave has settled.
        6. Move the joining regions, unless the wave took the candidate: that step moved them.
        """
        target = self.record.target
        if target is not None and self.states.on_main(target):
            self._record_states(target)
        closed = self._closed_reason()
        if closed:
            self.holds.append(closed)
            return self
        candidate = self._candidate()
        cohort, joining = self._regions_for(target)
        if target is not None and cohort:
            self._move(cohort, target, "its turn: the cohorts before it have passed the commit")
        elif candidate is not None:
            self._take_if_settled(candidate)
        if target is not None and self.record.target == target:
            self._move(joining, target, "it is new")
        return self

    def _record_states(self, target: Commit) -> None:
        """Step 1. Warns of receipts that do not count, and of branches that other tools moved."""
        policy = self._policy(target)
        for member in self.states.joined_members(target, self.wave.name):
            self.region_states.append(self.states.state_of(member.name, target, policy))
        for member in self.states.joining_members(target, self.wave.name):
            region_state = self.states.state_of(member.name, target, policy)
            self.region_states.append(RegionState(member.name, State.JOINING, region_state.reason))
            has_passed = region_state.state in (State.PASSED, State.SOAKING)
            if has_passed and self.world.branches.get(member.name) == target:
                record = self.world.ledger.region(member.name)
                self.regions[member.name] = replace(record, at=target, joined=target)
        for receipt in self.states.untrusted_receipts(target, policy):
            self.warnings.append(
                f"region/{receipt.region}/{receipt.check} on {target[:10]} by {receipt.creator} does not count: "
                f"trusted is {', '.join(self.states.creators(receipt.region, target, policy)) or 'no login'}"
            )
        for region_state in self.region_states:
            if region_state.state is State.ASTRAY:
                self.warnings.append(f"{region_state.region}: {region_state.reason}")

    def _closed_reason(self) -> str:
        """Step 2: why no branch of the wave moves now. Empty if they may move."""
        for name in (ALL, self.wave.name):
            note = self.world.ledger.pauses.get(name)
            if note:
                return f"paused by {note.by} at {note.at:%Y-%m-%d %H:%M} UTC: {note.reason}"
        if not is_open(self.wave.windows, self.world.now):
            return "outside of its change windows"
        return ""

    def _candidate(self) -> Commit | None:
        """Step 3. Without a candidate, `holds` gets the reason."""
        for commit, before in candidates(self.states, self.wave.name):
            if before is None or self.states.proven(commit, before):
                return commit
            if commit == self.world.ledger.wave(before.name).target:
                reasons = self._unproven_reasons(commit, before)
                self.holds.append(f"{commit[:10]} is not proven by wave {before.name}: {reasons}")
        return None

    def _unproven_reasons(self, commit: Commit, before: Wave) -> str:
        joined = self.states.joined_members(commit, before.name)
        if not joined:
            return "no region of it has ever passed a commit, and no data is no proof"
        states = [self.states.state_of(member.name, commit, before) for member in joined]
        return "; ".join(f"{s.region} {s.state}: {s.reason}" for s in states if s.state is not State.PASSED)

    def _regions_for(self, target: Commit | None) -> tuple[list[str], list[str]]:
        """Step 4: the next cohort, and the joining regions without the present target."""
        if target is None or not self.states.on_main(target):
            return [], []
        cohort, joining = self._next_cohort(target), self._joining_without(target)
        if (cohort or joining) and self._is_revoked(target):
            return [], []
        return cohort, joining

    def _next_cohort(self, target: Commit) -> list[str]:
        """The regions whose cohort gets the present target now: each cohort waits for those before it to pass.

        A region outside of its change windows is in no cohort. The region gets the target when they open. No cohort waits for it.
        """
        states = {region_state.region: region_state.state for region_state in self.region_states}
        joined = [member.name for member in self.states.joined_members(target, self.wave.name)]
        names = [name for name in joined if states[name] is not State.CLOSED]
        for size in self._policy(target).steps(len(names)):
            behind = [name for name in names[:size] if states[name] is State.NEXT]
            if behind:
                return behind
            if any(states[name] is not State.PASSED for name in names[:size]):
                return []
        return []

    def _joining_without(self, target: Commit) -> list[str]:
        return [
            member.name
            for member in self.states.joining_members(target, self.wave.name)
            if self.states.state_of(member.name, target, self._policy(target)).state is State.NEXT
        ]

    def _is_revoked(self, target: Commit) -> bool:
        """Whether the wave before no longer proves the target. `holds` gets the reason."""
        before = self.states.release(target).before(self.wave.name)
        if before is None or before.gate == "none":
            return False
        if target not in self.world.receipts:
            self.holds.append(f"{target[:10]} goes no further: its receipts were not read")
            return True
        failing = self.states.failing_regions(target, before)
        if failing:
            reason = f"wave {before.name} revoked its proof, and has not soaked since: {', '.join(failing)}"
            self.holds.append(f"{target[:10]} goes no further: {reason}")
        return bool(failing)

    def _take_if_settled(self, candidate: Commit) -> None:
        """Step 5. `holds` names the regions that have not settled."""
        if self._is_settled():
            self._take(candidate)
        else:
            waiting = ", ".join(s.region for s in self.region_states if not s.state.settled)
            self.holds.append(f"{candidate[:10]} waits until the wave has settled: {waiting}")

    def _is_settled(self) -> bool:
        """Whether the wave may take a new target. The first cohorts' failure settles the others: they do not get it."""
        target = self.record.target
        if target is None or not self.states.on_main(target) or moves_freely(self._policy(target)):
            return True
        return all(
            region_state.state.settled
            for region_state in self.region_states
            if region_state.state not in (State.JOINING, State.NEXT, State.CLOSED)
        )

    def _take(self, commit: Commit) -> None:
        """Make a commit the wave's target, and give it to the first cohort and to the joining regions."""
        old, policy = self.record, self._policy(commit)
        proven = old.target if old.target and self.states.proven(old.target, self._policy(old.target)) else old.proven
        self.record = WaveRecord(target=commit, since=self.world.now, proven=proven)
        members = [member.name for member in self.states.joined_members(commit, self.wave.name)]
        joined = [name for name in members if not self.states.closed_windows(name, commit)]
        for name in members:
            if name not in joined:  # outside of its windows it stays where it is, and is not astray when they open
                record = self.regions.get(name) or self.world.ledger.region(name)
                self.regions[name] = replace(record, at=self.world.branches.get(name))
        joining = [member.name for member in self.states.joining_members(commit, self.wave.name)]
        before = self.states.release(commit).before(self.wave.name)
        reason = f"wave {before.name} has proven it" if before else "it is the head of main"
        self._move([*joined[: policy.steps(len(joined))[0]], *joining], commit, reason)

    def _move(self, names: Iterable[str], commit: Commit, reason: str) -> None:
        """Move branches forward. A branch that would have to go back or aside stays, with a warning."""
        for name in names:
            branch = self.world.branches.get(name)
            record = replace(self.regions.get(name) or self.world.ledger.region(name), rolled_back_from=None)
            if branch == commit:
                self.regions[name] = replace(record, at=commit)
            elif branch is None or (self.states.on_main(branch) and self.states.is_newer(commit, branch)):
                self.moves.append(Move(name, self.wave.name, branch, commit, reason))
                self.regions[name] = replace(record, at=commit, since=self.world.now)
            else:
                self.warnings.append(f"{name} is at {branch[:10]} and cannot go forward to {commit[:10]}")

    def _policy(self, commit: Commit) -> Wave:
        """The wave as a commit's own files have it."""
        return self.states.release(commit).wave(self.wave.name) or self.wave
