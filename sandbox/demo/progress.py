"""How far a commit is, as the git host shows it: branches, the ledger, commit statuses. Nothing of `waves` is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
class Host:
    """The git host at one moment, as far as one commit is concerned."""

    branches: Mapping[str, str]
    """Region to commit."""
    statuses: Mapping[str, Mapping[str, dict[str, Any]]]
    """Region to check to its last status on the commit."""
    targets: Mapping[str, dict[str, Any]]
    """Wave to what the ledger has of it: target, since."""

    def given(self, region: str, commit: str) -> bool:
        """Whether a region has the commit."""
        return self.branches.get(region) == commit

    def passed(self, region: str, checks: list[str]) -> bool:
        """Whether a region's last word on the commit is success in all checks."""
        said = self.statuses.get(region, {})
        return all(said.get(check, {}).get("state") == "success" for check in checks)

    def failed(self, region: str) -> str:
        """What a region says is wrong with the commit; empty if nothing."""
        said = self.statuses.get(region, {})
        return "; ".join(f"{check}: {s['description']}" for check, s in said.items() if s["state"] in BAD)


@dataclass
class WaveProgress:
    """A wave's part of a rollout. Times are the git host's, in ISO format."""

    wave: str
    started: str | None = None
    """When the wave took the commit."""
    proven: str | None = None
    """When the last receipt that it needed came in."""
    regions: dict[str, float] = field(default_factory=dict)
    """Region to the seconds from when the wave took the commit to the region's last receipt."""


@dataclass
class Rollout:
    """A commit on its way through the waves."""

    commit: str
    waves: list[WaveProgress]
    stopped_at: str | None = None
    """The wave that the commit did not get beyond; None: it went everywhere."""
    reason: str = ""

    @property
    def done(self) -> bool:
        """Whether every wave has it, proven."""
        return all(wave.proven for wave in self.waves)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return asdict(self)


def begin(commit: str, regions: list[fleet.Region]) -> Rollout:
    """A rollout that nobody has taken yet, over the waves that have regions."""
    return Rollout(commit, [WaveProgress(name) for name in dict.fromkeys(region.wave.name for region in regions)])


def observe(home: Home, commit: str) -> Host:
    """The git host now."""
    heads = repository.heads(home, "region/")
    return Host(
        {branch.removeprefix("region/"): at for branch, at in heads.items()}, _statuses(home, commit), _ledger(home)
    )


def update(rollout: Rollout, host: Host, regions: list[fleet.Region]) -> None:
    """Write down how far each wave is by now."""
    for progress in rollout.waves:
        record = host.targets.get(progress.wave, {})
        if record.get("target") == rollout.commit:
            progress.started = progress.started or record.get("since")
        members = [region for region in regions if region.wave.name == progress.wave]
        if progress.started is None:
            continue
        for region in members:
            if region.name not in progress.regions and host.passed(region.name, list(region.wave.checks)):
                last = max(s["created_at"] for s in host.statuses[region.name].values())
                progress.regions[region.name] = (_time(last) - _time(progress.started)).total_seconds()
                if len(progress.regions) == len(members):
                    progress.proven = last


def stuck(rollout: Rollout, host: Host, regions: list[fleet.Region]) -> bool:
    """Whether a wave has the commit, and every region of it has passed or failed, one of them failed."""
    for progress in rollout.waves:
        members = [region for region in regions if region.wave.name == progress.wave]
        failed = [region for region in members if host.failed(region.name)]
        over = all(host.failed(r.name) or host.passed(r.name, list(r.wave.checks)) for r in members)
        if progress.started and failed and over:
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
    found: dict[str, dict[str, dict[str, Any]]] = {}
    api = repository.environment(home, home.checkout)
    headers = {"Authorization": f"Bearer {api['GITHUB_TOKEN']}"}
    page: str | None = f"{api['GITHUB_API_URL']}/repos/{repository.REPOSITORY}/commits/{commit}/statuses?per_page=100"
    with httpx.Client(headers=headers, trust_env=False) as client:
        while page:
            response = client.get(page).raise_for_status()
            for status in response.json():  # the newest first
                kind, _, rest = status["context"].partition("/")
                region, _, check = rest.partition("/")
                if kind == "region":
                    found.setdefault(region, {}).setdefault(check, status)
            page = response.links.get("next", {}).get("url")
    return found
