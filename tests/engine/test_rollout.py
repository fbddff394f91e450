"""The rollout on the real stack: CI's jobs, Argo CD's own receipts, gate tests, and the conductor, while things break.

Three regions, one for each wave. The tests run the conductor's passes here, one by one.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from sandbox import lifecycle
from sandbox.demo import progress, regions
from sandbox.demo.scenario import PINS, Scenario, shorten_waits
from sandbox.environment import variables
from sandbox.githost import repository
from sandbox.machine.home import Home
from tests.engine.workflows import Workflow
from tests.waiting import within

STAGING, INTERNAL, EXTERNAL = "staging-gcp-us-central1", "tools-aws-us-west-2", "prod-azure-westeurope"
FLEET = {STAGING, INTERNAL, EXTERNAL}
CHECKS = ["apps", "infra"]
UP_SECONDS, RELEASE_SECONDS = 900, 360


@dataclass
class RolloutFleet:
    """Three regions, a developer, and a conductor that runs by hand."""

    home: Home
    scenario: Scenario
    messages: list[str] = field(default_factory=list)

    @property
    def checkout(self) -> Path:
        return self.scenario.checkout

    def commit(self, message: str) -> str:
        """A commit that changes every region."""
        tag = self.scenario.influxdb_tag()
        number = len(self.messages)
        self.messages.append(message)
        return self.scenario.commit(message, {PINS: [(tag, f"{tag.partition('-')[0]}-{number}")]})

    def waves(self, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
        """Run `regions` as the sandbox's user, or with another token."""
        env = {**os.environ, **variables(self.home, self.checkout)}
        env |= {"GITHUB_TOKEN": token} if token else {}
        command = [sys.executable, "-m", "regions", *arguments]
        return subprocess.run(command, cwd=self.checkout, env=env, capture_output=True, text=True, timeout=120)

    def promote(self) -> str:
        """Run one pass. Returns its output."""
        result = self.waves("promote")
        assert result.returncode == 0, result.stderr
        return result.stdout

    def at(self, region: str) -> str | None:
        """The commit of a region's branch."""
        return repository.heads(self.home, "region/").get(f"region/{region}")

    def why(self) -> str:
        """The waves' status, and the end of each of CI's logs."""
        logs = sorted((self.home.logs / "ci").glob("*.log"))
        return "\n".join([self.waves("status").stdout, *(f"{log}:\n{log.read_text()[-2000:]}" for log in logs)])

    def has(self, region: str, commit: str) -> bool:
        """Whether a region's branch is at a commit."""
        return self.at(region) == commit

    def proved(self, region: str, commit: str, seconds: float = RELEASE_SECONDS) -> bool:
        """Wait until a region has passed a commit, by its own receipts."""
        return within(seconds, lambda: progress.observe(self.home, commit).passed(region, CHECKS))

    def moves(self, region: str, commit: str, seconds: float = 180) -> bool:
        """Run passes until a region has a commit."""

        def has_moved() -> bool:
            self.promote()
            return self.at(region) == commit

        return within(seconds, has_moved)

    def process(self, region: str, name: str) -> psutil.Process:
        """A process of a region."""
        for process in lifecycle.status(self.home)["processes"]:
            if process["name"] == name and process["cluster"].endswith(region) and process["pid"]:
                return psutil.Process(process["pid"])
        raise AssertionError(f"no {name} runs for {region}")

    def post(self, token: str, commit: str, context: str) -> int:
        """Post a success with a token. Returns the answer's status code."""
        api = repository.environment(self.home, self.checkout)["GITHUB_API_URL"]
        url = f"{api}/repos/{repository.REPOSITORY}/statuses/{commit}"
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(
            url, json={"state": "success", "context": context}, headers=headers, trust_env=False
        ).status_code


@pytest.fixture(scope="module")
def fleet(home: Home) -> Iterator[RolloutFleet]:
    """The three regions, each joined by its stack file, CI and the conductor alone."""
    scenario = Scenario(home, lambda text: None, lambda rollout, host, members: None)
    for path in (scenario.checkout / "stacks").glob("Pulumi.*.yaml"):
        if path.name.split(".")[1] not in FLEET:
            path.unlink()
    stack = scenario.checkout / "stacks" / f"Pulumi.{INTERNAL}.yaml"
    stack.write_text(stack.read_text().replace(", conductor]", "]"))  # the passes run here
    members = RolloutFleet(home, scenario)
    edits = shorten_waits("2m")
    edits["waves.yaml"].append(("    gate: none\n", "    gate: none\n    retirementHold: 5s\n"))
    commit = scenario.commit("Three regions", edits)
    lifecycle.run_ci(home)
    try:
        for region in (STAGING, INTERNAL, EXTERNAL):
            assert members.moves(region, commit), members.why()
            assert members.proved(region, commit, UP_SECONDS), members.why()
        yield members
    finally:
        lifecycle.run_ci(home, False)


def test_each_region_has_come_up_and_joined_by_its_own_receipts(fleet: RolloutFleet) -> None:
    fleet.promote()
    status = json.loads(fleet.waves("status", "--json").stdout)
    assert {wave["wave"]: [r["region"] for r in wave["regions"]] for wave in status["waves"]} == {
        "staging": [STAGING], "internal": [INTERNAL], "external": [EXTERNAL],
    }  # fmt: skip
    ledger = repository.git("show", progress.LEDGER, cwd=fleet.home.repository)
    assert {name for name, region in json.loads(ledger)["regions"].items() if region.get("joined")} == FLEET
    gate = regions.kubectl(
        fleet.home, STAGING, "get", "workflow", "gate", "-n", "influxdb", "-o", "jsonpath={.status.phase}"
    )
    assert gate == "Succeeded"


def test_no_key_is_in_the_state_in_clear_or_in_an_output(fleet: RolloutFleet) -> None:
    key = (fleet.home.git_host / "regions-receipts.pem").read_text()
    secret = key.splitlines()[5]
    state = fleet.home.stack_state(STAGING).read_text()
    assert "argocd-notifications-secret" in state
    assert secret not in state
    assert "PRIVATE KEY" not in state
    for log in fleet.home.logs.rglob("*.log"):
        assert secret not in log.read_text(errors="replace"), log


def test_a_new_image_reaches_every_region_by_a_merged_pull_request(fleet: RolloutFleet, tmp_path: Path) -> None:
    """By the job `bump` of CI's images, with the outputs of its job `build`."""
    image = f"ghcr.io/{repository.REPOSITORY}/front:{'c' * 40}@sha256:{'ab' * 32}"
    env = variables(fleet.home, fleet.checkout)
    expressions = {
        "steps.app.outputs.token": env["GITHUB_TOKEN"],
        "steps.app.outputs.app-slug": "regions-images",
        "toJSON(needs.build.outputs)": json.dumps({"front": f"front={image}", "gates": "", "conductor": ""}),
    }
    workflow = Workflow(fleet.checkout, "images", env, {}, expressions, tmp_path)
    assert workflow.run("bump") == 0, workflow.log
    api = f"{env['GITHUB_API_URL']}/repos/{repository.REPOSITORY}/pulls"
    headers = {"Authorization": f"Bearer {env['GITHUB_TOKEN']}"}
    (pull,) = httpx.get(f"{api}?head=platform:images", headers=headers, trust_env=False).json()
    assert image in pull["body"]
    merged = httpx.put(f"{api}/{pull['number']}/merge", json={}, headers=headers, trust_env=False)
    assert merged.status_code == 200
    repository.git("pull", "--quiet", "--ff-only", "origin", "main", cwd=fleet.checkout)
    commit = merged.json()["sha"]
    for region in (STAGING, INTERNAL, EXTERNAL):
        assert fleet.moves(region, commit, RELEASE_SECONDS), fleet.why()
        assert fleet.proved(region, commit), fleet.why()
        pods = ["get", "pods", "-n", "front", "-l", "app.kubernetes.io/name=front"]
        runs = (*pods, "-o", "jsonpath={.items[*].spec.containers[*].image}")
        assert set(regions.kubectl(fleet.home, region, *runs).split()) == {image}


def test_a_forged_receipt_moves_nothing_and_is_reported(fleet: RolloutFleet) -> None:
    commit = fleet.commit("Forged")
    before = fleet.at(INTERNAL)
    os.kill(fleet.process(STAGING, "argocd-application-controller").pid, signal.SIGSTOP)
    try:
        assert fleet.moves(STAGING, commit)
        token = repository.token(fleet.home)
        assert [fleet.post(token, commit, f"region/{STAGING}/{check}") for check in CHECKS] == [201, 201]
        result = fleet.waves("promote")
        assert f"region/{STAGING}/apps on {commit[:10]} by you does not count" in result.stderr
        assert fleet.at(INTERNAL) == before
    finally:
        os.kill(fleet.process(STAGING, "argocd-application-controller").pid, signal.SIGCONT)
    assert fleet.proved(STAGING, commit)
    assert fleet.moves(INTERNAL, commit), "and the true one does"
    assert fleet.proved(INTERNAL, commit)


def test_a_wrong_token_moves_nothing_and_says_what_to_do(fleet: RolloutFleet) -> None:
    before = repository.heads(fleet.home)
    result = fleet.waves("promote", token="ghp_unknown")
    assert (result.returncode, repository.heads(fleet.home)) == (1, before)
    assert "set GITHUB_TOKEN to a valid one" in result.stderr
    assert fleet.post("ghp_unknown", before[f"region/{STAGING}"], f"region/{STAGING}/apps") == 401


def test_a_conductor_that_is_killed_in_the_midst_of_its_push_leaves_all_or_nothing(fleet: RolloutFleet) -> None:
    commit = fleet.commit("Killed")
    marker = fleet.home.root / "push-has-begun"
    hook = fleet.home.repository / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\ntouch {marker}\nsleep 3\n")
    hook.chmod(0o755)
    env = {**os.environ, **variables(fleet.home, fleet.checkout)}
    command = [sys.executable, "-m", "regions", "promote"]
    before = fleet.at(STAGING)
    try:
        conductor = subprocess.Popen(command, cwd=fleet.checkout, env=env, start_new_session=True)
        assert within(180, marker.exists)
        os.killpg(conductor.pid, signal.SIGKILL)
        conductor.wait()
        time.sleep(4)  # the host finishes the push, or drops it
    finally:
        hook.unlink()
    ledger = json.loads(repository.git("show", progress.LEDGER, cwd=fleet.home.repository))
    pushed = fleet.at(STAGING) == commit
    assert fleet.at(STAGING) in (before, commit)
    assert (ledger["waves"]["staging"]["target"] == commit) is pushed, "the branch and the ledger go together"
    assert fleet.moves(STAGING, commit), "the next pass goes on"
    assert fleet.proved(STAGING, commit)


@pytest.mark.parametrize("victim", ["kube-apiserver", "argocd-application-controller"])
def test_a_region_whose_server_dies_in_the_midst_of_a_sync_proves_the_commit_all_the_same(
    fleet: RolloutFleet, victim: str
) -> None:
    commit = fleet.commit(f"Without {victim}")
    assert fleet.moves(STAGING, commit)
    assert within(180, lambda: _operation(fleet, STAGING).get("phase") == "Running")
    fleet.process(STAGING, victim).kill()
    assert fleet.proved(STAGING, commit, RELEASE_SECONDS), fleet.why()
    logs = [log for log in fleet.home.logs.glob(f"*{STAGING}/*.log") if log.stat().st_size > 20_000_000]
    assert logs == [], "a program spins after the restart of its API server"


def test_while_the_git_host_is_down_nothing_moves_and_afterwards_all_goes_on(fleet: RolloutFleet) -> None:
    commit = fleet.commit("While the host is away")
    assert fleet.moves(STAGING, commit)
    host = next(p for p in lifecycle.status(fleet.home)["processes"] if p["name"] == "git-host")
    before = repository.heads(fleet.home)
    psutil.Process(host["pid"]).suspend()
    try:
        end = time.monotonic() + 20
        result = fleet.waves("promote")
        assert result.returncode == 1
        assert "cannot be reached" in result.stderr or "ls-remote" in result.stderr
        time.sleep(max(0.0, end - time.monotonic()))
        assert repository.heads(fleet.home) == before
    finally:
        psutil.Process(host["pid"]).resume()
    assert fleet.proved(STAGING, commit), "the receipt came once the host was back"
    assert fleet.moves(INTERNAL, commit)
    assert fleet.proved(INTERNAL, commit)


def test_receipts_that_are_lost_hold_the_wave_and_those_that_are_replayed_prove_nothing_else(
    fleet: RolloutFleet,
) -> None:
    old = fleet.at(STAGING)
    commit = fleet.commit("Lost receipts")
    assert fleet.moves(STAGING, commit)
    assert fleet.proved(STAGING, commit)
    before = fleet.at(INTERNAL)
    columns = "context, state, description, target_url, creator, created_at"
    into = f"INSERT INTO status (sha, {columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"
    with sqlite3.connect(fleet.home.git_host / "github.sqlite") as database:
        lost = database.execute(f"SELECT {columns} FROM status WHERE sha = ?", (commit,)).fetchall()
        database.execute("DELETE FROM status WHERE sha = ?", (commit,))
        database.executemany(into, [(old, *row) for row in lost])  # the previous commit gets the same receipts
    try:
        for _ in range(3):
            fleet.promote()
        assert fleet.at(INTERNAL) == before
    finally:
        with sqlite3.connect(fleet.home.git_host / "github.sqlite") as database:
            database.executemany(into, [(commit, *row) for row in lost])
    assert fleet.moves(INTERNAL, commit), "the receipts are back"
    assert fleet.proved(INTERNAL, commit)


def test_a_region_that_degrades_later_revokes_its_receipt_and_posts_it_again_when_healthy(fleet: RolloutFleet) -> None:
    commit = fleet.at(STAGING)
    assert commit
    assert fleet.proved(STAGING, commit)

    def ready(word: str) -> None:
        status = json.dumps({"status": {"conditions": [{"type": "Ready", "status": word}]}})
        patch = ("patch", "pod", "influxdb-0", "-n", "influxdb", "--subresource=status", "-p", status)
        regions.kubectl(fleet.home, STAGING, *patch)

    ready("False")
    assert within(RELEASE_SECONDS, lambda: "Progressing after it had passed" in _failure(fleet, commit))
    status = fleet.waves("status", "--json").stdout
    assert "Progressing after it had passed" in json.loads(status)["waves"][0]["regions"][0]["reason"]
    ready("True")
    assert fleet.proved(STAGING, commit)


def test_self_healing_posts_no_receipt(fleet: RolloutFleet) -> None:
    commit = fleet.at(STAGING)
    assert commit
    assert fleet.proved(STAGING, commit)
    before = progress.observe(fleet.home, commit).statuses[STAGING]
    release = ("configmap", "release", "-n", "influxdb")
    regions.kubectl(fleet.home, STAGING, "patch", *release, "-p", json.dumps({"data": {"commit": "another"}}))

    def healed() -> bool:
        return commit in regions.kubectl(fleet.home, STAGING, "get", *release, "-o", "jsonpath={.data.commit}")

    assert within(180, healed)
    assert within(180, lambda: _operation(fleet, STAGING).get("phase") == "Succeeded")
    assert _operation(fleet, STAGING)["operation"]["sync"].get("resources"), "a partial sync, which runs no hook"
    time.sleep(5)
    assert progress.observe(fleet.home, commit).statuses[STAGING] == before


def test_the_conductor_of_internal_production_takes_over(fleet: RolloutFleet) -> None:
    stack = fleet.checkout / "stacks" / f"Pulumi.{INTERNAL}.yaml"
    stack.write_text(stack.read_text().replace("monitoring]", "monitoring, conductor]"))
    commit = fleet.commit("A conductor")
    for region in (STAGING, INTERNAL):
        assert fleet.moves(region, commit)
        assert fleet.proved(region, commit, UP_SECONDS), fleet.why()
    later = fleet.commit("Moved by the conductor in the region")
    for region in (STAGING, INTERNAL, EXTERNAL):
        assert within(RELEASE_SECONDS, partial(fleet.has, region, later)), fleet.why()
        assert fleet.proved(region, later)


def test_a_region_sleeps_before_it_is_retired(fleet: RolloutFleet) -> None:
    stack = fleet.checkout / "stacks" / f"Pulumi.{EXTERNAL}.yaml"
    before = stack.read_text()
    stack.write_text(before + "  regions:suspended: true\n  regions:protect: false\n")
    commit = fleet.commit("Who misses it?")
    assert fleet.moves(EXTERNAL, commit, 2 * RELEASE_SECONDS), fleet.why()

    def get(*query: str) -> str:
        return regions.kubectl(fleet.home, EXTERNAL, "get", *query, "-n", "influxdb")

    replicas = ("statefulset", "influxdb", "-o", "jsonpath={.spec.replicas}")
    assert within(RELEASE_SECONDS, lambda: get(*replicas) == "0" and not get("pods", "-o", "name")), fleet.why()
    assert get("pvc", "-o", "name"), "its data stays"
    assert fleet.proved(EXTERNAL, commit)
    result = fleet.waves("retire", EXTERNAL, "--reason", "closed")
    assert (result.returncode, "is still on main" in result.stderr) == (1, True)
    stack.unlink()
    fleet.commit("No user misses it")

    def retired() -> bool:
        result = fleet.waves("retire", EXTERNAL, "--reason", "no user missed it")
        assert result.returncode == 0 or "must be suspended for 5s first" in result.stderr, result.stderr
        return result.returncode == 0

    assert within(180, retired)
    assert fleet.has(EXTERNAL, commit), "the branch stays until an SRE destroys the region"


def _failure(fleet: RolloutFleet, commit: str) -> str:
    """Staging's failed checks on a commit."""
    return progress.observe(fleet.home, commit).failed(STAGING)


def _operation(fleet: RolloutFleet, region: str) -> dict[str, Any]:
    """Argo CD's operation of a region. Empty if unknown."""
    query = ("get", "application", region, "-n", "argocd", "-o", "json")
    text = regions.kubectl(fleet.home, region, *query, check=False)
    operation: dict[str, Any] = json.loads(text).get("status", {}).get("operationState", {}) if text.strip() else {}
    return operation
