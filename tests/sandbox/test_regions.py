"""The program as it is, on the real engine, real API servers and real Argo CD: one staging region on each cloud."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from sandbox import demo, git_host, lifecycle, regions
from sandbox.errors import SandboxError
from sandbox.home import CHECKOUT, Home
from sandbox.regions import RegionState
from sandbox.toolchain import build

AWS, AZURE, GCP = "staging-aws-eu-west-1", "staging-azure-eastus", "staging-gcp-us-central1"


class Fleet:
    """Three regions that came up."""

    def __init__(self, home: Home, commit: str, states: dict[str, RegionState]) -> None:
        self.home = home
        self.commit = commit
        self.states = states


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A sandbox of its own, with a short path for its sockets, and the staging regions in it."""
    home = Home(Path(mkdtemp(prefix="sb-", dir="/tmp")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_HOME", str(home.root))
        lifecycle.up(home, build.ensure(lambda tool, done, total: None))
        try:
            result = tmp_path_factory.mktemp("demo") / "demo.json"
            patch.setattr(demo, "RESULT", result)
            commit, states = demo.run(home, demo.choose("staging"), lambda text: None)
            yield Fleet(home, commit, {state.name: state for state in states})
        finally:
            lifecycle.down(home)
            shutil.rmtree(home.root, ignore_errors=True)


@pytest.mark.parametrize("region", [AWS, AZURE, GCP])
def test_a_region_comes_up_from_its_stack_file_to_synced_and_healthy(running: Fleet, region: str) -> None:
    state = running.states[region]
    assert state.arrived(running.commit), state
    release = regions.kubectl(running.home, region, "get", "configmap", "release", "-n", "influxdb", "-o", "json")
    assert json.loads(release)["data"] == {"commit": running.commit, "region": region}


@pytest.mark.parametrize("region", [AWS, AZURE, GCP])
def test_a_second_up_changes_nothing(running: Fleet, region: str) -> None:
    regions.pulumi(running.home, running.home.checkout, "preview", "--expect-no-changes", "-s", region)


def test_no_output_is_a_secret_and_all_that_people_use_are_there(running: Fleet) -> None:
    outputs = json.loads(regions.pulumi(running.home, running.home.checkout, "stack", "output", "--json", "-s", GCP))
    assert set(outputs) == {"region", "wave", "branch", "cluster", "endpoint", "kubeconfigCommand"}
    assert "[secret]" not in outputs.values()


def test_an_object_that_somebody_deletes_comes_back(running: Fleet) -> None:
    regions.kubectl(running.home, AWS, "delete", "service", "influxdb", "-n", "influxdb")
    jsonpath = "jsonpath={.metadata.name}"
    wait = ["wait", "--for=create", "service/influxdb", "-n", "influxdb", "--timeout=60s"]
    regions.kubectl(running.home, AWS, *wait)
    assert (
        regions.kubectl(running.home, AWS, "get", "service", "influxdb", "-n", "influxdb", "-o", jsonpath) == "influxdb"
    )


def test_a_commit_on_a_regions_branch_arrives_in_that_region_alone(running: Fleet) -> None:
    checkout = running.home.checkout
    author = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    git_host.git(*author, "commit", "--quiet", "--allow-empty", "-m", "A new release", cwd=checkout)
    commit = git_host.git("rev-parse", "HEAD", cwd=checkout)
    git_host.git("push", "--quiet", "origin", f"HEAD:refs/heads/region/{GCP}", cwd=checkout)
    arrived = regions.wait(running.home, running.states[GCP], commit, 120)
    assert arrived.arrived(commit), arrived
    assert regions.observe(running.home, running.states[AZURE]).commit == running.commit


def test_a_bad_stack_file_is_refused_before_anything_is_created(running: Fleet) -> None:
    checkout = running.home.checkout
    path = checkout / "stacks" / "Pulumi.staging-bad.yaml"
    path.write_text((checkout / "stacks" / f"Pulumi.{AWS}.yaml").read_text())
    try:
        lifecycle.initialise_stacks(running.home, ["staging-bad"])
        with pytest.raises(
            SandboxError, match=rf"regions:network = 10\.16\.0\.0/16: overlaps .* of stacks/Pulumi\.{AWS}"
        ):
            regions.pulumi(running.home, checkout, "up", "--yes", "--skip-preview", "-s", "staging-bad")
        assert regions.resources(running.home, "staging-bad") <= 1, "only the stack itself"
    finally:
        path.unlink()


def test_destroy_leaves_the_simulated_clouds_empty(running: Fleet) -> None:
    for region in (AWS, AZURE, GCP):
        regions.pulumi(running.home, running.home.checkout, "destroy", "--yes", "--skip-preview", "-s", region)
        assert regions.resources(running.home, region) == 0
    listed = subprocess.run(
        [sys.executable, "-m", "sandbox.clouds", "list", "--json"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(listed.stdout or "[]") == []
    assert lifecycle.status(running.home)["clusters"] == []
