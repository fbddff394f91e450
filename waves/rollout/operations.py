"""What people may do to a rollout: pure functions from the world to a change, each recorded with who, when and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fleet import UserError, Wave
from fleet.duration import text
from waves.rollout.model import (
    ALL,
    Commit,
    Ledger,
    Member,
    Move,
    Note,
    RegionRecord,
    Release,
    State,
    StatusState,
    World,
)
from waves.rollout.region_states import RegionStates


class RefusedError(UserError):
    """What was asked for would break a rule; the text says which, and what to do."""


@dataclass(frozen=True)
class LedgerChange:
    """The ledger after an operation, and the branches to move with it, all or nothing."""

    ledger: Ledger
    moves: tuple[Move, ...] = ()


def pause(world: World, wave: str, note: Note) -> LedgerChange:
    """Let no branch of a wave (or of `all`) move until it is resumed. Raises RefusedError."""
    _known_wave(world, wave)
    return LedgerChange(replace(world.ledger, pauses={**world.ledger.pauses, wave: note}))


def resume(world: World, wave: str) -> LedgerChange:
    """End a pause. Raises RefusedError if there is none."""
    if wave not in world.ledger.pauses:
        paused = ", ".join(world.ledger.pauses) or "none"
        raise RefusedError(f"{wave} is not paused; paused are: {paused}")
    return LedgerChange(replace(world.ledger, pauses={k: v for k, v in world.ledger.pauses.items() if k != wave}))


def waive(world: World, region: str, commit: Commit, note: Note) -> LedgerChange:
    """Do without a region's receipts on one commit, also on the last one of a region to retire. Raises RefusedError."""
    if region not in world.branches:
        _known_region(world, region)
    if commit not in world.history:
        raise RefusedError(f"{commit[:10]} is not on main's history")
    return LedgerChange(replace(world.ledger, waivers={**world.ledger.waivers, (region, commit): note}))


def retry(world: World, region: str) -> LedgerChange:
    """Ask a region to prove its commit once more: only receipts from now on count. One rolled back gets its turn again."""
    _known_region(world, region)
    record = replace(world.ledger.region(region), since=world.now, rolled_back_from=None)
    return LedgerChange(world.ledger.with_regions({region: record}))


def rollback(world: World, regions: Iterable[str], commit: Commit, note: Note) -> LedgerChange:
    """Take regions back to a commit that each of them has passed itself, and pause their waves. Raises RefusedError."""
    states = RegionStates(world)
    moves: list[Move] = []
    records: dict[str, RegionRecord] = {}
    pauses = dict(world.ledger.pauses)
    for region in regions:
        wave = _known_region(world, region)
        branch = world.branches.get(region)
        if branch is None:
            raise RefusedError(f"{region} has no branch yet: there is nothing to take back")
        if branch == commit or (states.newer(commit, branch) and states.on_main(branch)):
            raise RefusedError(f"{region} is at {branch[:10]}, which is not newer than {commit[:10]}")
        if not _passed(world, states, region, commit):
            raise RefusedError(f"{region} has never passed {commit[:10]}; `regions history {region}` shows what it has")
        moves.append(Move(region, wave, branch, commit, note.reason))
        record = world.ledger.region(region)
        records[region] = replace(record, at=commit, since=world.now, rolled_back_from=branch)
        pauses[wave] = replace(note, reason=f"rollback of {region}: {note.reason}")
    return LedgerChange(replace(world.ledger.with_regions(records), pauses=pauses), tuple(moves))


def named(world: World, target: str, commit: Commit) -> list[str]:
    """The regions that a rollback means: one by its name, or those of a wave that have something newer than the commit."""
    states = RegionStates(world)
    members = [name for name, wave in _waves_of(world).items() if wave == target]
    return [name for name in members if states.newer(world.branches.get(name, ""), commit)] or members[:1] or [target]


def retire(world: World, region: str, note: Note) -> LedgerChange:
    """Take a region out of every gate for good. Its stack file must be gone from main, and nobody have missed it: it has
    slept, well, for the wave's scream test, unless it never joined. Raises RefusedError."""
    wave = _waves_of(world).get(region)
    if wave is not None:
        raise RefusedError(f"stacks/Pulumi.{region}.yaml is still on main, in wave {wave}: remove it first, by review")
    if region not in world.branches and region not in world.ledger.regions:
        raise RefusedError(f"no region is or was named {region}")
    if world.ledger.region(region).joined:
        _missed_by_nobody(world, region)
    record = replace(world.ledger.region(region), retired=note)
    return LedgerChange(world.ledger.with_regions({region: record}))


def _missed_by_nobody(world: World, region: str) -> None:
    """Raises RefusedError unless the commit that the region was left at had it sleep, and that for long enough."""
    states, commit = RegionStates(world), world.branches.get(region)
    if commit is None:
        raise RefusedError(f"the branch region/{region} is gone: without it nobody can say whether the region slept")
    place = _place(states.release(commit), region)
    if place is None or not place[1].asleep:
        raise RefusedError(
            f"{region} is not asleep at {commit[:10]}, so that nobody can have missed it: bring its stack file back with "
            "`regions:asleep: true`, and remove it once the region has that commit"
        )
    wave = place[0]
    said = states.region_state(region, commit, wave.model_copy(update={"soak": wave.scream_test}))
    if said.state is not State.PASSED:
        raise RefusedError(
            f"{region} has to sleep for {text(wave.scream_test)} first, at {commit[:10]}: {said.state}: {said.reason}"
        )


def _passed(world: World, states: RegionStates, region: str, commit: Commit) -> bool:
    """Whether a region has proved a commit by its own receipts, at any time."""
    if not states.on_main(commit):
        return False
    place = _place(states.release(commit), region)
    if place is None:
        return False
    wave = place[0]
    latest = states.latest(region, commit, wave, counting=False)
    return all(check in latest and latest[check].state is StatusState.SUCCESS for check in wave.checks)


def _place(release: Release, region: str) -> tuple[Wave, Member] | None:
    """The wave that a region is in, in a release, and what the release says of it."""
    for wave in release.waves:
        for member in release.members.get(wave.name, ()):
            if member.name == region:
                return wave, member
    return None


def _waves_of(world: World) -> dict[str, str]:
    """Region to wave, as the newest sound commit has it."""
    states = RegionStates(world)
    if states.newest_sound is None:
        return {}
    members = states.release(states.newest_sound).members
    return {member.name: wave for wave, found in members.items() for member in found}


def _known_region(world: World, region: str) -> str:
    waves = _waves_of(world)
    if region not in waves:
        raise RefusedError(f"no region is named {region}; known: {', '.join(sorted(waves))}")
    return waves[region]


def _known_wave(world: World, wave: str) -> None:
    states = RegionStates(world)
    release = states.release(states.newest_sound) if states.newest_sound else None
    known = [ALL, *(each.name for each in release.waves)] if release else [ALL]
    if wave not in known:
        raise RefusedError(f"no wave is named {wave}; known: {', '.join(known)}")
