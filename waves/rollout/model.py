"""The input of a plan (`World`), and the plan. Plain values: no git, no network, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from fleet import Wave, Window

Commit = str
"""A full commit id."""


@dataclass(frozen=True)
class Member:
    """A region as a release has it."""

    name: str
    size: int
    """Nodes at most, in all its pools: the damage that a bad commit can do."""
    suspended: bool = False
    """Whether the region runs no pod before it is retired, so that its users notice."""
    windows: tuple[Window, ...] = ()
    """When the region may be changed once it has joined. Empty: at any time."""
    login: str = ""
    """The only login whose receipts count for the region. Empty: the wave's trusted creators' receipts count."""


@dataclass(frozen=True)
class Release:
    """The fleet of a commit: its waves in order, and each wave's regions. Read from the commit, not from a server."""

    commit: Commit
    waves: tuple[Wave, ...] = ()
    members: Mapping[str, tuple[Member, ...]] = field(default_factory=dict)
    """Wave to its regions."""
    problem: str = ""
    """Why the commit's files make no fleet. Empty if they do. A commit with a problem reaches no region."""

    def wave(self, name: str) -> Wave | None:
        """A wave by its name."""
        return next((wave for wave in self.waves if wave.name == name), None)

    def before(self, name: str) -> Wave | None:
        """The wave before another. None before the first."""
        names = [wave.name for wave in self.waves]
        place = names.index(name) if name in names else 0
        return self.waves[place - 1] if place else None


class StatusState(StrEnum):
    """A commit status's state, as GitHub names it."""

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    PENDING = "pending"


@dataclass(frozen=True)
class Receipt:
    """A commit status of one region and check, on one commit."""

    region: str
    check: str
    state: StatusState
    creator: str
    """The login that posted it."""
    at: datetime
    """When the git host took it, by the host's clock."""
    id: int
    """Grows with each status of the host: the later of two statuses has the greater id."""
    description: str = ""


@dataclass(frozen=True)
class Note:
    """The author, time and reason of an operation."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class WaveRecord:
    """The ledger's record of a wave."""

    target: Commit | None = None
    """The commit that the wave is at, or on its way to."""
    since: datetime | None = None
    """When the wave took that target."""
    proven: Commit | None = None
    """The newest earlier target that the wave had proven when it went on."""


@dataclass(frozen=True)
class RegionRecord:
    """The ledger's record of a region."""

    at: Commit | None = None
    """The commit that its branch was last moved to by this project's tools."""
    since: datetime | None = None
    """When the branch moved, or the latest `retry`. Earlier receipts do not count. None: all receipts count."""
    joined: Commit | None = None
    """The first commit that the region passed. Until then the region gates no other."""
    rolled_back_from: Commit | None = None
    """The commit that the latest rollback took the region from."""
    retired: Note | None = None
    """Set when the region was retired: it belongs to no wave any longer."""


@dataclass(frozen=True)
class Ledger:
    """The records that git keeps under refs/waves/ledger, beside the branches."""

    waves: Mapping[str, WaveRecord] = field(default_factory=dict)
    regions: Mapping[str, RegionRecord] = field(default_factory=dict)
    pauses: Mapping[str, Note] = field(default_factory=dict)
    """Wave, or `all`, to the pause's reason."""
    waivers: Mapping[tuple[str, Commit], Note] = field(default_factory=dict)
    """Region and commit to the waiver's reason."""

    def wave(self, name: str) -> WaveRecord:
        """A wave's record, or an empty one."""
        return self.waves.get(name, WaveRecord())

    def region(self, name: str) -> RegionRecord:
        """A region's record, or an empty one."""
        return self.regions.get(name, RegionRecord())

    def with_wave(self, name: str, record: WaveRecord) -> Ledger:
        """The ledger with another record of a wave."""
        return replace(self, waves={**self.waves, name: record})

    def with_regions(self, records: Mapping[str, RegionRecord]) -> Ledger:
        """The ledger with other records of some regions."""
        return replace(self, regions={**self.regions, **records}) if records else self


ALL = "all"
"""The word that pauses every wave."""


@dataclass(frozen=True)
class World:
    """The whole input of a plan."""

    history: Sequence[Commit]
    """Main's first-parent history, the newest first, back to the oldest target at least."""
    releases: Mapping[Commit, Release]
    """At least the releases of main's head and of every target (`planner.releases_needed`)."""
    branches: Mapping[str, Commit]
    """Region to the commit that its branch is at."""
    receipts: Mapping[Commit, Sequence[Receipt]]
    """At least those of `planner.receipts_needed`. A commit that is missing here has proved nothing."""
    ledger: Ledger
    now: datetime
    """The git host's clock, by which receipts are stamped too."""


class State(StrEnum):
    """A region's state at its wave's target."""

    PASSED = "passed"
    SOAKING = "soaking"
    WAITING = "waiting"
    """A receipt is missing, of one check at least."""
    FAILED = "failed"
    LATE = "late"
    """A receipt is missing, and the deadline has passed."""
    NEXT = "next"
    """In a later cohort: the region does not have the commit yet."""
    CLOSED = "closed"
    """Outside of its change windows: the region does not have the commit yet."""
    ASTRAY = "astray"
    """The region's branch is not where this project's tools put it."""
    JOINING = "joining"
    """The region has never passed a commit: it gates no other."""

    @property
    def settled(self) -> bool:
        """Whether waiting longer would change nothing."""
        return self in (State.PASSED, State.FAILED, State.LATE, State.ASTRAY)


@dataclass(frozen=True)
class RegionState:
    """A region's state, with the reason in words."""

    region: str
    state: State
    reason: str


@dataclass(frozen=True)
class Move:
    """One branch to be moved, from where it must be now."""

    region: str
    wave: str
    old: Commit | None
    """None: the branch does not exist, and is created."""
    new: Commit
    reason: str


@dataclass(frozen=True)
class Hold:
    """The reason why a wave does not go further now."""

    wave: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The moves of one pass, and the reasons why other branches do not move."""

    moves: tuple[Move, ...] = ()
    holds: tuple[Hold, ...] = ()
    warnings: tuple[str, ...] = ()
    """Findings for a person: forged receipts, branches moved by other tools."""
    region_states: Mapping[str, tuple[RegionState, ...]] = field(default_factory=dict)
    """Wave to its regions' states. A wave without a target has none."""
    ledger: Ledger = field(default_factory=Ledger)
    """The ledger after the moves."""
