"""`make demo`: a fleet from nothing, and commits that roll over it, or stop.

A good commit goes wave by wave over all regions. One with an image that never becomes ready, and one that a gate test refuses,
stop in staging. A fix goes through; and a new region comes by a copied stack file. What runs is what runs in production: CI's
job for `region/*`, the conductor, Argo CD with its notifications and gate tests. SIMULATED: clouds, pods, the git host's API.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fleet
from sandbox import lifecycle
from sandbox.demo import progress, regions
from sandbox.demo.progress import Host, Rollout
from sandbox.demo.regions import DeployedRegion
from sandbox.githost import repository
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home

SECONDS = 900.0
"""How long one commit may take before the demo gives up."""
POLL_SECONDS = 1.0
SOURCE, NEW, LOCATION = "staging-aws-eu-west-1", "staging-aws-eu-north-1", "eu-north-1"
RESULT, PICTURE = CHECKOUT / "build" / "demo.json", CHECKOUT / "build" / "demo.svg"
PINS, SERVICE = "gitops/pins/influxdb.json", "gitops/apps/influxdb/main.jsonnet"
SELECTOR = "app.service({ http: port }),"
BROKEN = "app.service({ http: port }) + { spec+: { selector: { 'app.kubernetes.io/name': 'influx' } } },"

Show = Callable[[Rollout, Host, list[fleet.Region]], None]
"""Draws a rollout as it is now."""


def impatient(sync_timeout: str) -> dict[str, list[tuple[str, str]]]:
    """File to edits: production waits for longer than anybody watches a demo."""
    return {
        "waves.yaml": [("soak: 5m", "soak: 5s")],
        "gitops/lib/gate.libsonnet": [("watch = 60;", "watch = 1;")],
        "Pulumi.yaml": [("config:\n", f'config:\n  regions:syncTimeout:\n    default: "{sync_timeout}"\n')],
    }


def always_open(checkout: Path) -> dict[str, list[tuple[str, str]]]:
    """File to edits: a region with change windows takes commits at any time, since nobody watches until one opens."""
    texts = {path.relative_to(checkout).as_posix(): path.read_text() for path in (checkout / "stacks").glob("*.yaml")}
    return {
        file: [(line, "")]
        for file, text in texts.items()
        for line in text.splitlines(keepends=True)
        if line.lstrip().startswith("regions:changeWindows:")
    }


@dataclass
class Story:
    """What happened."""

    commit: str
    regions: list[DeployedRegion]
    rollouts: list[Rollout]

    def write(self, path: Path) -> None:
        """Write it for programs to read."""
        path.parent.mkdir(exist_ok=True)
        data = {
            "commit": self.commit,
            "regions": [state.as_dict() for state in self.regions],
            "rollouts": [each.as_dict() for each in self.rollouts],
        }
        path.write_text(json.dumps(data, indent=2) + "\n")


class Teller:
    """Commits to main as a developer does, and watches what becomes of it."""

    def __init__(self, home: Home, say: Callable[[str], None], show: Show) -> None:
        self._home = home
        self._say = say
        self._show = show
        self._conductor: subprocess.Popen[str] | None = None
        repository.publish(home, CHECKOUT, ["main"])
        self.checkout = lifecycle.clone(home)

    @property
    def fleet(self) -> list[fleet.Region]:
        """The regions of main, in wave order."""
        return fleet.read(self.checkout).in_waves()

    def tag(self) -> str:
        """The tag of InfluxDB's image, as main pins it: the digest behind it is what a registry goes by."""
        image: str = json.loads((self.checkout / PINS).read_text())["influxdb"]
        return image.partition("@")[0].rpartition(":")[2]

    def commit(self, message: str, edits: dict[str, list[tuple[str, str]]]) -> str:
        """Edit files, each text exactly once, and push the commit to main."""
        for name, changes in edits.items():
            path = self.checkout / name
            text = path.read_text()
            for before, after in changes:
                if text.count(before) != 1:
                    raise SandboxError(
                        f"{name} has {before!r} {text.count(before)} times, not once; mend sandbox/demo/scenario.py"
                    )
                text = text.replace(before, after)
            path.write_text(text)
        repository.git("add", "--all", cwd=self.checkout)
        author = ("-c", "user.name=developer", "-c", "user.email=developer@localhost")
        repository.git(*author, "commit", "--quiet", "-m", message, cwd=self.checkout)
        repository.git("push", "--quiet", "origin", "HEAD:main", cwd=self.checkout)
        commit = repository.git("rev-parse", "HEAD", cwd=self.checkout)
        self._say(f"main is at {commit[:10]}: {message}")
        return commit

    def waves(self, *arguments: str) -> str:
        """Run `regions` in the clone, and return what it printed."""
        command = [sys.executable, "-m", "regions", *arguments]
        result = lifecycle.run(self._home, command, self.checkout, capture_output=True)
        if result.returncode != 0:
            raise SandboxError(f"`{' '.join(command[1:])}` failed: {result.stderr.strip()}")
        return result.stdout

    def start_conductor(self) -> None:
        """Until internal production has one of its own, it runs from here, as it would from somebody's laptop."""
        self._home.logs.mkdir(exist_ok=True)
        with (self._home.logs / "conductor.log").open("ab") as log:
            self._conductor = lifecycle.start(
                self._home, [sys.executable, "-m", "regions", "promote", "--watch", "--every", "2"], self.checkout, log
            )

    def stop_conductor(self) -> None:
        """End the one from here; what runs in internal production goes on."""
        if self._conductor is not None:
            self._conductor.terminate()
            self._conductor.wait()
            self._conductor = None

    def hand_over(self) -> None:
        """Wait until internal production's own conductor runs, and end the one from here."""
        region = next(each for each in self.fleet if fleet.CONDUCTOR in each.settings.applications)
        phases = ("get", "workflows", "-n", fleet.CONDUCTOR, "-o", "jsonpath={.items[*].status.phase}")
        deadline = time.monotonic() + 120
        while "Running" not in regions.kubectl(self._home, region.name, *phases):
            if time.monotonic() > deadline:
                raise SandboxError(f"no conductor runs in {region.name}; see `regions sandbox logs {region.name}`")
            time.sleep(POLL_SECONDS)
        self.stop_conductor()
        self._say(f"the conductor runs in {region.name} now")

    def follow(self, commit: str, until: Callable[[Rollout, Host], bool]) -> Rollout:
        """Watch a commit until it is where it should be. Raises SandboxError after SECONDS, with why it waits."""
        members = self.fleet
        seen = progress.begin(commit, members)
        deadline = time.monotonic() + SECONDS
        while True:
            host = progress.observe(self._home, commit)
            progress.update(seen, host, members)
            self._show(seen, host, members)
            if until(seen, host):
                return seen
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"{commit[:10]} did not get where it should in {SECONDS:.0f} s:\n{self.waves('status')}"
                )
            time.sleep(POLL_SECONDS)

    def everywhere(self, commit: str) -> Rollout:
        """Watch a commit until every wave has proven it."""
        return self.follow(commit, lambda seen, host: seen.done)

    def beyond(self, commit: str) -> list[str]:
        """The regions beyond the first wave that have a commit."""
        heads, members = repository.heads(self._home, "region/"), self.fleet
        return [r.name for r in members if r.wave.name != members[0].wave.name and heads.get(r.branch) == commit]

    def stops(self, commit: str) -> Rollout:
        """Watch a commit until a wave has said no. Raises SandboxError if a region of a later wave has it."""
        seen = self.follow(commit, lambda seen, host: progress.stuck(seen, host, self.fleet))
        time.sleep(3 * POLL_SECONDS)  # the conductor has had the time to do something wrong
        beyond, host = self.beyond(commit), progress.observe(self._home, commit)
        if beyond:
            raise SandboxError(f"{commit[:10]} is bad, and {', '.join(beyond)} has it all the same")
        seen.stopped_at = seen.waves[0].wave
        seen.reason = "; ".join(f"{r.name}: {host.failed(r.name)}" for r in self.fleet if host.failed(r.name))
        self._say(f"{commit[:10]} stops in {seen.stopped_at}, and no region beyond has it. {seen.reason}")
        return seen


def tell(home: Home, say: Callable[[str], None], show: Show) -> Story:
    """The whole story. Everything that it starts ends with the sandbox, but for the conductor from here, which it ends itself."""
    teller = Teller(home, say, show)
    try:
        return _tell(home, teller, say)
    finally:
        teller.stop_conductor()


def _tell(home: Home, teller: Teller, say: Callable[[str], None]) -> Story:
    rollouts: list[Rollout] = []
    first = teller.commit("Wait no longer than a demo's audience", {**impatient("2m"), **always_open(teller.checkout)})
    lifecycle.run_ci(home)
    teller.start_conductor()
    rollouts.append(teller.everywhere(first))
    say("every region is there; each joined by its stack file alone")
    teller.hand_over()

    tag = teller.tag()
    patch = tag.rpartition(".")[0] + f".{int(tag.rpartition('.')[2]) + 1}"
    rollouts.append(teller.everywhere(teller.commit(f"Upgrade InfluxDB to {patch}", {PINS: [(tag, patch)]})))

    missing = f"{patch}-does-not-exist"
    bad = teller.commit("Upgrade InfluxDB to a version that is not there", {PINS: [(patch, missing)]})
    rollouts.append(teller.stops(bad))

    wrong = {PINS: [(missing, patch)], SERVICE: [(SELECTOR, BROKEN)]}
    rollouts.append(teller.stops(teller.commit("Take that back, and tidy the service's labels", wrong)))

    fix = teller.commit("Let the service find its pods again", {SERVICE: [(BROKEN, SELECTOR)]})
    rollouts.append(teller.everywhere(fix))

    say(teller.waves("region", "new", NEW, "--from", SOURCE, "--location", LOCATION).strip())
    last = teller.commit(f"Add region {NEW}", {})
    rollouts.append(teller.everywhere(last))
    states = [DeployedRegion(r.name, r.settings.cloud, r.wave.name) for r in teller.fleet]
    seconds = {name: value for wave in rollouts[-1].waves for name, value in wave.regions.items()}
    for state in states:
        state.resources, state.seconds = regions.resources(home, state.name), seconds[state.name]
        regions.wait(home, state, last, 60)
    return Story(last, states, rollouts)
