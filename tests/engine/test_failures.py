"""A new region, from a copied stack file to Healthy: each error is clear, and the next `up` goes on.

The tests build on each other, in their order. Each test leaves the region a step further.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from sandbox import lifecycle
from sandbox.demo import regions
from sandbox.demo.regions import DeployedRegion
from sandbox.githost import repository
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT, Home
from tests.engine.stack_files import key_set

SOURCE, REGION = "staging-aws-eu-west-1", "staging-aws-eu-north-1"
EDITS = (("location: eu-west-1", "location: eu-north-1"), ("10.16.0.0/16", "10.201.0.0/16"))
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@localhost")


class NewRegion:
    """A region whose stack file is a copy of another's with two lines edited."""

    def __init__(self, home: Home, checkout: Path) -> None:
        self.home = home
        self.checkout = checkout
        self.path = checkout / "stacks" / f"Pulumi.{REGION}.yaml"
        self.commit = ""

    def up(self) -> int:
        """`pulumi up`. Returns the number of resources."""
        return regions.up(self.home, self.checkout, REGION)

    def failed_up(self) -> str:
        """`pulumi up`, which must fail. Returns its output."""
        with pytest.raises(SandboxError) as failure:
            self.up()
        return str(failure.value)

    @property
    def resources(self) -> int:
        """The number of resources in the stack."""
        return regions.resources(self.home, REGION)


@pytest.fixture(scope="module")
def region(home: Home) -> NewRegion:
    """The new region's file on main and on its branch, as after its pull request."""
    lifecycle.publish(home, CHECKOUT, [])
    new = NewRegion(home, lifecycle.clone(home))
    text = (new.checkout / "stacks" / f"Pulumi.{SOURCE}.yaml").read_text()
    for before, after in EDITS:
        assert text.count(before) == 1
        text = text.replace(before, after)
    new.path.write_text(text)
    repository.git("add", "stacks", cwd=new.checkout)
    repository.git(*AUTHOR, "commit", "--quiet", "-m", f"Add region {REGION}", cwd=new.checkout)
    repository.git("push", "--quiet", "origin", "HEAD:main", f"HEAD:refs/heads/region/{REGION}", cwd=new.checkout)
    new.commit = repository.git("rev-parse", "HEAD", cwd=new.checkout)
    lifecycle.initialise_stacks(home, [REGION])
    return new


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "10.201.0.0/16",
            "10.16.0.0/16",
            rf"regions:network = 10\.16\.0\.0/16: overlaps .*Pulumi\.({REGION}|{SOURCE})",
        ),
        ("wave: staging", "wave: stagin", "regions:wave = stagin: .*staging, internal, external"),
        ("cloud: aws", "cloud: gcp", "regions:gcp"),
        ("cloud: aws", "cloud: ibm", "regions:cloud = ibm"),
        ("location: eu-north-1", "location: westeurope", "regions:location = westeurope"),
        ("accountId", "acountId", r"regions:aws\.acountId"),
        ('"111122223333"', "111122223333", r"regions:aws\.accountId = 111122223333: .*quoted"),
        ("size: small", "size: smal", "regions:size = smal: .*small"),
        ("  regions:wave: staging\n", "", "regions:wave: .*missing"),
    ],
)
def test_a_bad_stack_file_is_refused_before_anything_is_created(
    region: NewRegion, before: str, after: str, words: str
) -> None:
    text = region.path.read_text()
    assert before in text
    region.path.write_text(text.replace(before, after))
    try:
        with pytest.raises(SandboxError, match=rf"(?s)failed with [1-9].*{words}") as failure:
            region.up()
    finally:
        region.path.write_text(text)
    assert f"stacks/Pulumi.{REGION}.yaml" in str(failure.value)
    assert region.resources <= 1, "only the stack itself"


def test_an_api_server_without_a_way_is_named_and_nothing_is_lost(region: NewRegion) -> None:
    public = "regions:apiAllowedCidrs: [198.51.100.0/24]"  # not this machine's
    with key_set(region.path, "regions:management: {}"), key_set(region.path, public):
        output = region.failed_up()
    assert "configured Kubernetes cluster is unreachable" in output
    assert "https://127.0.0.1:" in output
    plugin = [str(region.home.bin / "aws"), "--region", "eu-north-1", "eks", "get-token", "--cluster-name", REGION]
    refusal = lifecycle.run(region.home, plugin, region.home.root, capture_output=True).stderr
    assert "dial tcp 10.201.0.10:443: i/o timeout" in refusal
    assert region.resources > 60, "the state has the cluster, its nodes and its add-ons"


def test_a_refused_call_is_named_with_the_clouds_own_error(region: NewRegion) -> None:
    # AWS has the type, and the simulated AWS does not.
    with key_set(region.path, "regions:nodePools: { general: { machineType: i4i.xlarge, minNodes: 3, maxNodes: 6 } }"):
        output = region.failed_up()
    assert "aws:eks:NodeGroup" in output or "aws:eks/nodeGroup:NodeGroup" in output
    assert "supplied instance types do not exist: ['i4i.xlarge']" in output
    assert region.resources > 20, "the state has the resources from before the error"


def test_a_missing_exec_plugin_is_named(region: NewRegion, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = os.environ["PATH"].split(os.pathsep)
    monkeypatch.setenv("PATH", os.pathsep.join(folder for folder in folders if not (Path(folder) / "aws").exists()))
    plugin = region.home.bin / "aws"
    plugin.rename(plugin.with_suffix(".away"))
    try:
        output = region.failed_up()
    finally:
        plugin.with_suffix(".away").rename(plugin)
    assert "executable aws not found" in output
    assert "credential plugin that is not installed" in output


def test_a_cluster_that_does_not_answer_is_named(region: NewRegion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_CLIENT_TIMEOUT", "5")  # instead of half a minute, for which the provider waits twice
    processes = lifecycle.status(region.home)["processes"]
    server = next(p["pid"] for p in processes if p["name"] == "kube-apiserver" and p["cluster"].endswith(REGION))
    os.kill(server, signal.SIGSTOP)
    try:
        output = region.failed_up()
    finally:
        os.kill(server, signal.SIGCONT)
    assert "unreachable" in output or "did not answer" in output
    assert "https://127.0.0.1:" in output


def test_a_workload_that_never_gets_ready_fails_the_update_and_is_named(region: NewRegion) -> None:
    # The controllers come back in their own time from the test before, in which their API server stood still.
    regions.kubectl(region.home, REGION, "create", "deployment", "canary", "--image=canary")
    regions.kubectl(region.home, REGION, "rollout", "status", "deployment/canary", "--timeout=180s")
    source = region.checkout / "components" / "argo" / "workflows.py"
    text = source.read_text()
    image, spec = '.replace(":latest", f":{version}")', 'spec = manifest["spec"]["template"]["spec"]\n'
    hasty = 'manifest["metadata"]["annotations"] = {"pulumi.com/timeoutSeconds": "90"}\n'
    assert text.count(image) == text.count(spec) == 1
    edited = text.replace(image, '.replace(":latest", ":does-not-exist")').replace(spec, f"{spec}            {hasty}")
    source.write_text(edited)
    try:
        output = region.failed_up()
    finally:
        source.write_text(text)
    assert "argo/workflow-controller" in output
    assert "ErrImagePull" in output
    export = json.loads(regions.pulumi(region.home, region.checkout, "stack", "export", "-s", REGION))
    (known,) = [
        resource
        for resource in export["deployment"]["resources"]
        if resource["urn"].endswith("argo/workflow-controller") and resource["type"] == "kubernetes:apps/v1:Deployment"
    ]
    assert known["initErrors"], "the state has the Deployment, and its error"


def test_the_next_up_goes_on_to_a_healthy_application(region: NewRegion) -> None:
    before = region.resources
    assert region.up() > before
    state = regions.wait(region.home, DeployedRegion(REGION, "aws", "staging"), region.commit, 300)
    assert state.arrived(region.commit), state
    export = json.loads(regions.pulumi(region.home, region.checkout, "stack", "export", "-s", REGION))
    assert not export["deployment"].get("pending_operations")


def test_an_up_reverts_kubectls_changes_and_names_fields_of_another_manager(region: NewRegion) -> None:
    settings = ("configmap", "argocd-cm", "-n", "argocd")

    def change(value: str, manager: str) -> None:
        patch = json.dumps({"data": {"admin.enabled": value}})
        regions.kubectl(
            region.home, REGION, "patch", *settings, f"--field-manager={manager}", "--type=merge", "-p", patch
        )

    def refresh_and_up() -> str:
        arguments = ("up", "--yes", "--skip-preview", "--suppress-progress", "--refresh", "-s", REGION)
        return regions.pulumi(region.home, region.checkout, *arguments)

    change("true", "kubectl-edit")
    assert "1 updated" in refresh_and_up()
    value = regions.kubectl(region.home, REGION, "get", *settings, "-o", r"jsonpath={.data.admin\.enabled}")
    assert value == "false"
    change("true", "some-controller")
    with pytest.raises(SandboxError, match=r'conflict with "some-controller".*\.data\.admin\.enabled'):
        refresh_and_up()
