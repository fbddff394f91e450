"""The oracle: after a push, whether a rule of the rollout was broken. The oracle shares no code with the plan.

The oracle follows the posted statuses, and the times at which each region got and lost a commit.
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
class Observation:
    """The world when a conductor read it."""

    history: list[Commit]
    branches: dict[str, Commit]
    statuses: dict[Commit, list[Receipt]]
    arrivals: dict[tuple[str, Commit], datetime]
    departures: dict[tuple[str, Commit], datetime]
    proofs: frozenset[tuple[str, Commit]]
    """Region and commit that the region had proved when its wave went on, or the next wave took the commit.
    Another success does not undo the proof."""
    prepared: Pass


def judge(releases: Mapping[Commit, Release], observation: Observation) -> None:
    """Check a push against every rule, as the world was when the conductor read it."""
    world, plan = observation.prepared.world, observation.prepared.plan
    ledger = world.ledger
    for move in plan.moves:
        release = releases[move.new]
        assert move.new in observation.history, "rule 1: only main's history"
        assert not release.problem, "rule 1: a broken commit goes nowhere"
        members = [m.name for m in release.members.get(move.wave, ())]
        assert move.region in members, "rule 1: the release lists the wave's regions"
        assert not {move.wave, "all"} & set(ledger.pauses), "rule 7: a pause holds"
        if move.old is not None:
            assert move.old in observation.history, "rule 5: forward only"
            assert observation.history.index(move.old) > observation.history.index(move.new), "rule 5: forward only"
        before = release.before(move.wave)
        if before is not None:
            _check_proof(observation, release, before)
        _check_cohorts(observation, release, move)
    for name, record in plan.ledger.waves.items():
        old = ledger.wave(name).target
        if record.target != old and old in observation.history:
            _check_settled(releases, observation, old, name)
            assert old is not None
            assert record.target is not None
            assert observation.history.index(record.target) < observation.history.index(old), (
                "rule 2: a target goes forward"
            )
    for name, joined in plan.ledger.regions.items():
        if joined.joined and not ledger.region(name).joined:
            release = releases[joined.joined]
            policy = next(w for w in release.waves if any(m.name == name for m in release.members[w.name]))
            assert _has_passed(observation, name, joined.joined, policy, soak=False), "rule 8: joined by passing once"


def proved_and_left(releases: Mapping[Commit, Release], observation: Observation) -> set[tuple[str, Commit]]:
    """The proofs of a pass: of commits that regions move on from, and of commits that the next wave takes."""
    proofs = set()
    for move in observation.prepared.plan.moves:
        if move.old is not None:
            proofs |= had_proved(releases, observation, move.region)
        before = releases[move.new].before(move.wave)
        if before is not None:
            proofs |= {(member.name, move.new) for member in _joined(observation, releases[move.new], before.name)}
    return proofs


def had_proved(releases: Mapping[Commit, Release], observation: Observation, region: str) -> set[tuple[str, Commit]]:
    """A region with its present commit, if the region has proved that commit to its wave."""
    commit = observation.branches.get(region)
    if commit is None:
        return set()
    release = releases[commit]
    wave = next((w for w in release.waves if any(m.name == region for m in release.members.get(w.name, ()))), None)
    return {(region, commit)} if wave and _has_passed(observation, region, commit, wave) else set()


def _joined(observation: Observation, release: Release, wave: str) -> list[Member]:
    ledger = observation.prepared.world.ledger
    members = [m for m in release.members.get(wave, ()) if not ledger.region(m.name).retired]
    return [m for m in members if ledger.region(m.name).joined]


def _statuses_until(
    observation: Observation, region: str, commit: Commit, check: str, until: datetime
) -> list[tuple[datetime, StatusState]]:
    receipts = observation.statuses.get(commit, [])
    return [
        (r.at, r.state)
        for r in receipts
        if (r.region, r.check, r.creator) == (region, check, TRUSTED) and r.at <= until
    ]  # type: ignore[attr-defined]


def _has_passed(observation: Observation, region: str, commit: Commit, policy: Wave, *, soak: bool = True) -> bool:
    """Whether a region passed a commit while the region had it, for long enough."""
    if (region, commit) in observation.prepared.world.ledger.waivers:
        return True
    now = observation.prepared.world.now
    until = min(now, observation.departures.get((region, commit), now))
    since = observation.arrivals.get((region, commit))
    last: list[datetime] = []
    for check in policy.checks:
        statuses = [
            (at, state)
            for at, state in _statuses_until(observation, region, commit, check, until)
            if since is None or at >= since
        ]
        if not statuses or statuses[-1][1] is not StatusState.SUCCESS:
            return False
        last.append(statuses[-1][0])
    return not soak or until - max(last) >= policy.soak


def _has_failed(observation: Observation, region: str, commit: Commit, policy: Wave) -> bool:
    """Whether a check failed, and has not soaked since."""
    now = observation.prepared.world.now
    for check in policy.checks:
        statuses = _statuses_until(observation, region, commit, check, now)
        bad = [place for place, (_, state) in enumerate(statuses) if state in (StatusState.FAILURE, StatusState.ERROR)]
        well = [at for at, state in statuses[bad[-1] :] if state is StatusState.SUCCESS] if bad else [datetime.min]
        if not well or (bad and now - well[0] < policy.soak):
            return True
    return False


def _check_proof(observation: Observation, release: Release, before: Wave) -> None:
    joined = _joined(observation, release, before.name)
    ledger = observation.prepared.world.ledger
    members = release.members.get(before.name, ())
    if not joined and members and all((m.name, release.commit) in observation.proofs for m in members):
        return  # all regions had proved the commit when the wave took it, and were retired since
    if not joined:
        remaining = [m for m in members if not ledger.region(m.name).retired]
        assert before.may_be_empty, "rule 3: no data is never a pass"
        assert not remaining, "rule 8: a wave of regions that never passed proves nothing"
        return
    for member in joined:
        if before.gate == "none":
            assert (member.name, release.commit) in observation.arrivals, (
                "rule 3: a wave without a gate has the commit first"
            )
            continue
        proved = (member.name, release.commit) in observation.proofs or _has_passed(
            observation, member.name, release.commit, before
        )
        assert proved, f"rule 3: {member.name} did not prove it"
        waived = (member.name, release.commit) in ledger.waivers
        assert waived or not _has_failed(observation, member.name, release.commit, before), (
            "rule 4: a failure takes proof back"
        )


def _check_settled(
    releases: Mapping[Commit, Release], observation: Observation, target: Commit | None, wave: str
) -> None:
    assert target is not None
    release = releases[target]
    policy = release.wave(wave)
    if policy is None or (policy.gate == "none" and len(policy.cohorts) == 1):
        return
    world = observation.prepared.world
    for member in _joined(observation, release, wave):
        if observation.branches.get(member.name) != target:
            continue
        since = observation.arrivals.get((member.name, target))
        late = since is None or world.now >= since + policy.deadline - 2 * SECOND
        latest = [_statuses_until(observation, member.name, target, check, world.now)[-1:] for check in policy.checks]
        silent = not all(
            status and status[0][1] is StatusState.SUCCESS and (since is None or status[0][0] >= since)
            for status in latest
        )
        decided = _has_passed(observation, member.name, target, policy) or _has_failed(
            observation, member.name, target, policy
        )
        assert decided or (silent and late) or world.ledger.region(member.name).rolled_back_from == target, (
            f"rule 2: {member.name} had not settled at {target[:5]}"
        )


def _is_closed(observation: Observation, member: Member) -> bool:
    """Whether a region's windows, which are on every day in UTC here, are all closed."""
    clock = observation.prepared.world.now.time()
    return bool(member.windows) and not any(window.start <= clock < window.end for window in member.windows)


def _check_cohorts(observation: Observation, release: Release, move: Move) -> None:
    """Cohorts: each step waits for the one before to pass. The first step has one of the largest regions."""
    policy = release.wave(move.wave)
    assert policy is not None
    joined = sorted(_joined(observation, release, move.wave), key=lambda m: m.name)
    closed = [
        m.name for m in joined if observation.branches.get(m.name) != release.commit and _is_closed(observation, m)
    ]
    assert move.region not in closed, "windows: a region is changed outside of its own"
    joined = [m for m in joined if m.name not in closed]  # no cohort waits for a closed region
    if move.region not in [m.name for m in joined]:
        return
    largest = max(joined, key=lambda m: m.size)
    order = [largest.name, *(m.name for m in joined if m is not largest)]
    earlier = 0
    for size in policy.steps(len(order)):
        if move.region in order[:size]:
            break
        earlier = size
    for name in order[:earlier]:
        assert _has_passed(observation, name, release.commit, policy), f"cohorts: {name} came first and has not passed"
