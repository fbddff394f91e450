"""The conductor alone: the time of a pass's planning by the fleet's size, and a release's requests to GitHub.

The fleets are invented, and far larger than a sandbox could run. A tenth of the regions is in staging, a tenth in internal
production. The others are in external production, with cohorts, so that their receipts count too.
Only the regions are invented. The planner and the client are the conductor's own. The sandbox's simulated GitHub counts requests.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import uvicorn

from bench.report import Figure, line
from fleet import Wave
from sandbox.githost.rest import SimulatedGitHub
from waves.rollout import conductor
from waves.rollout.conductor import Snapshot
from waves.rollout.model import (
    Commit,
    Ledger,
    Member,
    Move,
    Receipt,
    RegionRecord,
    Release,
    StatusState,
    WaveRecord,
    World,
)
from waves.rollout.planner import plan, receipts_needed
from waves.scm.statuses import GitHubReceipts

CREATOR = "regions-receipts[bot]"
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SIZES = (1000, 2500, 5000, 10000)
COMMITS = 1000
RELEASES_A_DAY = 15
TICK = timedelta(seconds=2)
REPORT_TICKS = 60
"""The passes over which a wave's regions report evenly: two minutes."""


def waves() -> tuple[Wave, ...]:
    """Three waves that all need receipts."""
    settings = {"production": False, "trustedStatusCreators": [CREATOR], "deadline": "1h"}
    cohorts = [{}, {}, {"cohorts": [1, "25%", "100%"]}]
    names = ("staging", "internal", "external")
    return tuple(
        Wave.model_validate({"name": name, **settings, **cohort}) for name, cohort in zip(names, cohorts, strict=True)
    )


def members(regions: int) -> dict[str, tuple[Member, ...]]:
    """A number of regions, spread over the waves."""
    tenth = max(1, regions // 10)
    parts = {"staging": tenth, "internal": tenth, "external": regions - 2 * tenth}
    return {wave: tuple(Member(f"{wave}-{n}", 3 + n % 7) for n in range(count)) for wave, count in parts.items()}


def world(regions: int, commits: int) -> World:
    """A fleet in a rollout: every wave is at another commit, with receipts of every region, and main is far ahead."""
    fleet, policy = members(regions), waves()
    history = tuple(f"{n:040d}" for n in range(commits))
    releases = {commit: Release(commit, policy, fleet) for commit in history}
    targets = {"staging": history[1], "internal": history[2], "external": history[3]}
    since = NOW - timedelta(minutes=20)
    receipts: dict[Commit, list[Receipt]] = {}
    branches, records = {}, {}
    for wave, target in targets.items():
        for number, member in enumerate(fleet[wave]):
            branches[member.name] = target
            records[member.name] = RegionRecord(at=target, since=since, joined=history[-1])
            for check in ("apps", "infra"):
                count = len(receipts.setdefault(target, []))
                state = StatusState.PENDING if number == len(fleet[wave]) - 1 else StatusState.SUCCESS
                receipts[target].append(Receipt(member.name, check, state, CREATOR, NOW - timedelta(minutes=9), count))
    ledger = Ledger(waves={wave: WaveRecord(target, since) for wave, target in targets.items()}, regions=records)
    return World(history, releases, branches, {c: tuple(r) for c, r in receipts.items()}, ledger, NOW)


def passes(repetitions: int) -> list[Figure]:
    """Seconds of one planning pass, by the number of regions."""
    times: dict[int, list[float]] = {}
    for size in SIZES:
        snapshot = world(size, COMMITS)
        times[size] = []
        for _ in range(repetitions):
            started = time.perf_counter()
            receipts_needed(snapshot)
            plan(snapshot)
            times[size].append(time.perf_counter() - started)
    return [
        Figure(f"planning pass, 1,000 regions and {COMMITS:,} candidate commits", 100, "ms", [t * 1000 for t in times[1000]]),
        Figure(
            "planning pass, 10,000 regions", 1, "s", times[10000],
            {f"{size:,} regions": times[size] for size in SIZES},
            line(times),
        ),
    ]  # fmt: skip


@dataclass
class MemoryRefs:
    """Git's side, in memory."""

    release_: Release
    history: list[Commit]
    branches: dict[str, Commit]
    ledger: Ledger = field(default_factory=Ledger)

    def snapshot(self) -> Snapshot:
        """The current state."""
        return Snapshot(tuple(self.history), dict(self.branches), self.ledger, None)

    def release(self, commit: Commit) -> Release:
        """The same fleet in every commit."""
        return Release(commit, self.release_.waves, self.release_.members)

    def push(self, moves: Sequence[Move], ledger: Ledger, tip: str | None, subject: str) -> bool:
        """Accept every push."""
        self.branches |= {move.region: move.new for move in moves}
        self.ledger = ledger
        return True


def requests(regions: int) -> tuple[int, int, int]:
    """Counted requests of an idle pass and of a whole release, and the number of the release's passes."""
    with TemporaryDirectory() as scratch:
        repository = Path(scratch)
        commits = _repository(repository)
        github = SimulatedGitHub("bench/regions", repository)
        clock = [NOW]
        github.clock = lambda: clock[0]
        server = uvicorn.Server(uvicorn.Config(github.app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            return _release(regions, commits, github, clock, url)
        finally:
            server.should_exit = True
            thread.join()


def _release(
    regions: int, commits: list[Commit], github: SimulatedGitHub, clock: list[datetime], url: str
) -> tuple[int, int, int]:
    old, new = commits
    fleet, policy = members(regions), waves()
    names = [member.name for wave_members in fleet.values() for member in wave_members]
    ledger = Ledger(
        waves={wave.name: WaveRecord(old, NOW, old) for wave in policy},
        regions={name: RegionRecord(at=old, since=NOW, joined=old) for name in names},
    )
    refs = MemoryRefs(Release(new, policy, fleet), [old], dict.fromkeys(names, old), ledger)
    client = _Receipts(GitHubReceipts("bench/regions", github.add_token("conductor", "read"), url), clock)
    writer = github.add_token(CREATOR, "write")
    asyncio.run(_report(github, writer, old, names))
    clock[0] += timedelta(hours=1)  # the limit counts these posts too, but they are not the release's
    before_idle = _counted(github)
    conductor.carry_out(refs, conductor.prepare(refs, client))
    idle = _counted(github) - before_idle
    refs.history.insert(0, new)
    silent: list[str] = []
    passes = 0
    while any(at != new for at in refs.branches.values()) or silent:
        before = set(_at(refs, new))
        conductor.carry_out(refs, conductor.prepare(refs, client))
        passes += 1
        silent += sorted(set(_at(refs, new)) - before)
        share = -(-len(silent) // REPORT_TICKS) if len(silent) > REPORT_TICKS else 1
        asyncio.run(_report(github, writer, new, silent[:share]))
        del silent[:share]
        clock[0] += TICK
    return idle, _counted(github) - idle - before_idle, passes


@dataclass
class _Receipts:
    """The production client, by the simulated clock."""

    client: GitHubReceipts
    clock: list[datetime]

    def of(self, commits: set[Commit]) -> dict[Commit, Sequence[Receipt]]:
        return dict(self.client.of(commits))

    def now(self) -> datetime:
        self.client.now()
        return self.clock[0]


def _at(refs: MemoryRefs, commit: Commit) -> list[str]:
    return [region for region, at in refs.branches.items() if at == commit]


def _counted(github: SimulatedGitHub) -> int:
    """Requests that count against the hourly limit: all but rate_limit and those with the answer 304."""
    return sum(r.startswith("GET") and not r.endswith((" 304", "/rate_limit")) for r in github.requests)


async def _report(github: SimulatedGitHub, token: str, commit: Commit, regions: list[str]) -> None:
    """Post the receipts of regions that pass: the start and end of CI's update, and Argo CD's."""
    transport = httpx.ASGITransport(app=github.app)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://github", headers=headers) as client:
        for region in regions:
            for check, state in (("infra", "pending"), ("infra", "success"), ("apps", "success")):
                body = {"context": f"region/{region}/{check}", "state": state}
                (await client.post(f"/repos/bench/regions/statuses/{commit}", json=body)).raise_for_status()


def _repository(folder: Path) -> list[Commit]:
    """A bare repository with two commits."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", *arguments],
            cwd=folder, input="", capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip

    git("init", "--quiet", "--bare")
    tree = git("mktree")
    first = git("commit-tree", tree, "-m", "one")
    return [first, git("commit-tree", tree, "-p", first, "-m", "two")]


def calls() -> list[Figure]:
    """GitHub's requests, for a small and a large fleet."""
    small, large = requests(10), requests(1000)
    hourly = 5000
    return [
        Figure(
            "GitHub requests of an idle pass, 1,000 regions", 0, "counted requests", [float(large[0])],
            note=f"10 regions: {small[0]}. Also one request to /rate_limit, for the clock, which GitHub does not count.",
        ),
        Figure(
            "GitHub requests of a release, 1,000 regions", hourly, "counted requests", [float(large[1])],
            note=f"Over {large[2]} passes, with every wave's receipts needed and each step's reports spread over two minutes. "
            f"With 10 regions: {small[1]} over {small[2]} passes. The limit is {hourly:,} an hour. "
            f"{RELEASES_A_DAY} releases in one hour need {large[1] * RELEASES_A_DAY:,} requests, "
            f"and over eight hours {large[1] * RELEASES_A_DAY // 8:,} in each. "
            "Each region posts three receipts by another app: 3,000 for a release, of 5,000 an hour.",
        ),
    ]  # fmt: skip
