"""Each region's state at a commit: by its receipts, the time that it has been well, and the time that it has left. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property

from fleet import Wave
from fleet.windows import describe, is_open
from waves.rollout.model import Commit, Member, Receipt, RegionState, Release, State, StatusState, World

_FAILED = (StatusState.FAILURE, StatusState.ERROR)
"""The states of a failed check."""


class RegionStates:
    """The world with the look-ups of a plan. Each look-up runs once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._place = {commit: place for place, commit in enumerate(world.history)}
        self._receipts: dict[Commit, Mapping[tuple[str, str], Sequence[Receipt]]] = {}
        self._specials: dict[Commit, Mapping[str, Member]] = {}

    def on_main(self, commit: Commit | None) -> bool:
        """Whether a commit is on main's first-parent history."""
        return commit in self._place

    def is_newer(self, commit: Commit, other: Commit | None) -> bool:
        """Whether a commit comes after another. A commit that is not on main is older than all of main's."""
        if other is None or other not in self._place:
            return commit in self._place
        return commit in self._place and self._place[commit] < self._place[other]

    @cached_property
    def newest_sound(self) -> Commit | None:
        """The newest commit whose files make a fleet, as far as releases are known."""
        for commit in self.world.history:
            release = self.world.releases.get(commit)
            if release is None:
                return None
            if not release.problem:
                return commit
        return None

    def release(self, commit: Commit) -> Release:
        """The fleet of a commit. A commit that was not read has a problem instead of a fleet."""
        return self.world.releases.get(commit) or Release(commit, problem="not read")

    def members(self, commit: Commit, wave: str) -> tuple[Member, ...]:
        """A wave's regions in a release, without the retired ones."""
        ledger = self.world.ledger
        return tuple(m for m in self.release(commit).members.get(wave, ()) if not ledger.region(m.name).retired)

    def joined_members(self, commit: Commit, wave: str) -> list[Member]:
        """The regions that gate: one of the largest first, then the others by name."""
        ledger = self.world.ledger
        joined = [member for member in self.members(commit, wave) if ledger.region(member.name).joined]
        joined.sort(key=lambda member: member.name)
        largest = max(joined, key=lambda member: member.size, default=None)
        return [] if largest is None else [largest, *(member for member in joined if member is not largest)]

    def joining_members(self, commit: Commit, wave: str) -> list[Member]:
        """The regions that have never passed a commit."""
        ledger = self.world.ledger
        return [member for member in self.members(commit, wave) if not ledger.region(member.name).joined]

    def closed_windows(self, region: str, commit: Commit) -> str:
        """The change windows of a region that is outside of them. Empty if it may get the commit now.

        Windows count from the region's first passed commit on. Until then the region is being built, without users.
        """
        member = self._special_members(commit).get(region)
        if member is None or not self.world.ledger.region(region).joined or is_open(member.windows, self.world.now):
            return ""
        return describe(member.windows)

    def creators(self, region: str, commit: Commit, wave: Wave) -> Sequence[str]:
        """The logins whose receipts count for a region: its own app's, or those that its wave trusts."""
        member = self._special_members(commit).get(region)
        return wave.trusted(member.login if member else None)

    def _special_members(self, commit: Commit) -> Mapping[str, Member]:
        """The few regions of a release that have windows or a login of their own."""
        if commit not in self._specials:
            members = (member for wave in self.release(commit).members.values() for member in wave)
            self._specials[commit] = {member.name: member for member in members if member.windows or member.login}
        return self._specials[commit]

    def state_of(self, region: str, commit: Commit, wave: Wave) -> RegionState:
        """A region's state at its wave's target."""
        plain = self._unwaived_state(region, commit, wave)
        waiver = self.world.ledger.waivers.get((region, commit))
        if waiver is None or plain.state in (State.NEXT, State.CLOSED, State.PASSED):
            return plain
        return RegionState(region, State.PASSED, f"waived by {waiver.by}: {waiver.reason} ({plain.reason})")

    def _unwaived_state(self, region: str, commit: Commit, wave: Wave) -> RegionState:
        record, branch = self.world.ledger.region(region), self.world.branches.get(region)
        if record.rolled_back_from == commit:
            return RegionState(region, State.FAILED, "rolled back from this commit")
        if branch != commit:
            state, closed = self._state_elsewhere(region, branch, commit), self.closed_windows(region, commit)
            if closed and state.state is State.NEXT:
                return RegionState(region, State.CLOSED, f"outside of its change windows, {closed}")
            return state
        return self._state_by_receipts(region, commit, wave)

    def _state_elsewhere(self, region: str, branch: Commit | None, commit: Commit) -> RegionState:
        record = self.world.ledger.region(region)
        if branch is None:
            return RegionState(region, State.NEXT, "its branch does not exist")
        if not self.on_main(branch):
            return RegionState(region, State.ASTRAY, f"its branch is at {branch[:10]}, which is not on main")
        if record.at not in (None, branch):
            return RegionState(region, State.ASTRAY, f"its branch was moved to {branch[:10]} by another tool or person")
        if self.is_newer(branch, commit):
            return RegionState(region, State.ASTRAY, f"it is ahead, at {branch[:10]}")
        return RegionState(region, State.NEXT, f"its turn comes after others; it is at {branch[:10]}")

    def _state_by_receipts(self, region: str, commit: Commit, wave: Wave) -> RegionState:
        """The state of a region that has the commit, by its receipts."""
        record, now = self.world.ledger.region(region), self.world.now
        latest = self.latest_receipts(region, commit, wave, counting=True)
        bad = [receipt for receipt in latest.values() if receipt.state in _FAILED]
        if bad:
            reasons = "; ".join(
                f"{receipt.check} {receipt.state}: {receipt.description}".rstrip(": ") for receipt in bad
            )
            return RegionState(region, State.FAILED, reasons)
        missing = [
            check for check in wave.checks if check not in latest or latest[check].state is not StatusState.SUCCESS
        ]
        if missing:
            since = record.since or self.world.ledger.wave(wave.name).since
            reasons = "; ".join(_describe_check(check, latest.get(check)) for check in missing)
            if since is not None and now >= since + wave.deadline:
                return RegionState(region, State.LATE, f"{reasons}, past the deadline of {_format_span(wave.deadline)}")
            return RegionState(region, State.WAITING, reasons)
        # The host's clocks may differ by a second. Without a soak, no region waits for that second.
        well = max(timedelta(0), now - max(latest[check].at for check in wave.checks))
        if well < wave.soak:
            return RegionState(region, State.SOAKING, f"well for {_format_span(well)} of {_format_span(wave.soak)}")
        return RegionState(region, State.PASSED, "all receipts are there")

    def latest_receipts(self, region: str, commit: Commit, wave: Wave, *, counting: bool) -> dict[str, Receipt]:
        """Check to its latest receipt by a trusted creator. `counting`: only receipts since the region got the commit."""
        since = self.world.ledger.region(region).since if counting else None
        creators = self.creators(region, commit, wave)
        latest: dict[str, Receipt] = {}
        for check in wave.checks:
            for receipt in self._receipts_of(commit).get((region, check), ()):
                trusted = receipt.creator in creators and (since is None or receipt.at >= since)
                if trusted and (check not in latest or receipt.id > latest[check].id):
                    latest[check] = receipt
        return latest

    def untrusted_receipts(self, commit: Commit, wave: Wave) -> list[Receipt]:
        """Receipts of the wave's regions by a login that the wave does not trust."""
        names = {member.name for member in self.members(commit, wave.name)}
        return [
            receipt
            for receipt in self.world.receipts.get(commit, ())
            if receipt.region in names and receipt.creator not in self.creators(receipt.region, commit, wave)
        ]

    def proven(self, commit: Commit, wave: Wave) -> bool:
        """Whether a wave has proven a commit: every joined region has passed it. No data is never a pass."""
        record = self.world.ledger.wave(wave.name)
        members, joined = self.members(commit, wave.name), self.joined_members(commit, wave.name)
        if commit not in (record.target, record.proven):
            return False
        if not joined:
            return wave.may_be_empty and not members
        if commit != record.target:  # proven when the wave went on: only later failures count
            if wave.gate == "none":
                return True
            return commit in self.world.receipts and not self.failing_regions(commit, wave)
        states = {self.state_of(member.name, commit, wave).state for member in joined}
        if wave.gate == "none":
            return not states & {State.NEXT, State.CLOSED}
        return states == {State.PASSED}

    def failing_regions(self, commit: Commit, wave: Wave) -> list[str]:
        """The regions of a wave that failed on a commit, and have not soaked on it since, also if they have another commit now."""
        return [
            member.name
            for member in self.joined_members(commit, wave.name)
            if (member.name, commit) not in self.world.ledger.waivers
            and any(self._has_failed(member.name, commit, wave, check) for check in wave.checks)
        ]

    def _has_failed(self, region: str, commit: Commit, wave: Wave, check: str) -> bool:
        """Whether a check has failed, and has not been successful for the wave's soak time since."""
        failed, well_since = False, None
        creators = self.creators(region, commit, wave)
        for receipt in sorted(self._receipts_of(commit).get((region, check), ()), key=lambda receipt: receipt.id):
            if receipt.creator not in creators:
                continue
            if receipt.state in _FAILED:
                failed, well_since = True, None
            elif receipt.state is StatusState.SUCCESS and well_since is None:
                well_since = receipt.at
        return failed and (well_since is None or self.world.now - well_since < wave.soak)

    def _receipts_of(self, commit: Commit) -> Mapping[tuple[str, str], Sequence[Receipt]]:
        if commit not in self._receipts:
            by_check: dict[tuple[str, str], list[Receipt]] = defaultdict(list)
            for receipt in self.world.receipts.get(commit, ()):
                by_check[receipt.region, receipt.check].append(receipt)
            self._receipts[commit] = by_check
        return self._receipts[commit]


def _describe_check(check: str, receipt: Receipt | None) -> str:
    """A check that was not successful: its latest receipt, or that it has none."""
    return f"{check} {receipt.state}: {receipt.description}" if receipt else f"no receipt yet of {check}"


def _format_span(span: timedelta) -> str:
    """A time for people: `2 h 5 min`, `40 s`."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)
