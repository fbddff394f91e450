"""`make demo`: a fleet from nothing, and commits that roll over it, or stop.

1. A good commit goes wave by wave over all regions.
2. A commit whose image never becomes ready stops in staging. So does a commit that a gate test refuses.
3. A fix goes through.
4. A new region joins by a copied stack file.

CI's job for `region/*`, the conductor, and Argo CD with its notifications and gate tests are those of production.
SIMULATED: clouds, pods, the git host's API.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import fleet
from sandbox import lifecycle
from sandbox.demo import progress, regions
from sandbox.demo.progress import HostSnapshot, RolloutProgress
from sandbox.demo.regions import DeployedRegion
from sandbox.githost import repository
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home
from sandbox.machine.images import tag

SECONDS = 900.0
"""Time limit for one commit."""
POLL_SECONDS = 1.0
SOURCE, NEW, LOCATION = "staging-aws-eu-west-1", "staging-aws-eu-north-1", "eu-north-1"
RESULT, PICTURE = CHECKOUT / "build" / "demo.json", CHECKOUT / "build" / "demo.svg"
PINS, SERVICE = "gitops/pins/influxdb.json", "gitops/apps/influxdb/main.jsonnet"
SELECTOR = "app.service({ http: port }),"
BROKEN = "app.service({ http: port }) + { spec+: { selector: { 'app.kubernetes.io/name': 'influx' } } },"

Edits = dict[str, list[tuple[str, str]]]
"""File to pairs of text: the text before and after the edit. The text before occurs exactly once in the file."""
Show = Callable[[RolloutProgress, HostSnapshot, list[fleet.Region]], None]
"""Draws a rollout as it is now."""


def shorten_waits(sync_timeout: str) -> Edits:
    """Edits that shorten production's waits to the length of a demo."""
    return {
        "waves.yaml": [("soak: 5m", "soak: 5s")],
        "gitops/lib/gate.libsonnet": [("watch = 60;", "watch = 1;")],
        "Pulumi.yaml": [("config:\n", f'config:\n  regions:syncTimeout:\n    default: "{sync_timeout}"\n')],
    }


def remove_change_windows(checkout: Path) -> Edits:
    """Edits that open every region to commits at any time."""
    texts = {path.relative_to(checkout).as_posix(): path.read_text() for path in (checkout / "stacks").glob("*.yaml")}
    return {
        file: [(line, "")]
        for file, text in texts.items()
        for line in text.splitlines(keepends=True)
        if line.lstrip().startswith("regions:changeWindows:")
    }


@dataclass
class ScenarioResult:
    """The rollouts of a scenario, and the regions at its end."""

    commit: str
    regions: list[DeployedRegion]
    rollouts: list[RolloutProgress]

    def write(self, path: Path) -> None:
        """Write the result as JSON."""
        path.parent.mkdir(exist_ok=True)
        data = {
            "commit": self.commit,
            "regions": [state.as_dict() for state in self.regions],
            "rollouts": [rollout.as_dict() for rollout in self.rollouts],
        }
        path.write_text(json.dumps(data, indent=2) + "\n")


class Scenario:
    """Commits to main as a developer does, and watches the rollouts."""

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

    def influxdb_tag(self) -> str:
        """The tag of InfluxDB's image in main's pins."""
        return tag(json.loads((self.checkout / PINS).read_text())["influxdb"])

    def commit(self, message: str, edits: Edits) -> str:
        """Edit files, and push the commit to main. Returns the commit."""
        for name, changes in edits.items():
            path = self.checkout / name
            text = path.read_text()
            for before, after in changes:
                if text.count(before) != 1:
                    raise SandboxError(
                        f"{name} has {before!r} {text.count(before)} times, not once. Correct sandbox/demo/scenario.py"
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

    def run_command(self, *arguments: str) -> str:
        """Run `regions` in the clone. Returns its output."""
        command = [sys.executable, "-m", "regions", *arguments]
        result = lifecycle.run(self._home, command, self.checkout, capture_output=True)
        if result.returncode != 0:
            raise SandboxError(f"`{' '.join(command[1:])}` failed: {result.stderr.strip()}")
        return result.stdout

    def start_conductor(self) -> None:
        """Run a conductor from here, as from a laptop, until internal production has its own."""
        self._home.logs.mkdir(exist_ok=True)
        with (self._home.logs / "conductor.log").open("ab") as log:
            self._conductor = lifecycle.start(
                self._home, [sys.executable, "-m", "regions", "promote", "--watch", "--every", "2"], self.checkout, log
            )

    def stop_conductor(self) -> None:
        """End the conductor from here. The conductor in internal production goes on."""
        if self._conductor is not None:
            self._conductor.terminate()
            self._conductor.wait()
            self._conductor = None

    def hand_over(self) -> None:
        """Wait until internal production's own conductor runs, then end the conductor from here."""
        region = next(region for region in self.fleet if fleet.CONDUCTOR in region.settings.applications)
        phases = ("get", "workflows", "-n", fleet.CONDUCTOR, "-o", "jsonpath={.items[*].status.phase}")
        deadline = time.monotonic() + 120
        while "Running" not in regions.kubectl(self._home, region.name, *phases):
            if time.monotonic() > deadline:
                raise SandboxError(f"no conductor runs in {region.name}. See `regions sandbox logs {region.name}`")
            time.sleep(POLL_SECONDS)
        self.stop_conductor()
        self._say(f"the conductor runs in {region.name} now")

    def follow(self, commit: str, until: Callable[[RolloutProgress, HostSnapshot], bool]) -> RolloutProgress:
        """Watch a commit until a condition holds. Raises SandboxError with the waves' status after SECONDS."""
        members = self.fleet
        rollout = progress.begin(commit, members)
        deadline = time.monotonic() + SECONDS
        while True:
            host = progress.observe(self._home, commit)
            progress.update(rollout, host, members)
            self._show(rollout, host, members)
            if until(rollout, host):
                return rollout
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"{commit[:10]} did not reach its end in {SECONDS:.0f} s:\n{self.run_command('status')}"
                )
            time.sleep(POLL_SECONDS)

    def wait_until_proven(self, commit: str) -> RolloutProgress:
        """Watch a commit until every wave has proven it."""
        return self.follow(commit, lambda rollout, host: rollout.done)

    def beyond(self, commit: str) -> list[str]:
        """The regions beyond the first wave that have a commit."""
        heads, members = repository.heads(self._home, "region/"), self.fleet
        return [r.name for r in members if r.wave.name != members[0].wave.name and heads.get(r.branch) == commit]

    def wait_until_stopped(self, commit: str) -> RolloutProgress:
        """Watch a commit until a wave has refused it. Raises SandboxError if a region of a later wave has the commit."""
        rollout = self.follow(commit, lambda rollout, host: progress.is_stuck(rollout, host, self.fleet))
        time.sleep(3 * POLL_SECONDS)  # time for the conductor to move a later wave by mistake
        beyond, host = self.beyond(commit), progress.observe(self._home, commit)
        if beyond:
            raise SandboxError(f"{commit[:10]} failed in staging, but {', '.join(beyond)} has it")
        rollout.stopped_at = rollout.waves[0].wave
        rollout.reason = "; ".join(f"{r.name}: {host.failed(r.name)}" for r in self.fleet if host.failed(r.name))
        self._say(f"{commit[:10]} stops in {rollout.stopped_at}, and no region beyond has it. {rollout.reason}")
        return rollout

    def run(self) -> ScenarioResult:
        """Run the whole demo. Everything that it starts ends with the sandbox, except the conductor from here."""
        try:
            rollouts = [self._join_fleet(), *self._roll_commits(), self._add_region()]
        finally:
            self.stop_conductor()
        last = rollouts[-1]
        states = [DeployedRegion(r.name, r.settings.cloud, r.wave.name) for r in self.fleet]
        seconds = {name: value for wave in last.waves for name, value in wave.regions.items()}
        for state in states:
            state.resources, state.seconds = regions.resources(self._home, state.name), seconds[state.name]
            regions.wait(self._home, state, last.commit, 60)
        return ScenarioResult(last.commit, states, rollouts)

    def _join_fleet(self) -> RolloutProgress:
        edits = {**shorten_waits("2m"), **remove_change_windows(self.checkout)}
        commit = self.commit("Shorten the waits for a demo", edits)
        lifecycle.run_ci(self._home)
        self.start_conductor()
        rollout = self.wait_until_proven(commit)
        self._say("every region has joined by its stack file alone")
        self.hand_over()
        return rollout

    def _roll_commits(self) -> Iterator[RolloutProgress]:
        old = self.influxdb_tag()
        new = old.rpartition(".")[0] + f".{int(old.rpartition('.')[2]) + 1}"
        yield self.wait_until_proven(self.commit(f"Upgrade InfluxDB to {new}", {PINS: [(old, new)]}))

        missing = f"{new}-does-not-exist"
        bad_image = self.commit("Upgrade InfluxDB to a version that does not exist", {PINS: [(new, missing)]})
        yield self.wait_until_stopped(bad_image)

        edits = {PINS: [(missing, new)], SERVICE: [(SELECTOR, BROKEN)]}
        yield self.wait_until_stopped(self.commit("Revert the upgrade, and tidy the service's labels", edits))

        fix = self.commit("Let the service select its pods again", {SERVICE: [(BROKEN, SELECTOR)]})
        yield self.wait_until_proven(fix)

    def _add_region(self) -> RolloutProgress:
        self._say(self.run_command("region", "new", NEW, "--from", SOURCE, "--location", LOCATION).strip())
        return self.wait_until_proven(self.commit(f"Add region {NEW}", {}))
