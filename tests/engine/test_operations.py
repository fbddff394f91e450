"""Operations of SREs on a running production region: access for people, a new Argo CD, a volume from a snapshot."""

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
    """A running production region without protection."""

    def __init__(self, home: Home, checkout: Path) -> None:
        self.home, self.checkout = home, checkout
        self.stack_file = checkout / "stacks" / f"Pulumi.{REGION}.yaml"

    def up(self) -> None:
        """`pulumi up`."""
        regions.up(self.home, self.checkout, REGION)

    def plan(self) -> dict[str, str]:
        """The plan of an `up`: URN to operation."""
        preview = regions.pulumi(self.home, self.checkout, "preview", "--json", "--policy-pack", "policy", "-s", REGION)
        return {step["urn"]: step["op"] for step in json.loads(preview)["steps"] if step["op"] != "same"}

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """Run kubectl in the region."""
        return regions.kubectl(self.home, REGION, *arguments, check=check)

    def get(self, *query: str) -> dict[str, Any]:
        """One object of the region. Empty if there is none."""
        item: dict[str, Any] = json.loads(self.kubectl("get", *query, "-o", "json", "--ignore-not-found") or "{}")
        return item

    def may(self, group: str, verb: str, resource: str) -> bool:
        """Whether a member of a group may do an operation in the region's cluster, by the cluster's own answer."""
        query = ("auth", "can-i", verb, resource, "--as", "member@example.com", "--as-group", group)
        return self.kubectl(*query, check=False).strip() == "yes"

    def well(self) -> bool:
        """Whether Argo CD calls the region's Application synced and healthy."""
        status = self.get("application", REGION, "-n", "argocd").get("status", {})
        return (status.get("sync", {}).get("status"), status.get("health", {}).get("status")) == ("Synced", "Healthy")


def older_argo_cd(checkout: Path) -> None:
    """Replace our manifests by those of an older release, as in the commit before the upgrade."""
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
    """The region with an older Argo CD, two groups of people with access, and no protection."""
    assert fleet.read(CHECKOUT).regions[REGION].wave.production, "volumes are kept"
    lifecycle.publish(home, CHECKOUT, [REGION])
    region = Production(home, lifecycle.clone(home))
    set_key(region.stack_file, "regions:protect: false")
    set_key(region.stack_file, "regions:clusterAccess: { admins: [sre@example.com], viewers: [support@example.com] }")
    ours = tmp_path_factory.mktemp("ours") / "upstream"
    shutil.copytree(region.checkout / "components" / "upstream", ours)
    older_argo_cd(region.checkout)
    lifecycle.initialise_stacks(home, [REGION])
    region.up()
    assert within(bring_up.HEALTHY_SECONDS, region.well)
    shutil.copytree(ours, region.checkout / "components" / "upstream", dirs_exist_ok=True)
    return region


def test_only_the_groups_with_access_get_in(production: Production) -> None:
    assert production.may("sre@example.com", "*", "*")
    assert production.may("support@example.com", "list", "pods")
    assert not production.may("support@example.com", "delete", "pods")
    assert not production.may("support@example.com", "get", "secrets")
    assert not production.may("others@example.com", "list", "pods")


def test_a_new_minor_version_of_argo_cd_keeps_every_application(production: Production) -> None:
    def images() -> set[str]:
        workloads = json.loads(production.kubectl("get", "deployments,statefulsets", "-n", "argocd", "-o", "json"))[
            "items"
        ]
        return {c["image"] for workload in workloads for c in workload["spec"]["template"]["spec"]["containers"]}

    objects = [
        ("application", REGION, "-n", "argocd"),
        ("appproject", REGION, "-n", "argocd"),
        ("crd", "applications.argoproj.io"),
        ("statefulset", "influxdb", "-n", "influxdb"),
        ("persistentvolumeclaim", CLAIM, "-n", "influxdb"),
    ]
    before = [production.get(*query)["metadata"]["uid"] for query in objects]
    assert any(image.endswith(f":{OLD_ARGO_CD}") for image in images())
    plan = production.plan()
    assert plan
    assert {operation for operation in plan.values() if "replace" in operation} == set()
    production.up()
    assert [production.get(*query)["metadata"]["uid"] for query in objects] == before
    expected = manifests.version("argo-cd")
    assert {image.rpartition(":")[2] for image in images() if "argocd" in image} == {expected}
    assert within(300, production.well)
    commit = production.get("application", REGION, "-n", "argocd")["status"]["sync"]["revision"]
    assert production.get("configmap", "release", "-n", "influxdb")["data"]["commit"] == commit
    assert production.plan() == {}


def test_a_volume_is_brought_back_after_the_runbook(production: Production) -> None:
    claim = ("persistentvolumeclaim", CLAIM, "-n", "influxdb")
    lost = production.get(*claim)["spec"]["volumeName"]
    disk = production.get("persistentvolume", lost)["spec"]["csi"]["volumeHandle"]
    with key_set(production.stack_file, "regions:suspended: true"):
        production.up()
        assert within(180, lambda: production.get("pod", "influxdb-0", "-n", "influxdb") == {})
        production.kubectl("delete", *claim)  # the loss
        assert within(180, lambda: production.get("persistentvolume", lost)["status"]["phase"] == "Released")
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
    assert within(180, lambda: production.get(*claim).get("status", {}).get("phase") == "Bound")
    assert production.get(*claim)["spec"]["volumeName"] == "restored-influxdb-0"
    assert within(300, production.well)
    pod = production.get("pod", "influxdb-0", "-n", "influxdb")
    on = production.get("node", pod["spec"]["nodeName"])
    assert on["metadata"]["labels"][zone] == here["values"][0], "the pod runs where its disk is"
