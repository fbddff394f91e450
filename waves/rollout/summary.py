"""A rollout as data for people and programs: the contents of `regions status` and `regions plan`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fleet import Wave
from waves.rollout.ledger import iso
from waves.rollout.model import Commit, Move, Plan, RegionState, State, World
from waves.rollout.region_states import RegionStates


def status(world: World, plan: Plan) -> dict[str, Any]:
    """Waves in order, each with its target, its regions' states, and why it waits."""
    states = RegionStates(world)
    order = states.release(states.newest_sound).waves if states.newest_sound else ()
    waves = []
    for wave in order:
        record = world.ledger.wave(wave.name)
        target = record.target
        policy = (states.release(target).wave(wave.name) if target else None) or wave
        waves.append(
            {
                "wave": wave.name,
                "gate": policy.gate,
                "target": target,
                "since": record.since and iso(record.since),
                "proven": bool(target and states.proven(target, policy)),
                "regions": [
                    _region(world, states, policy, region_state)
                    for region_state in plan.region_states.get(wave.name, ())
                ],
                "holds": [hold.reason for hold in plan.holds if hold.wave == wave.name],
            }
        )
    return {
        "main": world.history[0] if world.history else None,
        "at": iso(world.now),
        "waves": waves,
        "holds": [hold.reason for hold in plan.holds if hold.wave not in {wave.name for wave in order}],
        "warnings": list(plan.warnings),
    }


def moves(moves: Iterable[Move]) -> list[dict[str, Any]]:
    """Branches that move."""
    return [{"region": m.region, "wave": m.wave, "from": m.old, "to": m.new, "reason": m.reason} for m in moves]


def still_needs(world: World, commit: Commit) -> list[dict[str, Any]]:
    """A commit's remaining steps, wave by wave, until the last region may have it."""
    states = RegionStates(world)
    steps: list[dict[str, Any]] = []
    for wave in states.release(commit).waves:
        record, joined = world.ledger.wave(wave.name), states.joined_members(commit, wave.name)
        if commit == record.target:
            region_states = [states.state_of(member.name, commit, wave) for member in joined]
            open_ = [f"{s.region}: {s.reason}" for s in region_states if s.state is not State.PASSED]
            state = "proven" if states.proven(commit, wave) else "under way"
            steps.append({"wave": wave.name, "state": state, "needs": open_})
        elif record.target and states.is_newer(record.target, commit):
            proven = commit == record.proven and states.proven(commit, wave)
            steps.append({"wave": wave.name, "state": "proven" if proven else "passed over", "needs": []})
        else:
            names = [member.name for member in joined]
            needs = [f"{name}: {', '.join(wave.checks)}" for name in names] if wave.gate == "required" else []
            steps.append({"wave": wave.name, "state": "not there yet", "needs": needs})
    return steps


def age(since: datetime | None, now: datetime) -> str:
    """The time since then, in one word: `40s`, `12m`, `3h`, `2d`."""
    if since is None:
        return "-"
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _region(world: World, states: RegionStates, policy: Wave, region_state: RegionState) -> dict[str, Any]:
    """A region's row, with the latest counting receipt of each check at the region's commit."""
    record, commit = world.ledger.region(region_state.region), world.branches.get(region_state.region)
    receipts = states.latest_receipts(region_state.region, commit, policy, counting=True) if commit else {}
    return {
        "region": region_state.region,
        "commit": commit,
        "age": age(record.since, world.now),
        "receipts": {
            check: {
                "state": str(receipt.state),
                "at": iso(receipt.at),
                "by": receipt.creator,
                "description": receipt.description,
            }
            for check, receipt in receipts.items()
        },
        "state": str(region_state.state),
        "reason": region_state.reason,
    }
