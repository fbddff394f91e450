"""The parts of the measurement of RollingSync that are pure: what is installed, what a commit holds, what was received."""

from __future__ import annotations

import re
from typing import Any

import fleet
from bench import applicationset
from bench.hub import Observed
from bench.rollingsync import Round, beyond, table
from components.argo import argocd, manifests
from sandbox.machine.home import CHECKOUT


def application(received: str, compared: str, sync: str = "Synced", health: str = "Healthy") -> dict[str, Any]:
    return {
        "metadata": {"name": "tools"},
        "status": {
            "sync": {"revision": compared, "status": sync},
            "health": {"status": health},
            "operationState": {"syncResult": {"revision": received}},
        },
    }


def test_a_region_has_not_received_the_commit_that_it_is_only_compared_with() -> None:
    behind = Observed.of(application("good", "bad", "OutOfSync"))
    assert behind.received == "good"
    assert not behind.arrived("bad")
    assert not behind.arrived("good")
    assert Observed.of(application("good", "good")).arrived("good")
    assert not Observed.of(application("good", "good", health="Progressing")).arrived("good")


def test_a_new_application_has_received_nothing() -> None:
    new = Observed.of({"metadata": {"name": "tools"}})
    assert (new.received, new.sync, new.health) == ("", "", "")


def test_only_regions_beyond_the_first_wave_leak() -> None:
    received = {("staging", "bad"), ("tools", "bad"), ("tools", "good"), ("prod", "good")}
    assert beyond(received, "bad", ["staging"]) == ["tools"]
    assert beyond(received, "good", ["staging"]) == ["prod", "tools"]


def test_each_wave_is_a_step_and_each_region_an_application() -> None:
    members = fleet.read(CHECKOUT).in_waves()
    _, made = applicationset.rollout(members, "file:///repository")
    steps = made["spec"]["strategy"]["rollingSync"]["steps"]
    assert [step["matchExpressions"][0]["values"] for step in steps] == [["staging"], ["internal"], ["external"]]
    elements = made["spec"]["generators"][0]["list"]["elements"]
    assert {element["region"] for element in elements} == {member.name for member in members}


def test_what_regions_leave_out_is_installed_with_their_own_settings() -> None:
    objects = manifests.manifests("argo-cd", "namespace-install.yaml")
    region = fleet.read(CHECKOUT).in_waves()[0]
    made = applicationset.installation(objects, region, "file:///repository")
    installed = {(item["kind"], item["metadata"]["name"]): item for item in made}
    assert installed["Deployment", applicationset.CONTROLLER]["metadata"]["namespace"] == argocd.NAMESPACE
    settings = installed["ConfigMap", "argocd-cm"]["data"]
    assert settings["timeout.reconciliation"] == argocd.settings(region, "")["argocd-cm"]["timeout.reconciliation"]
    parameters = installed["ConfigMap", "argocd-cmd-params-cm"]["data"]
    assert parameters["applicationsetcontroller.enable.progressive.syncs"] == "true"


def test_a_bad_commit_is_accepted_but_its_pods_fit_no_node() -> None:
    _, good = applicationset.manifests(1, sound=True)
    _, bad = applicationset.manifests(2, sound=False)
    assert "nodeSelector" not in good["spec"]["template"]["spec"]
    # A selector that the API server refuses would fail the sync instead, which is another thing.
    selector = bad["spec"]["template"]["spec"]["nodeSelector"]
    assert all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?", value) for value in selector.values())


def test_the_table_has_a_row_for_each_round() -> None:
    text = table([Round("webhook", [], ["tools"], 40.0, 60.0), Round("webhook", ["prod", "tools"], [], 90.5, 150.0)])
    assert "| 1 | none | tools | 40.0 | 60.0 |" in text
    assert "| 2 | prod, tools | none | 90.5 | 150.0 |" in text
    assert text.startswith("In 1 of 2 rounds")
