"""How each region stands to a commit: what its receipts say, how long it has been well, how long it may still take. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property

from fleet import Wave
from fleet.windows import is_open, words
from waves.rollout.model import Commit, Member, Receipt, RegionState, Release, State, StatusState, World

_BAD = (StatusState.FAILURE, StatusState.ERROR)


class RegionStates:
    """The world with the look-ups that a plan needs, each made once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._place = {commit: place for place, commit in enumerate(world.history)}
        self._receipts: dict[Commit, Mapping[tuple[str, str], Sequence[Receipt]]] = {}
        self._private: dict[Commit, Mapping[str, Member]] = {}

    def on_main(self, commit: Commit | None) -> bool:
        """Whether a commit is on main's first-parent history."""
        return commit in self._place

    def newer(self, one: Commit, other: Commit | None) -> bool:
        """Whether a commit comes after another. What is not on main is older than all that is."""
        if other is None or other not in self._place:
            return one in self._place
        return one in self._place and self._place[one] < self._place[other]

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
        """What a commit says of the fleet; nothing at all if it is not known."""
        return self.world.releases.get(commit) or Release(commit, problem="not read")

    def members(self, commit: Commit, wave: str) -> tuple[Member, ...]:
        """A wave's regions in a release, those apart that have been retired."""
        ledger = self.world.ledger
        return tuple(m for m in self.release(commit).members.get(wave, ()) if not ledger.region(m.name).retired)

    def joined(self, commit: Commit, wave: str) -> list[Member]:
        """The regions that gate: one of the largest first, the others by name."""
        ledger = self.world.ledger
        known = [member for member in self.members(commit, wave) if ledger.region(member.name).joined]
        known.sort(key=lambda member: member.name)
        largest = max(known, key=lambda member: member.size, default=None)
        return [] if largest is None else [largest, *(member for member in known if member is not largest)]

    def joining(self, commit: Commit, wave: str) -> list[Member]:
        """The regions that have never passed a commit."""
        ledger = self.world.ledger
        return [member for member in self.members(commit, wave) if not ledger.region(member.name).joined]

    def closed(self, region: str, commit: Commit) -> str:
        """The change windows of a region, where it is outside of them; empty if it may be given the commit now.

        They count from its first passed commit on: until then it is being built, and nobody uses it.
        """
        member = self._of_its_own(commit).get(region)
        if member is None or not self.world.ledger.region(region).joined or is_open(member.windows, self.world.now):
            return ""
        return words(member.windows)

    def creators(self, region: str, commit: Commit, wave: Wave) -> Sequence[str]:
        """Whose receipts count for a region: its own app's, or those that its wave trusts."""
        member = self._of_its_own(commit).get(region)
        return wave.trusted(member.login if member else None)

    def _of_its_own(self, commit: Commit) -> Mapping[str, Member]:
        """The regions of a release that have windows or a login of their own: few of many."""
        if commit not in self._private:
            everybody = (member for found in self.release(commit).members.values() for member in found)
            self._private[commit] = {member.name: member for member in everybody if member.windows or member.login}
        return self._private[commit]

    def region_state(self, region: str, commit: Commit, wave: Wave) -> RegionState:
        """A region's verdict on its wave's target."""
        plain = self._without_waiver(region, commit, wave)
        waiver = self.world.ledger.waivers.get((region, commit))
        if waiver is None or plain.state in (State.NEXT, State.CLOSED, State.PASSED):
            return plain
        return RegionState(region, State.PASSED, f"waived by {waiver.by}: {waiver.reason} ({plain.reason})")

    def _without_waiver(self, region: str, commit: Commit, wave: Wave) -> RegionState:
        record, branch = self.world.ledger.region(region), self.world.branches.get(region)
        if record.rolled_back_from == commit:
            return RegionState(region, State.FAILED, "rolled back from this commit")
        if branch != commit:
            found, closed = self._elsewhere(region, branch, commit), self.closed(region, commit)
            if closed and found.state is State.NEXT:
                return RegionState(region, State.CLOSED, f"outside of its change windows, {closed}")
            return found
        return self.word(region, commit, wave)

    def _elsewhere(self, region: str, branch: Commit | None, commit: Commit) -> RegionState:
        record = self.world.ledger.region(region)
        if branch is None:
            return RegionState(region, State.NEXT, "its branch does not exist")
        if not self.on_main(branch):
            return RegionState(region, State.ASTRAY, f"its branch is at {branch[:10]}, which is not on main")
        if record.at not in (None, branch):
            return RegionState(region, State.ASTRAY, f"its branch was moved to {branch[:10]} by another hand")
        if self.newer(branch, commit):
            return RegionState(region, State.ASTRAY, f"it is ahead, at {branch[:10]}")
        return RegionState(region, State.NEXT, f"its turn comes after others; it is at {branch[:10]}")

    def word(self, region: str, commit: Commit, wave: Wave) -> RegionState:
        """What a region that has the commit says of it."""
        record, now = self.world.ledger.region(region), self.world.now
        latest = self.latest(region, commit, wave, counting=True)
        bad = [receipt for receipt in latest.values() if receipt.state in _BAD]
        if bad:
            said = "; ".join(f"{receipt.check} {receipt.state}: {receipt.description}".rstrip(": ") for receipt in bad)
            return RegionState(region, State.FAILED, said)
        missing = [
            check for check in wave.checks if check not in latest or latest[check].state is not StatusState.SUCCESS
        ]
        if missing:
            since = record.since or self.world.ledger.wave(wave.name).since
            owed = "; ".join(_owed(check, latest.get(check)) for check in missing)
            if since is not None and now >= since + wave.deadline:
                return RegionState(region, State.LATE, f"{owed}, past the deadline of {_words(wave.deadline)}")
            return RegionState(region, State.WAITING, owed)
        # The host's clocks may differ by a second: without a soak that is nothing to wait for.
        well = max(timedelta(0), now - max(latest[check].at for check in wave.checks))
        if well < wave.soak:
            return RegionState(region, State.SOAKING, f"well for {_words(well)} of {_words(wave.soak)}")
        return RegionState(region, State.PASSED, "all receipts are there")

    def latest(self, region: str, commit: Commit, wave: Wave, *, counting: bool) -> dict[str, Receipt]:
        """Check to the last receipt of it by a trusted creator; `counting`: of those since the region has the commit."""
        since = self.world.ledger.region(region).since if counting else None
        creators = self.creators(region, commit, wave)
        found: dict[str, Receipt] = {}
        for check in wave.checks:
            for receipt in self._of(commit).get((region, check), ()):
                trusted = receipt.creator in creators and (since is None or receipt.at >= since)
                if trusted and (check not in found or receipt.id > found[check].id):
                    found[check] = receipt
        return found

    def distrusted(self, commit: Commit, wave: Wave) -> list[Receipt]:
        """Receipts of the wave's regions by somebody whom it does not trust."""
        names = {member.name for member in self.members(commit, wave.name)}
        return [
            receipt
            for receipt in self.world.receipts.get(commit, ())
            if receipt.region in names and receipt.creator not in self.creators(receipt.region, commit, wave)
        ]

    def proven(self, commit: Commit, wave: Wave) -> bool:
        """Whether a wave has proven a commit: every joined region has passed it. No data is never a pass."""
        record = self.world.ledger.wave(wave.name)
        members, joined = self.members(commit, wave.name), self.joined(commit, wave.name)
        if commit not in (record.target, record.proven):
            return False
        if not joined:
            return wave.may_be_empty and not members
        if commit != record.target:  # proven when the wave went on; what has failed since counts
            if wave.gate == "none":
                return True
            return commit in self.world.receipts and not self.failed_since(commit, wave)
        states = {self.region_state(member.name, commit, wave).state for member in joined}
        if wave.gate == "none":
            return not states & {State.NEXT, State.CLOSED}
        return states == {State.PASSED}

    def failed_since(self, commit: Commit, wave: Wave) -> list[str]:
        """The regions of a wave that failed on a commit last, or have not soaked since, whatever they have now."""
        return [
            member.name
            for member in self.joined(commit, wave.name)
            if (member.name, commit) not in self.world.ledger.waivers
            and any(self._unwell(member.name, commit, wave, check) for check in wave.checks)
        ]

    def _unwell(self, region: str, commit: Commit, wave: Wave, check: str) -> bool:
        """Whether a check has failed, and has not been well for the wave's soak time since."""
        failed, well_since = False, None
        creators = self.creators(region, commit, wave)
        for receipt in sorted(self._of(commit).get((region, check), ()), key=lambda receipt: receipt.id):
            if receipt.creator not in creators:
                continue
            if receipt.state in _BAD:
                failed, well_since = True, None
            elif receipt.state is StatusState.SUCCESS and well_since is None:
                well_since = receipt.at
        return failed and (well_since is None or self.world.now - well_since < wave.soak)

    def _of(self, commit: Commit) -> Mapping[tuple[str, str], Sequence[Receipt]]:
        if commit not in self._receipts:
            sorted_out: dict[tuple[str, str], list[Receipt]] = defaultdict(list)
            for receipt in self.world.receipts.get(commit, ()):
                sorted_out[receipt.region, receipt.check].append(receipt)
            self._receipts[commit] = sorted_out
        return self._receipts[commit]


def _owed(check: str, receipt: Receipt | None) -> str:
    """What is missing of a check: any word, or the last one."""
    return f"{check} {receipt.state}: {receipt.description}" if receipt else f"no receipt yet of {check}"


def _words(span: timedelta) -> str:
    """A time for people: `2 h 5 min`, `40 s`."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)
