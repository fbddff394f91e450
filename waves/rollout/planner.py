"""Plans which branches move now, and why the others do not: one pass as a pure function of the world.

Each wave is planned by itself, in wave_pass.py. A commit is judged by its own files: its regions, their waves, and each wave's
demands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from waves.rollout.model import ALL, Commit, Hold, Ledger, Plan, Release, World
from waves.rollout.region_states import RegionStates
from waves.rollout.wave_pass import WavePass, candidates, moves_freely


def plan(world: World) -> Plan:
    """One pass. The order of waves is that of the newest sound commit. Each wave is planned from the world as it is now."""
    states = RegionStates(world)
    newest = states.newest_sound
    if newest is None:
        return Plan(holds=tuple(_unsound_commits(world)), ledger=world.ledger)
    passes = [WavePass(states, wave).run() for wave in states.release(newest).waves]
    ledger = world.ledger
    for wave_pass in passes:
        if wave_pass.record != world.ledger.wave(wave_pass.wave.name):
            ledger = ledger.with_wave(wave_pass.wave.name, wave_pass.record)
        ledger = ledger.with_regions(wave_pass.regions)
    holds = (Hold(wave_pass.wave.name, reason) for wave_pass in passes for reason in wave_pass.holds)
    warnings = (warning for wave_pass in passes for warning in wave_pass.warnings)
    return Plan(
        moves=tuple(move for wave_pass in passes for move in wave_pass.moves),
        holds=(*_unsound_commits(world), *holds),
        warnings=(*warnings, *_retired_with_stack_file(states, newest)),
        region_states={p.wave.name: tuple(p.region_states) for p in passes if p.region_states},
        ledger=ledger,
    )


def releases_needed(history: Sequence[Commit], ledger: Ledger, releases: Mapping[Commit, Release]) -> set[Commit]:
    """The releases that a plan needs and that were not read yet. Ask again until there are none."""
    on_main = set(history)
    commits = {c for record in ledger.waves.values() for c in (record.target, record.proven) if c in on_main}
    for commit in history:
        commits.add(commit)
        if commit not in releases or not releases[commit].problem:
            break
    return {commit for commit in commits if commit and commit not in releases}


def receipts_needed(world: World) -> set[Commit]:
    """The commits whose receipts could change the plan now. None, when every wave is where it should be."""
    states = RegionStates(world)
    commits: set[Commit] = set()
    for wave in states.release(states.newest_sound).waves if states.newest_sound else ():
        commits |= {
            commit
            for commit, before in candidates(states, wave.name)
            if before is not None and before.gate == "required"
        }
        target = world.ledger.wave(wave.name).target
        if target is None or not states.on_main(target):
            continue
        unfinished = any(
            world.branches.get(member.name) != target and not states.closed_windows(member.name, target)
            for member in states.joined_members(target, wave.name)
        )
        newer = states.newest_sound is not None and states.is_newer(states.newest_sound, target)
        waits = newer and not moves_freely(states.release(target).wave(wave.name) or wave)
        if waits or unfinished or states.joining_members(target, wave.name):
            commits.add(target)
    return commits


def _retired_with_stack_file(states: RegionStates, newest: Commit) -> Iterable[str]:
    """A warning for each region that has a stack file again after it was retired: it gets no commit."""
    for members in states.release(newest).members.values():
        for name in (member.name for member in members):
            note = states.world.ledger.region(name).retired
            if note:
                yield (
                    f"{name} was retired by {note.by} at {note.at:%Y-%m-%d %H:%M} UTC: {note.reason}. Its stack file is back, "
                    "and it gets no commit: give the region another name"
                )


def _unsound_commits(world: World) -> Iterable[Hold]:
    """The commits at main's head that reach no region."""
    for commit in world.history:
        release = world.releases.get(commit)
        if release is None or not release.problem:
            return
        yield Hold(ALL, f"{commit[:10]} goes nowhere: its files make no fleet: {release.problem}")
