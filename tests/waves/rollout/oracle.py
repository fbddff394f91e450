"""The oracle: after a push, whether a rule of the rollout was broken. It shares no code with the plan.

It goes by what was posted, who was given what, and when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet import Wave
from tests.waves.rollout.memory import TRUSTED
from waves.rollout.conductor import Pass
from waves.rollout.model import Commit, Member, Move, Receipt, Release, StatusState

SECOND = timedelta(seconds=1)


@dataclass
class Seen:
    """The world when a conductor read it."""

    history: list[Commit]
    branches: dict[str, Commit]
    statuses: dict[Commit, list[Receipt]]
    given: dict[tuple[str, Commit], datetime]
    left: dict[tuple[str, Commit], datetime]
    done: frozenset[tuple[str, Commit]]
    """Region and commit that it had proved when its wave went on, or the next wave took it: to say so again does not undo it."""
    prepared: Pass


def judge(releases: Mapping[Commit, Release], seen: Seen) -> None:
    """Hold a push against every rule, as the world was when it was read."""
    world, plan = seen.prepared.world, seen.prepared.plan
    ledger = world.ledger
    for move in plan.moves:
        release = releases[move.new]
        assert move.new in seen.history, "rule 1: only main's history"
        assert not release.problem, "rule 1: a broken commit goes nowhere"
        members = [m.name for m in release.members.get(move.wave, ())]
        assert move.region in members, "rule 1: the release says who is in the wave"
        assert not {move.wave, "all"} & set(ledger.pauses), "rule 6: a pause holds"
        if move.old is not None:
            assert move.old in seen.history, "rule 4: forward only"
            assert seen.history.index(move.old) > seen.history.index(move.new), "rule 4: forward only"
        before = release.before(move.wave)
        if before is not None:
            _proven(seen, release, before)
        _turn(seen, release, move)
    for name, record in plan.ledger.waves.items():
        old = ledger.wave(name).target
        if record.target != old and old in seen.history:
            _settled(releases, seen, old, name)
            assert old is not None
            assert record.target is not None
            assert seen.history.index(record.target) < seen.history.index(old), "rule 2: a target goes forward"
    for name, joined in plan.ledger.regions.items():
        if joined.joined and not ledger.region(name).joined:
            release = releases[joined.joined]
            policy = next(w for w in release.waves if any(m.name == name for m in release.members[w.name]))
            assert _well(seen, name, joined.joined, policy, soak=False), "rule 7: joined by passing once"


def proved_and_left(releases: Mapping[Commit, Release], seen: Seen) -> set[tuple[str, Commit]]:
    """What regions had proved of the commits that a pass took them on from, or gave to the wave after theirs."""
    found = set()
    for move in seen.prepared.plan.moves:
        if move.old is not None:
            found |= had_proved(releases, seen, move.region)
        before = releases[move.new].before(move.wave)
        if before is not None:
            found |= {(member.name, move.new) for member in _joined(seen, releases[move.new], before.name)}
    return found


def had_proved(releases: Mapping[Commit, Release], seen: Seen, region: str) -> set[tuple[str, Commit]]:
    """A region with the commit that it has, if it has proved that one to its wave."""
    commit = seen.branches.get(region)
    if commit is None:
        return set()
    release = releases[commit]
    wave = next((w for w in release.waves if any(m.name == region for m in release.members.get(w.name, ()))), None)
    return {(region, commit)} if wave and _well(seen, region, commit, wave) else set()


def _joined(seen: Seen, release: Release, wave: str) -> list[Member]:
    ledger = seen.prepared.world.ledger
    found = [m for m in release.members.get(wave, ()) if not ledger.region(m.name).retired]
    return [m for m in found if ledger.region(m.name).joined]


def _said(seen: Seen, region: str, commit: Commit, check: str, until: datetime) -> list[tuple[datetime, StatusState]]:
    found = seen.statuses.get(commit, [])
    return [
        (r.at, r.state) for r in found if (r.region, r.check, r.creator) == (region, check, TRUSTED) and r.at <= until
    ]  # type: ignore[attr-defined]


def _well(seen: Seen, region: str, commit: Commit, policy: Wave, *, soak: bool = True) -> bool:
    """Whether a region, while it had a commit, said that all was well, for long enough."""
    if (region, commit) in seen.prepared.world.ledger.waivers:
        return True
    now = seen.prepared.world.now
    until = min(now, seen.left.get((region, commit), now))
    since = seen.given.get((region, commit))
    last: list[datetime] = []
    for check in policy.checks:
        said = [(at, state) for at, state in _said(seen, region, commit, check, until) if since is None or at >= since]
        if not said or said[-1][1] is not StatusState.SUCCESS:
            return False
        last.append(said[-1][0])
    return not soak or until - max(last) >= policy.soak


def _bad(seen: Seen, region: str, commit: Commit, policy: Wave) -> bool:
    """Whether a check failed, and has not soaked since."""
    now = seen.prepared.world.now
    for check in policy.checks:
        said = _said(seen, region, commit, check, now)
        bad = [place for place, (_, state) in enumerate(said) if state in (StatusState.FAILURE, StatusState.ERROR)]
        well = [at for at, state in said[bad[-1] :] if state is StatusState.SUCCESS] if bad else [datetime.min]
        if not well or (bad and now - well[0] < policy.soak):
            return True
    return False


def _proven(seen: Seen, release: Release, before: Wave) -> None:
    joined = _joined(seen, release, before.name)
    ledger = seen.prepared.world.ledger
    everybody = release.members.get(before.name, ())
    if not joined and everybody and all((m.name, release.commit) in seen.done for m in everybody):
        return  # all had proved it when the wave took it, and have been retired since
    if not joined:
        there = [m for m in everybody if not ledger.region(m.name).retired]
        assert before.may_be_empty, "rule 3: no data is never a pass"
        assert not there, "rule 7: a wave of regions that never passed proves nothing"
        return
    for member in joined:
        if before.gate == "none":
            assert (member.name, release.commit) in seen.given, "rule 3: a wave without a gate has the commit first"
            continue
        proved = (member.name, release.commit) in seen.done or _well(seen, member.name, release.commit, before)
        assert proved, f"rule 3: {member.name} did not prove it"
        waived = (member.name, release.commit) in ledger.waivers
        assert waived or not _bad(seen, member.name, release.commit, before), "rule 3: a failure takes proof back"


def _settled(releases: Mapping[Commit, Release], seen: Seen, target: Commit | None, wave: str) -> None:
    assert target is not None
    release = releases[target]
    policy = release.wave(wave)
    if policy is None or (policy.gate == "none" and len(policy.cohorts) == 1):
        return
    world = seen.prepared.world
    for member in _joined(seen, release, wave):
        if seen.branches.get(member.name) != target:
            continue
        since = seen.given.get((member.name, target))
        late = since is None or world.now >= since + policy.deadline - 2 * SECOND
        words = [_said(seen, member.name, target, check, world.now)[-1:] for check in policy.checks]
        silent = not all(
            word and word[0][1] is StatusState.SUCCESS and (since is None or word[0][0] >= since) for word in words
        )
        done = _well(seen, member.name, target, policy) or _bad(seen, member.name, target, policy)
        assert done or (silent and late) or world.ledger.region(member.name).rolled_back_from == target, (
            f"rule 2: {member.name} had not settled at {target[:5]}"
        )


def _shut(seen: Seen, member: Member) -> bool:
    """Whether a region's windows, which are on every day in UTC here, are all closed."""
    clock = seen.prepared.world.now.time()
    return bool(member.windows) and not any(window.start <= clock < window.end for window in member.windows)


def _turn(seen: Seen, release: Release, move: Move) -> None:
    """Cohorts: each step waits for the one before to pass; the first has one of the largest regions."""
    policy = release.wave(move.wave)
    assert policy is not None
    joined = sorted(_joined(seen, release, move.wave), key=lambda m: m.name)
    shut = [m.name for m in joined if seen.branches.get(m.name) != release.commit and _shut(seen, m)]
    assert move.region not in shut, "windows: a region is changed outside of its own"
    joined = [m for m in joined if m.name not in shut]  # nobody waits for who may not be changed now
    if move.region not in [m.name for m in joined]:
        return
    largest = max(joined, key=lambda m: m.size)
    order = [largest.name, *(m.name for m in joined if m is not largest)]
    done = 0
    for size in policy.steps(len(order)):
        if move.region in order[:size]:
            break
        done = size
    for name in order[:done]:
        assert _well(seen, name, release.commit, policy), f"cohorts: {name} came first and has not passed"
