"""The rollout's metrics for Prometheus: a pure function from the world to samples, and the port that serves them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from fleet import Wave
from fleet.windows import is_open
from waves.rollout.model import ALL, Commit, State, StatusState, World
from waves.rollout.region_states import RegionStates
from waves.rollout.wave_pass import candidates

INTERVAL = 60.0
"""Seconds between two readings of all receipts. A pass, every few seconds, reads only those that could change its plan."""

GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "waves_wave_target_age_seconds": ("For how long the wave has had its target", ("wave",)),
    "waves_wave_commits_waiting": ("Commits of main between the wave's target and the newest it may take", ("wave",)),
    "waves_wave_deadline_seconds": ("How long the wave's regions may take over a commit", ("wave",)),
    "waves_wave_paused": ("1 if the wave, or all waves, are paused", ("wave",)),
    "waves_wave_open": ("1 if the wave may take commits now: not paused, and within its change windows", ("wave",)),
    "waves_wave_proven": ("1 if every region of the wave has proven its target", ("wave",)),
    "waves_region_behind_seconds": ("For how long the wave's target is not the region's commit", ("wave", "region")),
    "waves_region_state": ("1 for the region's state at its wave's target", ("wave", "region", "state")),
    "waves_receipt_owed_seconds": (
        "For how long the region has had its wave's target without a successful receipt of this check",
        ("wave", "region", "check"),
    ),
}
"""Name to meaning and labels."""


@dataclass(frozen=True)
class Sample:
    """One value of a metric."""

    name: str
    labels: tuple[str, ...]
    value: float


def samples(world: World) -> Iterator[Sample]:
    """All metrics of the rollout but the time of the last pass. `world` has the receipts of every wave's target."""
    states = RegionStates(world)
    for wave in states.release(states.newest_sound).waves if states.newest_sound else ():
        record = world.ledger.wave(wave.name)
        paused = ALL in world.ledger.pauses or wave.name in world.ledger.pauses
        yield Sample("waves_wave_paused", (wave.name,), paused)
        yield Sample("waves_wave_open", (wave.name,), is_open(wave.windows, world.now) and not paused)
        yield Sample("waves_wave_commits_waiting", (wave.name,), _waiting(states, wave, record.target))
        target = record.target
        if target is None or record.since is None or not states.on_main(target):
            continue
        policy = states.release(target).wave(wave.name) or wave
        yield Sample("waves_wave_deadline_seconds", (wave.name,), policy.deadline.total_seconds())
        yield Sample("waves_wave_target_age_seconds", (wave.name,), _seconds(world.now - record.since))
        yield Sample("waves_wave_proven", (wave.name,), states.proven(target, policy))
        for member in states.members(target, wave.name):
            yield from _region(states, policy, target, _seconds(world.now - record.since), member.name)


def _waiting(states: RegionStates, wave: Wave, target: Commit | None) -> int:
    """The number of commits between the wave's target and the newest that it may take."""
    for commit, before in candidates(states, wave.name):
        if before is None or states.proven(commit, before):
            history = list(states.world.history)
            end = history.index(target) if target in history else len(history)
            return end - history.index(commit)
    return 0


def _region(states: RegionStates, wave: Wave, target: Commit, age: float, region: str) -> Iterator[Sample]:
    world = states.world
    has_it = world.branches.get(region) == target
    joined = world.ledger.region(region).joined is not None
    state = states.state_of(region, target, wave).state if joined else State.JOINING
    # Outside of its change windows a region owes no commit.
    yield Sample("waves_region_behind_seconds", (wave.name, region), 0 if has_it or state is State.CLOSED else age)
    yield Sample("waves_region_state", (wave.name, region, state), 1)
    receipts = states.latest_receipts(region, target, wave, counting=True)
    since = world.ledger.region(region).since
    waived = (region, target) in world.ledger.waivers
    for check in wave.checks:
        is_success = check in receipts and receipts[check].state is StatusState.SUCCESS
        is_owed = has_it and not is_success and not waived and since is not None
        yield Sample(
            "waves_receipt_owed_seconds",
            (wave.name, region, check),
            _seconds(world.now - since) if is_owed and since is not None else 0,
        )


def _seconds(span: timedelta) -> float:
    """A span in seconds. The host's clocks may differ by a second, so no span is negative."""
    return max(0.0, span.total_seconds())


class MetricsExporter:
    """Keeps the latest samples, and serves them to Prometheus."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._gauges = {
            name: Gauge(name, meaning, labels, registry=self.registry) for name, (meaning, labels) in GAUGES.items()
        }
        self._last_pass = Gauge(
            "waves_last_pass_timestamp_seconds", "When the last pass was completed", registry=self.registry
        )
        self._read_at: float | None = None

    def listen(self, host: str, port: int) -> None:
        """Serve in a thread of its own, until the process ends."""
        start_http_server(port, addr=host, registry=self.registry)

    def due(self, now: float) -> bool:
        """Whether it is time to read all receipts again. `now` is monotonic."""
        return self._read_at is None or now - self._read_at >= INTERVAL

    def update(self, samples: Iterable[Sample], now: float) -> None:
        """Replace all samples, so that a removed region or state leaves no sample behind."""
        for gauge in self._gauges.values():
            gauge.clear()
        for sample in samples:
            self._gauges[sample.name].labels(*sample.labels).set(sample.value)
        self._read_at = now

    def record_pass(self, at: float) -> None:
        """Record when a pass was completed, in seconds of the Unix epoch."""
        self._last_pass.set(at)
