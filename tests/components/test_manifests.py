"""The pure parts of the components: upstream's manifests with settings merged, addresses, the repository's name."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import fleet
from components.argo import application, argocd, manifests, workflows
from components.shared import subnets
from fleet.repository import without_credentials
from tests.repository import ROOT

REGION = fleet.read(ROOT).regions["prod-aws-us-east-1"]


@pytest.mark.parametrize("install", ["namespace-install.yaml", "ha/namespace-install.yaml"])
def test_argo_cd_is_rendered_without_its_unused_parts_and_with_our_settings(install: str) -> None:
    original = manifests.manifests("argo-cd", install)
    objects = argocd.render(original, argocd.settings(REGION, "https://git.example.com/platform/regions.git"))
    names = {manifest["metadata"]["name"] for manifest in objects}
    assert not [name for name in names if name.startswith(argocd.UNUSED)]
    assert {"argocd-application-controller", "argocd-repo-server", "argocd-server"} <= names
    config = next(m for m in objects if m["metadata"]["name"] == "argocd-cm")
    assert config["data"]["admin.enabled"] == "false"
    assert config["data"]["users.anonymous.enabled"] == "false"
    (server,) = (m for m in objects if m["kind"] == "Deployment" and m["metadata"]["name"] == "argocd-repo-server")
    variables = {e["name"]: e for e in server["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert variables["ARGOCD_RECONCILIATION_TIMEOUT"] == {"name": "ARGOCD_RECONCILIATION_TIMEOUT", "value": "1s"}
    before = next(m for m in original if m["metadata"]["name"] == "argocd-cm")
    assert "admin.enabled" not in before["data"], "the original is changed"
    assert before["data"].items() <= config["data"].items(), "a setting of upstream is lost"
    assert all(m["metadata"]["namespace"] == argocd.NAMESPACE for m in objects)


def test_a_setting_for_a_config_map_that_upstream_lacks_is_an_error() -> None:
    with pytest.raises(KeyError, match="no-such-cm"):
        argocd.render(manifests.manifests("argo-cd", "namespace-install.yaml"), {"no-such-cm": {"a": "b"}})


def test_a_tampered_manifest_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "argo-cd").mkdir()
    (tmp_path / "argo-cd" / "namespace-install.yaml").write_text("kind: Secret\n")
    (tmp_path / "pins.json").write_text((ROOT / "components" / "upstream" / "pins.json").read_text())
    monkeypatch.setattr(manifests, "_UPSTREAM", tmp_path)
    with pytest.raises(manifests.TamperedError, match=r"namespace-install\.yaml"):
        manifests.manifests("argo-cd", "namespace-install.yaml")


def test_every_vendored_file_is_pinned_and_no_image_is_latest() -> None:
    for product in ("argo-cd", "argo-workflows"):
        folder = ROOT / "components" / "upstream" / product
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")]
        assert sum(len(manifests.manifests(product, name)) for name in names) >= len(names)
    objects = workflows.render(manifests.manifests("argo-workflows", "workflow-controller*/*.yaml"))
    assert ":latest" not in str(objects)


def test_the_workflow_controller_reads_its_settings_once_and_new_ones_make_a_new_pod(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def template() -> dict[str, Any]:
        objects = workflows.render(manifests.manifests("argo-workflows", "workflow-controller*/*.yaml"))
        (pod,) = (m["spec"]["template"] for m in objects if m["kind"] == "Deployment")
        assert isinstance(pod, dict)
        return pod

    before = template()
    assert {"name": "WATCH_CONTROLLER_SEMAPHORE_CONFIGMAPS", "value": "false"} in before["spec"]["containers"][0]["env"]
    assert template() == before
    monkeypatch.setitem(workflows.SETTINGS, "parallelism", 2)
    assert template()["metadata"]["annotations"] != before["metadata"]["annotations"]


@pytest.mark.parametrize("network", ["10.0.0.0/16", "10.255.0.0/16"])
def test_subnets_are_inside_the_regions_network_and_apart_from_each_other(network: str) -> None:
    whole = IPv4Network(network)
    amazon, google, azure = subnets.aws(whole), subnets.gcp(whole), subnets.azure(whole)
    for parts in (
        [*amazon.private, *amazon.public],
        [google.nodes, google.services, google.control_plane, google.pods],
        [azure.nodes, azure.api_server],
    ):
        assert all(part.subnet_of(whole) for part in parts)
        assert not any(one.overlaps(other) for one, other in combinations(parts, 2))
    assert (len(amazon.private), len(amazon.public)) == (3, 3)


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://user:token@git.example.com/a/b.git", "https://git.example.com/a/b.git"),
        ("https://git.example.com/a/b.git", "https://git.example.com/a/b.git"),
        ("git@git.example.com:a/b.git", "ssh://git@git.example.com/a/b.git"),
        ("ssh://git:secret@git.example.com/a/b.git", "ssh://git@git.example.com/a/b.git"),
        ("/srv/git/b.git", "file:///srv/git/b.git"),
    ],
)
def test_the_repositorys_address_carries_no_credential(remote: str, expected: str) -> None:
    assert without_credentials(remote) == expected


def test_the_project_allows_one_repository_and_the_applications_namespaces_alone() -> None:
    spec = application.project_spec(REGION, "https://git.example.com/r.git")
    assert spec["sourceRepos"] == ["https://git.example.com/r.git"]
    destinations = [{"server": application.IN_CLUSTER, "namespace": name} for name in REGION.settings.applications]
    assert spec["destinations"] == destinations
    assert spec["clusterResourceWhitelist"] == []


def test_the_application_follows_the_regions_branch_and_heals_itself() -> None:
    spec = application.application_spec(REGION, "https://git.example.com/r.git")
    source = spec["source"]
    assert isinstance(source, dict)
    assert source["targetRevision"] == "region/prod-aws-us-east-1"
    values = {tla["name"]: tla["value"] for tla in source["directory"]["jsonnet"]["tlas"]}
    assert values["revision"] == "$ARGOCD_APP_REVISION"
    arguments = json.loads(str(values["region"]))
    expected = {"wave": "external", "cloud": "aws", "tenant": "shared", "size": "large"}
    assert expected.items() <= arguments.items()
    policy = spec["syncPolicy"]
    assert isinstance(policy, dict)
    assert policy["automated"] == {"prune": True, "selfHeal": True}
