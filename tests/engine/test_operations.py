"""What SREs do with a region that runs: let people in, take a new Argo CD, bring a volume back. A production region, as it is."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import fleet
from components.argo import manifests
from sandbox import lifecycle
from sandbox.demo import bring_up, regions
from sandbox.machine.home import CHECKOUT, Home
from sandbox.toolchain.build import downloaded
from sandbox.toolchain.tools import TOOLS
from tests.engine.stack_files import key_set, set_key
from tests.waiting import within

REGION = "prod-gcp-europe-west4"
OLD_ARGO_CD = "v3.5.4"
"""The last release of the minor version before ours."""
CLAIM = "data-influxdb-0"


class Production:
    """A production region that runs, and may be destroyed in the end."""

    def __init__(self, home: Home, checkout: Path) -> None:
        self.home, self.checkout = home, checkout
        self.stack_file = checkout / "stacks" / f"Pulumi.{REGION}.yaml"

    def up(self) -> None:
        """`pulumi up`."""
        regions.up(self.home, self.checkout, REGION)

    def plan(self) -> dict[str, str]:
        """What an `up` would do: URN to operation."""
        shown = regions.pulumi(self.home, self.checkout, "preview", "--json", "--policy-pack", "policy", "-s", REGION)
        return {step["urn"]: step["op"] for step in json.loads(shown)["steps"] if step["op"] != "same"}

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """Run kubectl in the region."""
        return regions.kubectl(self.home, REGION, *arguments, check=check)

    def get(self, *what: str) -> dict[str, Any]:
        """One object of the region; empty if it is not there."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *what, "-o", "json", "--ignore-not-found") or "{}")
        return found

    def may(self, group: str, verb: str, what: str) -> bool:
        """Whether somebody of a group may do something in the region's cluster, as the cluster itself says."""
        asked = ("auth", "can-i", verb, what, "--as", "somebody@example.com", "--as-group", group)
        return self.kubectl(*asked, check=False).strip() == "yes"

    def well(self) -> bool:
        """Whether Argo CD calls the region's Application synced and healthy."""
        status = self.get("application", REGION, "-n", "argocd").get("status", {})
        return (status.get("sync", {}).get("status"), status.get("health", {}).get("status")) == ("Synced", "Healthy")


def older_argo_cd(checkout: Path) -> None:
    """Put the manifests of an older release in the place of ours, as the commit before the upgrade had them."""
    (tool,) = [tool for tool in TOOLS if tool.module == "argocd"]
    manifests = downloaded(tool.folder, f"github.com/argoproj/argo-cd/v3@{OLD_ARGO_CD}") / "manifests"
    folder = checkout / "components" / "upstream"
    pins = json.loads((folder / "pins.json").read_text())
    ours = pins["argo-cd"]
    ours["version"] = OLD_ARGO_CD
    for name in ours["files"]:
        shutil.copyfile(manifests / name, folder / "argo-cd" / name)
        ours["files"][name] = hashlib.sha256((manifests / name).read_bytes()).hexdigest()
    (folder / "pins.json").write_text(json.dumps(pins, indent=2))


@pytest.fixture(scope="module")
def production(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Production:
    """The region with the Argo CD before ours, two groups of people let in, and no protection, so that it can go."""
    assert fleet.read(CHECKOUT).regions[REGION].wave.production, "volumes are kept"
    lifecycle.publish(home, CHECKOUT, [REGION])
    found = Production(home, lifecycle.clone(home))
    set_key(found.stack_file, "regions:protect: false")
    set_key(found.stack_file, "regions:clusterAccess: { admins: [sre@example.com], viewers: [support@example.com] }")
    ours = tmp_path_factory.mktemp("ours") / "upstream"
    shutil.copytree(found.checkout / "components" / "upstream", ours)
    older_argo_cd(found.checkout)
    lifecycle.initialise_stacks(home, [REGION])
    found.up()
    assert within(bring_up.HEALTHY_SECONDS, found.well)
    shutil.copytree(ours, found.checkout / "components" / "upstream", dirs_exist_ok=True)
    return found


def test_people_get_in_by_their_groups_and_nobody_else_does(production: Production) -> None:
    assert production.may("sre@example.com", "*", "*")
    assert production.may("support@example.com", "list", "pods")
    assert not production.may("support@example.com", "delete", "pods")
    assert not production.may("support@example.com", "get", "secrets")
    assert not production.may("others@example.com", "list", "pods")


def test_a_new_minor_version_of_argo_cd_keeps_every_application(production: Production) -> None:
    def images() -> set[str]:
        kinds = json.loads(production.kubectl("get", "deployments,statefulsets", "-n", "argocd", "-o", "json"))["items"]
        return {c["image"] for each in kinds for c in each["spec"]["template"]["spec"]["containers"]}

    kept = [
        ("application", REGION, "-n", "argocd"),
        ("appproject", REGION, "-n", "argocd"),
        ("crd", "applications.argoproj.io"),
        ("statefulset", "influxdb", "-n", "influxdb"),
        ("persistentvolumeclaim", CLAIM, "-n", "influxdb"),
    ]
    before = [production.get(*each)["metadata"]["uid"] for each in kept]
    assert any(image.endswith(f":{OLD_ARGO_CD}") for image in images())
    plan = production.plan()
    assert plan
    assert {operation for operation in plan.values() if "replace" in operation} == set()
    production.up()
    assert [production.get(*each)["metadata"]["uid"] for each in kept] == before
    wanted = manifests.version("argo-cd")
    assert {image.rpartition(":")[2] for image in images() if "argocd" in image} == {wanted}
    assert within(120, production.well)
    commit = production.get("application", REGION, "-n", "argocd")["status"]["sync"]["revision"]
    assert production.get("configmap", "release", "-n", "influxdb")["data"]["commit"] == commit
    assert production.plan() == {}


def test_a_volume_is_brought_back_after_the_runbook(production: Production) -> None:
    claim = ("persistentvolumeclaim", CLAIM, "-n", "influxdb")
    lost = production.get(*claim)["spec"]["volumeName"]
    disk = production.get("persistentvolume", lost)["spec"]["csi"]["volumeHandle"]
    with key_set(production.stack_file, "regions:suspended: true"):
        production.up()
        assert within(60, lambda: production.get("pod", "influxdb-0", "-n", "influxdb") == {})
        production.kubectl("delete", *claim)  # what was lost
        assert within(30, lambda: production.get("persistentvolume", lost)["status"]["phase"] == "Released")
        production.kubectl("delete", "persistentvolume", lost)  # only the record: the disk stays
        node = json.loads(production.kubectl("get", "nodes", "-o", "json"))["items"][0]
        zone = "topology.kubernetes.io/zone"
        here = {"key": zone, "operator": "In", "values": [node["metadata"]["labels"][zone]]}
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "restored-influxdb-0"},
            "spec": {
                "capacity": {"storage": "500Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "regions-ssd",
                "csi": {"driver": "pd.csi.storage.gke.io", "volumeHandle": disk},
                "claimRef": {"namespace": "influxdb", "name": CLAIM},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
            },
        }
        manifest = production.home.root / "restored.json"
        manifest.write_text(json.dumps(volume))
        production.kubectl("apply", "-f", str(manifest))
    production.up()
    assert within(60, lambda: production.get(*claim).get("status", {}).get("phase") == "Bound")
    assert production.get(*claim)["spec"]["volumeName"] == "restored-influxdb-0"
    assert within(120, production.well)
    pod = production.get("pod", "influxdb-0", "-n", "influxdb")
    on = production.get("node", pod["spec"]["nodeName"])
    assert on["metadata"]["labels"][zone] == here["values"][0], "the pod runs where its disk is"
