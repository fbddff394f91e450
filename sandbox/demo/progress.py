"""A commit's progress, from the git host's data alone: branches, the ledger, commit statuses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import httpx

import fleet
from sandbox.githost import repository
from sandbox.machine.home import Home

LEDGER = "refs/waves/ledger:ledger.json"
BAD = ("failure", "error")


@dataclass(frozen=True)
class HostSnapshot:
    """The git host's data on one commit, at one moment."""

    branches: Mapping[str, str]
    """Region to commit."""
    statuses: Mapping[str, Mapping[str, dict[str, Any]]]
    """Region to check to the latest status on the commit."""
    targets: Mapping[str, dict[str, Any]]
    """Wave to its record in the ledger: target, since."""

    def has_commit(self, region: str, commit: str) -> bool:
        """Whether a region has the commit."""
        return self.branches.get(region) == commit

    def passed(self, region: str, checks: list[str]) -> bool:
        """Whether a region's latest status on the commit is success in all checks."""
        statuses = self.statuses.get(region, {})
        return all(statuses.get(check, {}).get("state") == "success" for check in checks)

    def failed(self, region: str) -> str:
        """A region's failed checks on the commit, with their descriptions. Empty if no check failed."""
        statuses = self.statuses.get(region, {})
        return "; ".join(f"{check}: {s['description']}" for check, s in statuses.items() if s["state"] in BAD)


@dataclass
class WaveProgress:
    """A wave's part of a rollout. Times are the git host's, in ISO format."""

    wave: str
    started: str | None = None
    """The time at which the wave took the commit."""
    proven: str | None = None
    """The time of the last receipt that the wave needed."""
    regions: dict[str, float] = field(default_factory=dict)
    """Region to the seconds between `started` and the region's last receipt."""


@dataclass
class RolloutProgress:
    """A commit on its way through the waves."""

    commit: str
    waves: list[WaveProgress]
    stopped_at: str | None = None
    """The wave that stopped the commit. None: no wave stopped it."""
    reason: str = ""

    @property
    def done(self) -> bool:
        """Whether every wave has proven the commit."""
        return all(wave.proven for wave in self.waves)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return asdict(self)


def begin(commit: str, regions: list[fleet.Region]) -> RolloutProgress:
    """A rollout that no wave has taken yet, over the waves that have regions."""
    return RolloutProgress(
        commit, [WaveProgress(name) for name in dict.fromkeys(region.wave.name for region in regions)]
    )


def observe(home: Home, commit: str) -> HostSnapshot:
    """The git host now."""
    heads = repository.heads(home, "region/")
    return HostSnapshot(
        {branch.removeprefix("region/"): head for branch, head in heads.items()}, _statuses(home, commit), _ledger(home)
    )


def update(rollout: RolloutProgress, host: HostSnapshot, regions: list[fleet.Region]) -> None:
    """Record each wave's progress."""
    for progress in rollout.waves:
        record = host.targets.get(progress.wave, {})
        if record.get("target") == rollout.commit:
            progress.started = progress.started or record.get("since")
        if progress.started is not None:
            members = [region for region in regions if region.wave.name == progress.wave]
            _record_receipts(progress, progress.started, host, members)


def _record_receipts(progress: WaveProgress, started: str, host: HostSnapshot, members: list[fleet.Region]) -> None:
    """Record the members of a wave that have passed since the last observation."""
    for region in members:
        if region.name in progress.regions or not host.passed(region.name, list(region.wave.checks)):
            continue
        last = max(status["created_at"] for status in host.statuses[region.name].values())
        progress.regions[region.name] = (_time(last) - _time(started)).total_seconds()
        if len(progress.regions) == len(members):
            progress.proven = last


def is_stuck(rollout: RolloutProgress, host: HostSnapshot, regions: list[fleet.Region]) -> bool:
    """Whether all regions of a wave have passed or failed the commit, and at least one has failed."""
    for progress in rollout.waves:
        members = [region for region in regions if region.wave.name == progress.wave]
        failed = [region for region in members if host.failed(region.name)]
        settled = all(host.failed(r.name) or host.passed(r.name, list(r.wave.checks)) for r in members)
        if progress.started and failed and settled:
            return True
    return False


def _time(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


def _ledger(home: Home) -> dict[str, Any]:
    if not repository.git("for-each-ref", "refs/waves/ledger", cwd=home.repository):
        return {}
    waves: dict[str, Any] = json.loads(repository.git("show", LEDGER, cwd=home.repository))["waves"]
    return waves


def _statuses(home: Home, commit: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Region to check to the latest status on a commit."""
    statuses: dict[str, dict[str, dict[str, Any]]] = {}
    for status in _pages(home, commit):  # the newest first
        kind, _, rest = status["context"].partition("/")
        region, _, check = rest.partition("/")
        if kind == "region":
            statuses.setdefault(region, {}).setdefault(check, status)
    return statuses


def _pages(home: Home, commit: str) -> Iterator[dict[str, Any]]:
    api = repository.environment(home, home.checkout)
    headers = {"Authorization": f"Bearer {api['GITHUB_TOKEN']}"}
    page: str | None = f"{api['GITHUB_API_URL']}/repos/{repository.REPOSITORY}/commits/{commit}/statuses?per_page=100"
    with httpx.Client(headers=headers, trust_env=False) as client:
        while page:
            response = client.get(page).raise_for_status()
            yield from response.json()
            page = response.links.get("next", {}).get("url")
