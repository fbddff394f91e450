"""A git host in memory: main, branches, ledger, commit statuses and a clock. Fast enough for a hundred thousand steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fleet import Wave
from waves.rollout.conductor import Snapshot
from waves.rollout.model import Commit, Ledger, Member, Move, Receipt, Release, StatusState

TRUSTED = "regions-receipts[bot]"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def wave(name: str, **settings: object) -> Wave:
    """A wave that trusts TRUSTED and requires both checks, unless `settings` differ."""
    values = {
        "production": False,
        "trustedStatusCreators": [TRUSTED],
        "deadline": "30m",
        "retirementHold": "10m",
        **settings,
    }
    return Wave.model_validate({"name": name, **values})


@dataclass
class MemoryHost:
    """Both sides of a host, git and statuses."""

    history: list[Commit] = field(default_factory=list)
    """Main, the newest first."""
    releases: dict[Commit, Release] = field(default_factory=dict)
    branches: dict[str, Commit] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    tip: int = 0
    statuses: dict[Commit, list[Receipt]] = field(default_factory=dict)
    clock: datetime = START
    requests: list[set[Commit]] = field(default_factory=list)
    """The commits whose receipts were requested, call by call."""
    _count: int = 0

    def commit(self, waves: Sequence[Wave], members: Mapping[str, Sequence[str | Member]], problem: str = "") -> Commit:
        """Put a commit with this fleet on main."""
        self._count += 1
        commit = f"c{self._count:04d}".ljust(40, "0")
        fleet = {
            name: tuple(m if isinstance(m, Member) else Member(m, 3) for m in regions)
            for name, regions in members.items()
        }
        self.releases[commit] = Release(commit, tuple(waves), fleet, problem)
        self.history.insert(0, commit)
        return commit

    def post_statuses(
        self, region: str, commit: Commit, state: StatusState = StatusState.SUCCESS, checks: Sequence[str] = ("apps", "infra"),
        creator: str = TRUSTED,
    ) -> None:  # fmt: skip
        """Post statuses."""
        for check in checks:
            self._count += 1
            receipt = Receipt(region, check, state, creator, self.clock, self._count)
            self.statuses.setdefault(commit, []).append(receipt)

    def wait(self, span: timedelta) -> None:
        """Let time pass."""
        self.clock += span

    # The methods of conductor.Refs and conductor.Receipts

    def snapshot(self) -> Snapshot:
        """Main, the branches and the ledger at this moment."""
        return Snapshot(tuple(self.history), dict(self.branches), self.ledger, str(self.tip))

    def release(self, commit: Commit) -> Release:
        """The fleet of a commit."""
        return self.releases[commit]

    def push(self, moves: Sequence[Move], ledger: Ledger, tip: str | None, subject: str) -> bool:
        """All or nothing, under leases, as `git push --atomic --force-with-lease` is."""
        if tip != str(self.tip) or any(self.branches.get(move.region) != move.old for move in moves):
            return False
        self.branches |= {move.region: move.new for move in moves}
        self.ledger, self.tip = ledger, self.tip + 1
        return True

    def of(self, commits: set[Commit]) -> Mapping[Commit, Sequence[Receipt]]:
        """All receipts on these commits."""
        self.requests.append(set(commits))
        return {commit: tuple(self.statuses.get(commit, ())) for commit in commits}

    def now(self) -> datetime:
        """The host's clock."""
        return self.clock
