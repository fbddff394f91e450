"""The program as it is, on the real engine, real API servers and real Argo CD: regions of each cloud and kind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

import fleet
from front.flags import ACCEPT_WRITES, DEFAULTS
from sandbox import lifecycle
from sandbox.demo import bring_up, regions
from sandbox.demo.regions import DeployedRegion
from sandbox.githost import repository
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home
from tests.engine.stack_files import key_set, set_key
from tests.waiting import within
from waves.review import render

FLEET = fleet.read(CHECKOUT)
AWS, AZURE, GCP = "tools-aws-us-west-2", "staging-azure-eastus", "acme-gcp-europe-west4"
REGIONS = [AWS, AZURE, GCP]
"""A region on each cloud: the conductor's, one of staging, a customer's own. test_rollout.py, test_ci.py bring up others."""
PROTECTED = [name for name in REGIONS if FLEET.regions[name].protected]
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@localhost")


@dataclass
class Running:
    """The running regions, and their first commit."""

    home: Home
    commit: str
    states: dict[str, DeployedRegion]

    def pulumi(self, *arguments: str) -> str:
        """Run `pulumi` in the sandbox's clone."""
        return regions.pulumi(self.home, self.home.checkout, *arguments)

    def created(self, region: str) -> set[str]:
        """The URNs of the stack's resources in clouds and cluster, without the engine's providers."""
        state = json.loads(self.pulumi("stack", "export", "-s", region))["deployment"]
        return {
            resource["urn"] for resource in state["resources"] if not resource["type"].startswith("pulumi:providers:")
        }

    def kept(self, region: str) -> list[str]:
        """The ids of the stack's resources that outlive it."""
        state = json.loads(self.pulumi("stack", "export", "-s", region))["deployment"]
        return [resource["id"] for resource in state["resources"] if resource.get("retainOnDelete")]

    def release(self, region: str, file: str, before: str, after: str) -> str:
        """Commit an edit of one of gitops' files to a region's branch. Returns the commit."""
        path = self.home.checkout / "gitops" / file
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after, 1))
        repository.git(
            *AUTHOR, "commit", "--quiet", "-m", f"{before} -> {after}", f"gitops/{file}", cwd=self.home.checkout
        )
        repository.git("push", "--quiet", "origin", f"HEAD:refs/heads/region/{region}", cwd=self.home.checkout)
        # By itself, Argo CD polls every 3 s.
        refresh = ("application", region, "-n", "argocd", "argocd.argoproj.io/refresh=normal", "--overwrite")
        regions.kubectl(self.home, region, "annotate", *refresh)
        return repository.git("rev-parse", "HEAD", cwd=self.home.checkout)

    def application(self, region: str) -> dict[str, Any]:
        """The status of the region's Application."""
        text = regions.kubectl(self.home, region, "get", "application", region, "-n", "argocd", "-o", "json")
        status: dict[str, Any] = json.loads(text)["status"]
        return status

    def reaches(self, region: str, commit: str, phase: str) -> None:
        """Wait until the sync to a commit is in a phase."""

        def reached() -> bool:
            operation = self.application(region).get("operationState", {})
            return (operation.get("phase"), operation.get("syncResult", {}).get("revision")) == (phase, commit)

        assert within(300, reached), self.application(region)

    def gate_log(self, region: str, application: str = "influxdb") -> str:
        """The output of a region's gate tests until now."""
        (path,) = self.home.logs.glob(f"*-{region}/step-{application}-gate.log")
        return path.read_text()

    def front(self, region: str, path: str) -> Any:
        """The answer of a region's front service."""
        for entry in lifecycle.status(self.home)["processes"]:
            process = psutil.Process(entry["pid"])
            if entry["name"] == "front" and process.environ()["REGION"] == region:
                (port,) = {c.laddr.port for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
                return httpx.get(f"http://127.0.0.1:{port}{path}").json()
        raise AssertionError(f"no front runs in {region}")

    def plan(self, region: str) -> dict[str, str]:
        """The changes of a preview: URN to operation."""
        steps = json.loads(self.pulumi("preview", "--json", "--policy-pack", "policy", "-s", region))["steps"]
        return {step["urn"]: step["op"] for step in steps if step["op"] != "same"}


@pytest.fixture(scope="module")
def running(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The regions, brought up as `make demo` does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bring_up, "RESULT", tmp_path_factory.mktemp("demo") / "demo.json")
        commit, states = bring_up.run(home, bring_up.choose(",".join(REGIONS)), lambda text: None)
        yield Running(home, commit, {state.name: state for state in states})


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_comes_up_from_its_stack_file_to_synced_and_healthy(running: Running, region: str) -> None:
    state = running.states[region]
    assert state.arrived(running.commit), state
    release = regions.kubectl(running.home, region, "get", "configmap", "release", "-n", "influxdb", "-o", "json")
    assert json.loads(release)["data"] == {"commit": running.commit, "region": region}


def test_a_second_up_changes_nothing(running: Running) -> None:
    def up(region: str) -> str:
        return running.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "-s", region)

    with ThreadPoolExecutor(bring_up.PARALLEL) as pool:
        assert all("unchanged" in text for text in pool.map(up, REGIONS))


@pytest.mark.parametrize("region", REGIONS)
def test_its_own_api_server_takes_all_that_a_region_runs(running: Running, region: str) -> None:
    known = FLEET.regions[region]
    objects = render.render(render.sources(CHECKOUT), known, "https://git.example.com/a/b.git", running.commit)
    manifest = running.home.root / f"{region}.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    strict = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", str(manifest))
    output = regions.kubectl(running.home, region, "apply", *strict)
    assert output.count("(server dry run)") == len(objects)
    objects[0]["data"] = {"commit": 1}
    manifest.write_text(json.dumps(objects[0]))
    with pytest.raises(SandboxError, match=r"data\.commit"):
        regions.kubectl(running.home, region, "apply", *strict)


def test_no_output_is_a_secret_and_all_that_people_use_are_there(running: Running) -> None:
    outputs = json.loads(running.pulumi("stack", "output", "--json", "-s", GCP))
    names = {"region", "wave", "branch", "cluster", "endpoint", "kubeconfigCommand", "keptAfterDestroy"}
    assert set(outputs) == names
    assert "[secret]" not in outputs.values()


def test_argo_cd_and_argo_workflows_listen_on_this_machine_alone(running: Running) -> None:
    listening = {
        (process["name"], connection.laddr.ip)
        for process in lifecycle.status(running.home)["processes"]
        for connection in psutil.Process(process["pid"]).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {name for name, _ in listening} >= {"argocd-repo-server", "argocd-server", "redis"}
    assert {address for _, address in listening} == {"127.0.0.1"}, listening


def test_argo_cd_has_its_settings_from_the_start(running: Running) -> None:
    settings = {
        "argocd-application-controller": {
            "ARGOCD_RECONCILIATION_TIMEOUT": "3s",
            "ARGOCD_RECONCILIATION_JITTER": "0s",
            "ARGOCD_APPLICATION_CONTROLLER_SYNC_TIMEOUT": "900",
        },
        "argocd-repo-server": {"ARGOCD_RECONCILIATION_TIMEOUT": "1s"},
    }
    count = 0
    for process in lifecycle.status(running.home)["processes"]:
        for name, value in settings.get(process["name"], {}).items():
            assert psutil.Process(process["pid"]).environ().get(name) == value, process
            count += 1
    assert count == sum(map(len, settings.values())) * len(REGIONS)


@pytest.mark.parametrize("region", REGIONS)
def test_another_tag_updates_and_replaces_nothing(running: Running, region: str) -> None:
    path = running.home.checkout / "stacks" / f"Pulumi.{region}.yaml"
    with key_set(path, "regions:tags: { team: storage }"):
        assert set(running.plan(region).values()) == {"update"}


def test_a_deleted_object_comes_back(running: Running) -> None:
    service = ("service/influxdb", "-n", "influxdb")
    uid = "jsonpath={.metadata.uid}"
    before = regions.kubectl(running.home, AWS, "get", *service, "-o", uid)
    regions.kubectl(running.home, AWS, "delete", *service)
    regions.kubectl(running.home, AWS, "wait", "--for=create", *service, "--timeout=60s")
    assert regions.kubectl(running.home, AWS, "get", *service, "-o", uid) != before


def test_a_commit_on_a_regions_branch_arrives_in_that_region_alone(running: Running) -> None:
    checkout = running.home.checkout
    repository.git(*AUTHOR, "commit", "--quiet", "--allow-empty", "-m", "A new release", cwd=checkout)
    commit = repository.git("rev-parse", "HEAD", cwd=checkout)
    repository.git("push", "--quiet", "origin", f"HEAD:refs/heads/region/{GCP}", cwd=checkout)
    arrived = regions.wait(running.home, running.states[GCP], commit, 300)
    assert arrived.arrived(commit), arrived
    assert regions.observe(running.home, running.states[AZURE]).commit == running.commit


def test_a_flag_flips_in_one_region_without_a_release(running: Running, tmp_path: Path) -> None:
    assert {region: running.front(region, "/flags") for region in REGIONS} == dict.fromkeys(REGIONS, DEFAULTS)
    flags = tmp_path / "flags"
    repository.git("clone", "--quiet", "--branch", "flags", str(running.home.repository), str(flags), cwd=tmp_path)
    file = flags / "shared" / "default" / "features.yaml"
    features = yaml.safe_load(file.read_text())
    ((constraint,),) = [segment["constraints"] for segment in features["segments"]]

    def flip(regions: list[str]) -> None:
        constraint["value"] = json.dumps(regions)
        file.write_text(yaml.safe_dump(features))
        repository.git(*AUTHOR, "commit", "--quiet", "--all", "-m", f"Refuse writes in {regions}", cwd=flags)
        repository.git("push", "--quiet", cwd=flags)

    released = repository.heads(running.home, "region/")
    flip([AZURE])
    assert within(60, lambda: running.front(AZURE, "/flags") == {ACCEPT_WRITES: False})
    assert running.front(AWS, "/flags") == DEFAULTS
    flip([])
    assert within(60, lambda: running.front(AZURE, "/flags") == DEFAULTS)
    assert repository.heads(running.home, "region/") == released


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (3, "Failed")])
def test_a_workflows_step_runs_and_its_exit_code_counts(running: Running, code: int, phase: str) -> None:
    name = f"step-{code}"
    # A step has access to its region's API server, its environment, and the checkout's programs in place of its image.
    script = f'test -n "$KUBECONFIG" && test "$NAMESPACE" = argo && python -m gates --help && exit {code}'
    env = [{"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}]
    template = {"name": "main", "container": {"image": "gates", "command": ["sh", "-c", script], "env": env}}
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "namespace": "argo"},
        "spec": {"entrypoint": "main", "templates": [template]},
    }
    manifest = running.home.root / f"{name}.json"
    manifest.write_text(json.dumps(workflow))
    regions.kubectl(running.home, AWS, "apply", "-f", str(manifest))
    wait = f"--for=jsonpath={{.status.phase}}={phase}"
    regions.kubectl(running.home, AWS, "wait", wait, f"workflow/{name}", "-n", "argo", "--timeout=60s")


@pytest.mark.parametrize(
    ("region", "application", "checks"),
    [(AZURE, "influxdb", 3), (AWS, "influxdb", 7), (AZURE, "front", 3), (AWS, "front", 7)],
)
def test_a_sync_ends_well_once_the_waves_checks_have_passed(
    running: Running, region: str, application: str, checks: int
) -> None:
    running.reaches(region, running.commit, "Succeeded")
    output = running.gate_log(region, application)
    assert output.startswith(f"{application} {running.commit}\n")
    assert output.count(": passed (") == checks, output
    assert ("budget: passed" in output) == ((region, application) == (AWS, "front"))


def test_a_commit_that_breaks_the_service_fails_its_gate_though_argo_cd_calls_all_well(running: Running) -> None:
    file, sound = "apps/influxdb/main.jsonnet", "app.service({ http: port }),"
    broken = "app.service({ http: port }) + { spec+: { selector: { 'app.kubernetes.io/name': 'nobody' } } },"
    commit = running.release(AZURE, file, sound, broken)
    running.reaches(AZURE, commit, "Failed")
    status = running.application(AZURE)
    assert (status["sync"]["status"], status["health"]["status"]) == ("Synced", "Healthy")
    assert "no ready pod is behind port 8086 of service influxdb" in running.gate_log(AZURE)
    commit = running.release(AZURE, file, broken, sound)
    # During a sync, Argo CD takes the next commit for drift of this one, and heals it without hooks.
    running.reaches(AZURE, commit, "Succeeded")


def test_an_image_that_cannot_be_pulled_never_gets_ready_and_the_next_commit_takes_its_place(running: Running) -> None:
    commit = running.release(AZURE, "pins/influxdb.json", "influxdb:2", "influxdb:does-not-exist-2")
    running.reaches(AZURE, commit, "Running")
    pod = ("get", "pod", "influxdb-0", "-n", "influxdb", "-o", "jsonpath={.status.containerStatuses[0].state}")
    assert within(180, lambda: "ErrImagePull" in regions.kubectl(running.home, AZURE, *pod, check=False))
    assert running.application(AZURE)["health"]["status"] == "Progressing"
    commit = running.release(AZURE, "pins/influxdb.json", "influxdb:does-not-exist-2", "influxdb:2")
    # As in `argocd app terminate-op`. People do not need it: the controller's own limit ends the operation.
    termination = json.dumps({"status": {"operationState": {"phase": "Terminating"}}})
    patch = ("patch", "application", AZURE, "-n", "argocd", "--type=merge", "-p", termination)
    regions.kubectl(running.home, AZURE, *patch)
    running.reaches(AZURE, commit, "Succeeded")


@pytest.mark.parametrize("region", PROTECTED)
def test_nothing_of_a_protected_region_is_deleted(running: Running, region: str) -> None:
    before = running.created(region)
    with pytest.raises(SandboxError, match=r"cannot be deleted\s+because it is protected"):
        running.pulumi("destroy", "--yes", "--skip-preview", "-s", region)
    assert running.created(region) == before


def test_destroy_leaves_nothing_in_the_simulated_clouds_but_locked_backups(running: Running) -> None:
    kept: list[str] = []

    def destroy(region: str) -> None:
        path = running.home.checkout / "stacks" / f"Pulumi.{region}.yaml"
        if region in PROTECTED:
            set_key(path, "regions:protect: false")
            running.pulumi("up", "--yes", "--skip-preview", "-s", region)
        kept.extend(running.kept(region))
        running.pulumi("destroy", "--yes", "--skip-preview", "-s", region)
        assert regions.resources(running.home, region) == 0

    with ThreadPoolExecutor(bring_up.PARALLEL) as pool:
        list(pool.map(destroy, REGIONS))
    command = [sys.executable, "-m", "sandbox.clouds", "list", "--json"]
    listing = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    left = [row["id"] for row in json.loads(listing.stdout or "[]")]
    assert sorted(id_ for id_ in left if "/regions-management" not in id_) == sorted(kept)
    assert lifecycle.status(running.home)["clusters"] == []
