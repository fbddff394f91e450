"""A rollout as data for people and programs: what `regions status` and `regions plan` show. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fleet import Wave
from waves.rollout.ledger import iso
from waves.rollout.model import Commit, Move, Plan, RegionState, State, World
from waves.rollout.region_states import RegionStates


def status(world: World, plan: Plan) -> dict[str, Any]:
    """Waves in order, each with its target, its regions' standings, and why it waits."""
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


def moves(made: Iterable[Move]) -> list[dict[str, Any]]:
    """Branches that move."""
    return [{"region": m.region, "wave": m.wave, "from": m.old, "to": m.new, "reason": m.reason} for m in made]


def still_needs(world: World, commit: Commit) -> list[dict[str, Any]]:
    """What a commit needs, wave by wave, before the last region may have it."""
    states = RegionStates(world)
    steps: list[dict[str, Any]] = []
    for wave in states.release(commit).waves:
        record, joined = world.ledger.wave(wave.name), states.joined(commit, wave.name)
        if commit == record.target:
            said = [states.region_state(member.name, commit, wave) for member in joined]
            open_ = [f"{s.region}: {s.reason}" for s in said if s.state is not State.PASSED]
            state = "proven" if states.proven(commit, wave) else "under way"
            steps.append({"wave": wave.name, "state": state, "needs": open_})
        elif record.target and states.newer(record.target, commit):
            proven = commit == record.proven and states.proven(commit, wave)
            steps.append({"wave": wave.name, "state": "proven" if proven else "passed over", "needs": []})
        else:
            names = [member.name for member in joined]
            owed = [f"{name}: {', '.join(wave.checks)}" for name in names] if wave.gate == "required" else []
            steps.append({"wave": wave.name, "state": "not there yet", "needs": owed})
    return steps


def age(since: datetime | None, now: datetime) -> str:
    """How long ago, in one word: `40s`, `12m`, `3h`, `2d`."""
    if since is None:
        return "-"
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _region(world: World, states: RegionStates, policy: Wave, region_state: RegionState) -> dict[str, Any]:
    """A region's row: its last word on each check, of those that count at the commit that it has."""
    record, commit = world.ledger.region(region_state.region), world.branches.get(region_state.region)
    latest = states.latest(region_state.region, commit, policy, counting=True) if commit else {}
    return {
        "region": region_state.region,
        "commit": commit,
        "age": age(record.since, world.now),
        "receipts": {
            check: {"state": str(said.state), "at": iso(said.at), "by": said.creator, "description": said.description}
            for check, said in latest.items()
        },
        "verdict": str(region_state.state),
        "reason": region_state.reason,
    }
