"""Which branches move now, and why the others do not: one pass as a pure function of the world.

A wave moves as a unit. Its next target is the newest commit that the wave before it has proven (the first wave's: the head of
main), and it takes one only when all its regions have settled at the present one. A commit is judged by its own files:
which regions there are, in which waves, and what each wave demands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from fleet import Wave
from fleet.windows import is_open
from waves.rollout.model import (
    ALL,
    Commit,
    Hold,
    Ledger,
    Move,
    Plan,
    RegionRecord,
    RegionState,
    Release,
    State,
    WaveRecord,
    World,
)
from waves.rollout.region_states import RegionStates


def plan(world: World) -> Plan:
    """One pass. The order of waves is that of the newest sound commit; each wave is looked at as the world is now."""
    states = RegionStates(world)
    newest = states.newest_sound
    if newest is None:
        return Plan(holds=tuple(_unsound(world)), ledger=world.ledger)
    passes = [_WavePass(states, wave).run() for wave in states.release(newest).waves]
    ledger = world.ledger
    for each in passes:
        if each.record != world.ledger.wave(each.wave.name):
            ledger = ledger.with_wave(each.wave.name, each.record)
        ledger = ledger.with_regions(each.regions)
    return Plan(
        moves=tuple(move for each in passes for move in each.moves),
        holds=(*_unsound(world), *(Hold(each.wave.name, reason) for each in passes for reason in each.holds)),
        warnings=(*(warning for each in passes for warning in each.warnings), *_back_from_retirement(states, newest)),
        region_states={each.wave.name: tuple(each.region_states) for each in passes if each.region_states},
        ledger=ledger,
    )


def releases_needed(history: Sequence[Commit], ledger: Ledger, releases: Mapping[Commit, Release]) -> set[Commit]:
    """The releases that a plan needs and that are not there yet. To be asked again until there are none."""
    on_main = set(history)
    needed = {c for record in ledger.waves.values() for c in (record.target, record.proven) if c in on_main}
    for commit in history:
        needed.add(commit)
        if commit not in releases or not releases[commit].problem:
            break
    return {commit for commit in needed if commit and commit not in releases}


def receipts_needed(world: World) -> set[Commit]:
    """The commits whose receipts could change what a plan does now. None, when every wave is where it should be."""
    states = RegionStates(world)
    needed: set[Commit] = set()
    for wave in states.release(states.newest_sound).waves if states.newest_sound else ():
        needed |= {c for c, before in options(states, wave.name) if before is not None and before.gate == "required"}
        target = world.ledger.wave(wave.name).target
        if target is None or not states.on_main(target):
            continue
        unfinished = any(
            world.branches.get(m.name) != target and not states.closed(m.name, target)
            for m in states.joined(target, wave.name)
        )
        newer = states.newest_sound is not None and states.newer(states.newest_sound, target)
        waits = newer and not _free(states.release(target).wave(wave.name) or wave)
        if waits or unfinished or states.joining(target, wave.name):
            needed.add(target)
    return needed


def options(states: RegionStates, wave: str) -> Iterator[tuple[Commit, Wave | None]]:
    """The commits that a wave could take, the newest first, each with the wave whose proof it takes (None: nobody's)."""
    ledger = states.world.ledger
    known = {states.newest_sound, *(c for record in ledger.waves.values() for c in (record.target, record.proven))}
    newer = [c for c in known if c is not None and states.newer(c, ledger.wave(wave).target)]
    for commit in sorted(newer, key=states.world.history.index):
        release = states.release(commit)
        if release.wave(wave) is None:
            continue
        before = release.before(wave)
        record = ledger.wave(before.name) if before else None
        if record is None or commit in (record.target, record.proven):
            yield commit, before


def _back_from_retirement(states: RegionStates, newest: Commit) -> Iterable[str]:
    """The regions that have a stack file again after they were retired: they get no commit, and nobody would know why."""
    for members in states.release(newest).members.values():
        for name in (member.name for member in members):
            note = states.world.ledger.region(name).retired
            if note:
                yield (
                    f"{name} was retired by {note.by} at {note.at:%Y-%m-%d %H:%M} UTC: {note.reason}. Its stack file is back, "
                    "and it gets no commit: give the region another name"
                )


def _unsound(world: World) -> Iterable[Hold]:
    """The commits at main's head that nobody gets."""
    for commit in world.history:
        release = world.releases.get(commit)
        if release is None or not release.problem:
            return
        yield Hold(ALL, f"{commit[:10]} goes nowhere: its files make no fleet: {release.problem}")


def _free(wave: Wave) -> bool:
    """Whether nothing has to settle in a wave: its tests gate nothing, and it moves in one step."""
    return wave.gate == "none" and len(wave.cohorts) == 1


class _WavePass:
    """What one pass does about one wave."""

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

    def run(self) -> _WavePass:
        target = self.record.target
        if target is not None and self.states.on_main(target):
            self._look_at(target)
        closed = self._closed()
        if closed:
            self.holds.append(closed)
            return self
        candidate = self._candidate()
        turn, new = self._turn(target), self._missing_branches(target)
        if target is not None and (turn or new) and self._taken_back(target):
            turn, new = [], []
        if turn and target is not None:
            self._move(turn, target, "its turn: what had the commit before it has passed it")
        elif self._settled():
            if candidate is not None:
                self._take(candidate)
        elif candidate is not None:
            waiting = ", ".join(s.region for s in self.region_states if not s.state.settled)
            self.holds.append(f"{candidate[:10]} waits until the wave has settled: {waiting}")
        if target is not None and self.record.target == target:
            self._move(new, target, "it is new")
        return self

    def _taken_back(self, target: Commit) -> bool:
        """Whether the wave before has taken back its proof of the target: then nobody else gets it. Says so."""
        before = self.states.release(target).before(self.wave.name)
        if before is None or before.gate == "none":
            return False
        if target not in self.world.receipts:
            self.holds.append(f"{target[:10]} goes no further: its receipts were not read")
            return True
        failed = self.states.failed_since(target, before)
        if failed:
            said = f"wave {before.name} took its proof back, and has not soaked since: {', '.join(failed)}"
            self.holds.append(f"{target[:10]} goes no further: {said}")
        return bool(failed)

    def _look_at(self, target: Commit) -> None:
        """Each region's standing at the present target; and who has passed its first commit."""
        wave = self._policy(target)
        for member in self.states.joined(target, self.wave.name):
            self.region_states.append(self.states.region_state(member.name, target, wave))
        for member in self.states.joining(target, self.wave.name):
            said = self.states.region_state(member.name, target, wave)
            self.region_states.append(RegionState(member.name, State.JOINING, said.reason))
            if said.state in (State.PASSED, State.SOAKING) and self.world.branches.get(member.name) == target:
                record = self.world.ledger.region(member.name)
                self.regions[member.name] = replace(record, at=target, joined=target)
        for receipt in self.states.distrusted(target, wave):
            self.warnings.append(
                f"region/{receipt.region}/{receipt.check} on {target[:10]} by {receipt.creator} does not count: "
                f"trusted is {', '.join(self.states.creators(receipt.region, target, wave)) or 'nobody'}"
            )
        for region_state in self.region_states:
            if region_state.state is State.ASTRAY:
                self.warnings.append(f"{region_state.region}: {region_state.reason}")

    def _policy(self, commit: Commit) -> Wave:
        return self.states.release(commit).wave(self.wave.name) or self.wave

    def _closed(self) -> str:
        for name in (ALL, self.wave.name):
            note = self.world.ledger.pauses.get(name)
            if note:
                return f"paused by {note.by} at {note.at:%Y-%m-%d %H:%M} UTC: {note.reason}"
        if not is_open(self.wave.windows, self.world.now):
            return "outside of its change windows"
        return ""

    def _candidate(self) -> Commit | None:
        """The newest commit that the wave before has proven, newer than the present target. Says why there is none."""
        for commit, before in options(self.states, self.wave.name):
            if before is None or self.states.proven(commit, before):
                return commit
            if commit == self.world.ledger.wave(before.name).target:
                self.holds.append(f"{commit[:10]} is not proven by wave {before.name}: {self._missing(commit, before)}")
        return None

    def _missing(self, commit: Commit, before: Wave) -> str:
        joined = self.states.joined(commit, before.name)
        if not joined:
            return "no region of it has ever passed a commit, and no data is no proof"
        said = [self.states.region_state(member.name, commit, before) for member in joined]
        return "; ".join(f"{s.region} {s.state}: {s.reason}" for s in said if s.state is not State.PASSED)

    def _turn(self, target: Commit | None) -> list[str]:
        """The regions whose cohort gets the present target now: each cohort waits for those before it to pass.

        Who is outside of its change windows is in no cohort: it gets the target when they open, and nobody waits for it.
        """
        if target is None or not self.states.on_main(target):
            return []
        states = {region_state.region: region_state.state for region_state in self.region_states}
        joined = [member.name for member in self.states.joined(target, self.wave.name)]
        names = [name for name in joined if states[name] is not State.CLOSED]
        for size in self._policy(target).steps(len(names)):
            behind = [name for name in names[:size] if states[name] is State.NEXT]
            if behind:
                return behind
            if any(states[name] is not State.PASSED for name in names[:size]):
                return []
        return []

    def _settled(self) -> bool:
        """Whether the wave may take a new target. The first cohorts' failure settles the others: they do not get it."""
        target = self.record.target
        if target is None or not self.states.on_main(target) or _free(self._policy(target)):
            return True
        return all(
            region_state.state.settled
            for region_state in self.region_states
            if region_state.state not in (State.JOINING, State.NEXT, State.CLOSED)
        )

    def _take(self, commit: Commit) -> None:
        """Make a commit the wave's target, and give it to the first cohort and to those that are joining."""
        old, policy = self.record, self._policy(commit)
        proven = old.target if old.target and self.states.proven(old.target, self._policy(old.target)) else old.proven
        self.record = WaveRecord(target=commit, since=self.world.now, proven=proven)
        members = [member.name for member in self.states.joined(commit, self.wave.name)]
        joined = [name for name in members if not self.states.closed(name, commit)]
        for name in members:
            if name not in joined:  # where somebody else put its branch, its windows find it: it is astray no longer
                known = self.regions.get(name) or self.world.ledger.region(name)
                self.regions[name] = replace(known, at=self.world.branches.get(name))
        joining = [member.name for member in self.states.joining(commit, self.wave.name)]
        before = self.states.release(commit).before(self.wave.name)
        reason = f"wave {before.name} has proven it" if before else "it is the head of main"
        self._move([*joined[: policy.steps(len(joined))[0]], *joining], commit, reason)

    def _missing_branches(self, target: Commit | None) -> list[str]:
        """The joining regions that do not have the present target yet."""
        if target is None or not self.states.on_main(target):
            return []
        return [
            member.name
            for member in self.states.joining(target, self.wave.name)
            if self.states.region_state(member.name, target, self._policy(target)).state is State.NEXT
        ]

    def _move(self, names: Iterable[str], commit: Commit, reason: str) -> None:
        """Move branches forward; one that would have to go back or aside stays, and is told of."""
        for name in names:
            branch = self.world.branches.get(name)
            record = replace(self.regions.get(name) or self.world.ledger.region(name), rolled_back_from=None)
            if branch == commit:
                self.regions[name] = replace(record, at=commit)
            elif branch is None or (self.states.on_main(branch) and self.states.newer(commit, branch)):
                self.moves.append(Move(name, self.wave.name, branch, commit, reason))
                self.regions[name] = replace(record, at=commit, since=self.world.now)
            else:
                self.warnings.append(f"{name} is at {branch[:10]} and cannot go forward to {commit[:10]}")
