"""What the rollout is planned from, and what a plan is. Plain values: no git, no network, no clock."""

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
    """Nodes at most, in all its pools: the measure of what a bad commit can take down."""
    asleep: bool = False
    """Whether it runs no pod, to see who misses it."""
    windows: tuple[Window, ...] = ()
    """When it may be changed, once it has joined; at any time, if there is none."""
    login: str = ""
    """Whose receipts alone count for it; those of the wave's creators, if it is empty."""


@dataclass(frozen=True)
class Release:
    """What a commit says of the fleet: its waves in order, and who is in each. Read from the commit, not from a server."""

    commit: Commit
    waves: tuple[Wave, ...] = ()
    members: Mapping[str, tuple[Member, ...]] = field(default_factory=dict)
    """Wave to its regions."""
    problem: str = ""
    """Why the commit's files make no fleet; empty if they do. Such a commit is not given to anyone."""

    def wave(self, name: str) -> Wave | None:
        """A wave by its name."""
        return next((wave for wave in self.waves if wave.name == name), None)

    def before(self, name: str) -> Wave | None:
        """The wave before one; None for the first."""
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
    """Grows with each status of the host: the later of two has the greater one."""
    description: str = ""


@dataclass(frozen=True)
class Note:
    """Who said something, when, and why."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class WaveRecord:
    """What the ledger knows of a wave."""

    target: Commit | None = None
    """The commit that the wave is at, or on its way to."""
    since: datetime | None = None
    """When it took that target."""
    proven: Commit | None = None
    """The newest earlier target that the wave had proven when it went on."""


@dataclass(frozen=True)
class RegionRecord:
    """What the ledger knows of a region."""

    at: Commit | None = None
    """The commit that its branch was last moved to by this project's tools."""
    since: datetime | None = None
    """When, or when a retry was asked for: receipts from before do not count. None: all count."""
    joined: Commit | None = None
    """The first commit that it passed. Until then it gates nobody."""
    rolled_back_from: Commit | None = None
    """The commit that it was taken back from."""
    retired: Note | None = None
    """Set when the region was retired: it belongs to no wave any more."""


@dataclass(frozen=True)
class Ledger:
    """What git keeps under refs/waves/ledger, beside the branches."""

    waves: Mapping[str, WaveRecord] = field(default_factory=dict)
    regions: Mapping[str, RegionRecord] = field(default_factory=dict)
    pauses: Mapping[str, Note] = field(default_factory=dict)
    """Wave, or `all`, to why it stands still."""
    waivers: Mapping[tuple[str, Commit], Note] = field(default_factory=dict)
    """Region and commit to why its receipts are done without."""

    def wave(self, name: str) -> WaveRecord:
        """A wave's record; an empty one if there is none."""
        return self.waves.get(name, WaveRecord())

    def region(self, name: str) -> RegionRecord:
        """A region's record; an empty one if there is none."""
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
    """Everything that a plan is made from."""

    history: Sequence[Commit]
    """Main's first-parent history, the newest first. It reaches back at least to the oldest target."""
    releases: Mapping[Commit, Release]
    """At least the releases of main's head and of every target (`plan.releases_needed`)."""
    branches: Mapping[str, Commit]
    """Region to the commit that its branch is at."""
    receipts: Mapping[Commit, Sequence[Receipt]]
    """At least those of `plan.receipts_needed`. A commit that is missing here has proved nothing."""
    ledger: Ledger
    now: datetime
    """The git host's clock, by which receipts are stamped too."""


class State(StrEnum):
    """How a region stands to its wave's target."""

    PASSED = "passed"
    SOAKING = "soaking"
    WAITING = "waiting"
    """No word yet, or not of every check."""
    FAILED = "failed"
    LATE = "late"
    """No word, and past the deadline."""
    NEXT = "next"
    """In a later cohort: it does not have the commit yet."""
    CLOSED = "closed"
    """Outside of its change windows: it does not have the commit yet."""
    ASTRAY = "astray"
    """Its branch is where this project's tools did not put it."""
    JOINING = "joining"
    """It has never passed a commit: it gates nobody."""

    @property
    def settled(self) -> bool:
        """Whether waiting longer would change nothing."""
        return self in (State.PASSED, State.FAILED, State.LATE, State.ASTRAY)


@dataclass(frozen=True)
class RegionState:
    """A region's verdict, with the reason in words."""

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
    """Why a wave does not go further now."""

    wave: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What one pass would do, and why it does no more."""

    moves: tuple[Move, ...] = ()
    holds: tuple[Hold, ...] = ()
    warnings: tuple[str, ...] = ()
    """What a person should look at: forged receipts, branches moved by hand."""
    region_states: Mapping[str, tuple[RegionState, ...]] = field(default_factory=dict)
    """Wave to its regions' standings, where they were looked at."""
    ledger: Ledger = field(default_factory=Ledger)
    """The ledger after the moves."""
