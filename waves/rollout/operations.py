"""People's operations on a rollout: pure functions from the world to a change of the ledger, with author, time and reason."""

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


class OperationRefusedError(UserError):
    """The operation would break a rule. The text names the rule and the remedy."""


@dataclass(frozen=True)
class LedgerChange:
    """The ledger after an operation, and the branches to move with it, all or nothing."""

    ledger: Ledger
    moves: tuple[Move, ...] = ()


def pause(world: World, wave: str, note: Note) -> LedgerChange:
    """Let no branch of a wave (or of `all`) move until it is resumed. Raises OperationRefusedError."""
    _require_wave(world, wave)
    return LedgerChange(replace(world.ledger, pauses={**world.ledger.pauses, wave: note}))


def resume(world: World, wave: str) -> LedgerChange:
    """End a pause. Raises OperationRefusedError if there is none."""
    if wave not in world.ledger.pauses:
        paused = ", ".join(world.ledger.pauses) or "none"
        raise OperationRefusedError(f"{wave} is not paused; paused are: {paused}")
    return LedgerChange(replace(world.ledger, pauses={k: v for k, v in world.ledger.pauses.items() if k != wave}))


def waive(world: World, region: str, commit: Commit, note: Note) -> LedgerChange:
    """Waive a region's receipts on one commit, also the last commit of a region to retire. Raises OperationRefusedError."""
    if region not in world.branches:
        _require_region(world, region)
    if commit not in world.history:
        raise OperationRefusedError(f"{commit[:10]} is not on main's history")
    return LedgerChange(replace(world.ledger, waivers={**world.ledger.waivers, (region, commit): note}))


def retry(world: World, region: str) -> LedgerChange:
    """Ask a region to prove its commit again: only receipts from now on count. After a rollback it may get the commit again."""
    _require_region(world, region)
    record = replace(world.ledger.region(region), since=world.now, rolled_back_from=None)
    return LedgerChange(world.ledger.with_regions({region: record}))


def rollback(world: World, regions: Iterable[str], commit: Commit, note: Note) -> LedgerChange:
    """Take regions back to a commit that each of them has passed itself, and pause their waves. Raises OperationRefusedError."""
    states = RegionStates(world)
    moves: list[Move] = []
    records: dict[str, RegionRecord] = {}
    pauses = dict(world.ledger.pauses)
    for region in regions:
        wave = _require_region(world, region)
        branch = world.branches.get(region)
        if branch is None:
            raise OperationRefusedError(f"{region} has no branch yet, so it cannot be rolled back")
        if branch == commit or (states.is_newer(commit, branch) and states.on_main(branch)):
            raise OperationRefusedError(f"{region} is at {branch[:10]}, which is not newer than {commit[:10]}")
        if not _has_proved(world, states, region, commit):
            raise OperationRefusedError(
                f"{region} has never passed {commit[:10]}; `regions history {region}` lists its commits"
            )
        moves.append(Move(region, wave, branch, commit, note.reason))
        record = world.ledger.region(region)
        records[region] = replace(record, at=commit, since=world.now, rolled_back_from=branch)
        pauses[wave] = replace(note, reason=f"rollback of {region}: {note.reason}")
    return LedgerChange(replace(world.ledger.with_regions(records), pauses=pauses), tuple(moves))


def rollback_targets(world: World, target: str, commit: Commit) -> list[str]:
    """The regions that a rollback takes back: the named one, or the wave's regions at a newer commit."""
    states = RegionStates(world)
    members = [name for name, wave in _waves_of(world).items() if wave == target]
    return (
        [name for name in members if states.is_newer(world.branches.get(name, ""), commit)] or members[:1] or [target]
    )


def retire(world: World, region: str, note: Note) -> LedgerChange:
    """Take a region out of every gate for good. Raises OperationRefusedError.

    The region's stack file must be gone from main. If the region had joined, its last commit must have suspended it, and have
    passed, for the wave's retirement hold.
    """
    wave = _waves_of(world).get(region)
    if wave is not None:
        raise OperationRefusedError(
            f"stacks/Pulumi.{region}.yaml is still on main, in wave {wave}: remove it first, by review"
        )
    if region not in world.branches and region not in world.ledger.regions:
        raise OperationRefusedError(f"no region is or was named {region}")
    if world.ledger.region(region).joined:
        _require_retirement_hold(world, region)
    record = replace(world.ledger.region(region), retired=note)
    return LedgerChange(world.ledger.with_regions({region: record}))


def _require_retirement_hold(world: World, region: str) -> None:
    """Raises OperationRefusedError unless the region's last commit suspended it for the retirement hold."""
    states, commit = RegionStates(world), world.branches.get(region)
    if commit is None:
        raise OperationRefusedError(
            f"the branch region/{region} is gone, so that the region's suspension cannot be proven: push the branch again"
        )
    place = _find_member(states.release(commit), region)
    if place is None or not place[1].suspended:
        raise OperationRefusedError(
            f"{region} is not suspended at {commit[:10]}: restore its stack file with `regions:suspended: true`, "
            "and remove the file once the region has that commit"
        )
    wave = place[0]
    result = states.state_of(region, commit, wave.model_copy(update={"soak": wave.retirement_hold}))
    if result.state is not State.PASSED:
        raise OperationRefusedError(
            f"{region} must be suspended for {text(wave.retirement_hold)} first, at {commit[:10]}: "
            f"{result.state}: {result.reason}"
        )


def _has_proved(world: World, states: RegionStates, region: str, commit: Commit) -> bool:
    """Whether a region has ever proved a commit by its own receipts."""
    if not states.on_main(commit):
        return False
    place = _find_member(states.release(commit), region)
    if place is None:
        return False
    wave = place[0]
    latest = states.latest_receipts(region, commit, wave, counting=False)
    return all(check in latest and latest[check].state is StatusState.SUCCESS for check in wave.checks)


def _find_member(release: Release, region: str) -> tuple[Wave, Member] | None:
    """A region's wave in a release, and the region as a member of it."""
    for wave in release.waves:
        for member in release.members.get(wave.name, ()):
            if member.name == region:
                return wave, member
    return None


def _waves_of(world: World) -> dict[str, str]:
    """Region to wave, in the newest sound commit."""
    states = RegionStates(world)
    if states.newest_sound is None:
        return {}
    by_wave = states.release(states.newest_sound).members
    return {member.name: wave for wave, members in by_wave.items() for member in members}


def _require_region(world: World, region: str) -> str:
    waves = _waves_of(world)
    if region not in waves:
        raise OperationRefusedError(f"no region is named {region}; known: {', '.join(sorted(waves))}")
    return waves[region]


def _require_wave(world: World, wave: str) -> None:
    states = RegionStates(world)
    release = states.release(states.newest_sound) if states.newest_sound else None
    names = [ALL, *(release_wave.name for release_wave in release.waves)] if release else [ALL]
    if wave not in names:
        raise OperationRefusedError(f"no wave is named {wave}; known: {', '.join(names)}")
