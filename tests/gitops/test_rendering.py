"""What gitops/ renders for a region, without a cluster."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
import yaml

import fleet
from gates import __main__ as command
from gates import battery
from tests.repository import ROOT
from waves.review.render import render, sources

FLEET = fleet.read(ROOT)
FILES = sources(ROOT)
COMMIT = "9f6a403fb75e95b441c10d57cd87720841a814f2"
FAST = ["release", "workloads", "endpoints"]


def rendered(wave: str, applications: tuple[str, ...] = ("influxdb",), asleep: bool = False) -> list[dict[str, Any]]:
    """The objects of a region of this wave."""
    (region,) = [each for each in FLEET.regions.values() if each.wave.name == wave][:1]
    changed = region.settings.model_copy(update={"applications": list(applications), "asleep": asleep})
    return render(FILES, replace(region, settings=changed), "https://git.example.com/platform/regions.git", COMMIT)


def gate(wave: str, application: str = "influxdb") -> dict[str, Any]:
    """The Workflow of the gate."""
    (workflow,) = [item for item in rendered(wave, (application,)) if item["kind"] == "Workflow"]
    return workflow


@pytest.mark.parametrize(
    ("wave", "application", "checks"),
    [
        ("staging", "influxdb", FAST),
        ("internal", "influxdb", battery.CHECKS.keys() - {"budget"}),
        ("external", "influxdb", battery.CHECKS.keys() - {"budget"}),
        ("staging", "front", FAST),
        ("internal", "front", battery.CHECKS.keys() - {"volumes", "budget"}),
    ],
)
def test_a_wave_is_asked_its_own_checks_about_the_commit_that_was_synced(
    wave: str, application: str, checks: Collection[str]
) -> None:
    workflow = gate(wave, application)
    (template,) = workflow["spec"]["templates"]
    assert template["container"]["command"] == ["python", "-m", "gates"]
    asked = command.parser().parse_args(template["container"]["args"])
    assert (sorted(asked.checks), asked.commit, asked.namespace) == (sorted(checks), COMMIT, application)
    assert asked.timeout < workflow["spec"]["activeDeadlineSeconds"], "the gate gives its reasons before it is ended"


def test_where_there_is_a_prometheus_the_fronts_gate_asks_it_and_leaves_it_time() -> None:
    objects = rendered("internal", ("front", "monitoring"))
    (workflow,) = [item for item in objects if item["kind"] == "Workflow"]
    asked = command.parser().parse_args(workflow["spec"]["templates"][0]["container"]["args"])
    assert set(asked.checks) == battery.CHECKS.keys() - {"volumes"}
    (service,) = [i for i in objects if i["kind"] == "Service" and i["metadata"]["name"] == "prometheus"]
    assert asked.prometheus == f"http://prometheus.monitoring.svc:{service['spec']['ports'][0]['port']}"
    (config,) = [
        i["data"]["prometheus.yml"] for i in objects if i["kind"] == "ConfigMap" and "prometheus.yml" in i["data"]
    ]
    interval = int(json.loads(config)["global"]["scrape_interval"].removesuffix("s"))
    assert asked.timeout > asked.watch + 2 * interval, "an increase takes two looks"
    assert asked.timeout < workflow["spec"]["activeDeadlineSeconds"]


def pods(application: str) -> dict[str, Any]:
    """An application's own pods, as a policy in another namespace names them."""
    names = {"kubernetes.io/metadata.name": application}
    return {
        "namespaceSelector": {"matchLabels": names},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": application}},
    }


def lets(objects: list[dict[str, Any]], way: str, inside: str, other: str, port: int) -> bool:
    """Whether a policy in one application's namespace lets a port pass to or from another's."""
    peers = {"egress": "to", "ingress": "from"}[way]
    return any(
        pods(other) in rule.get(peers, [])
        and {"port": port, "protocol": "TCP"} in rule["ports"]
        and item["spec"]["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": inside}}
        for item in objects
        if item["kind"] == "NetworkPolicy" and item["metadata"]["namespace"] == inside
        for rule in item["spec"].get(way, [])
    )


def test_the_front_reaches_what_it_is_told_to_ask_and_nothing_else_of_another_application_is_open() -> None:
    objects = rendered("staging", ("influxdb", "front", "flipt"))
    (front,) = [item for item in objects if item["kind"] == "Deployment" and item["metadata"]["name"] == "front"]
    env = {entry["name"]: entry["value"] for entry in front["spec"]["template"]["spec"]["containers"][0]["env"]}
    services = {
        f"http://{item['metadata']['name']}.{item['metadata']['namespace']}.svc:{port['port']}": item["metadata"][
            "name"
        ]
        for item in objects
        if item["kind"] == "Service"
        for port in item["spec"]["ports"]
    }
    asked = {services[env[name]]: int(env[name].rpartition(":")[2]) for name in ("FRONT_INFLUXDB", "FRONT_FLAGS")}
    assert set(asked) == {"influxdb", "flipt"}
    for application, port in asked.items():
        assert lets(objects, "egress", "front", application, port)
        assert lets(objects, "ingress", application, "front", port)
    assert not lets(objects, "ingress", "front", "influxdb", 8080)
    assert not lets(objects, "ingress", "flipt", "influxdb", 8080)


def test_copies_are_made_beside_the_data_with_a_password_that_no_file_has() -> None:
    objects = {(item["kind"], item["metadata"]["name"]): item for item in rendered("staging")}
    task = objects["CronJob", "backup"]["spec"]["jobTemplate"]["spec"]["template"]
    database = objects["StatefulSet", "influxdb"]["spec"]["template"]
    (beside,) = task["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert beside["labelSelector"]["matchLabels"].items() <= database["metadata"]["labels"].items()
    assert task["metadata"]["labels"]["app.kubernetes.io/name"] == "backup", (
        "it is not behind the service, nor in its budget"
    )
    for pod in (task, database):
        (claim,) = [
            v["persistentVolumeClaim"]["claimName"] for v in pod["spec"]["volumes"] if "persistentVolumeClaim" in v
        ]
        assert ("PersistentVolumeClaim", claim) in objects
        (container,) = pod["spec"]["containers"]
        given = [entry for entry in container["env"] if "TOKEN" in entry["name"] or "PASSWORD" in entry["name"]]
        assert given
        assert all(entry["valueFrom"]["secretKeyRef"]["name"] == "admin" for entry in given)
    assert (
        "Prune=false"
        in objects["PersistentVolumeClaim", "backup"]["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]
    )


@pytest.mark.parametrize(("app", "writes"), [(None, False), ("1000003", True)])
def test_flags_are_of_the_regions_tenant_and_only_the_one_page_has_a_key_to_write_them(
    app: str | None, writes: bool
) -> None:
    region = FLEET.regions["staging-gcp-us-central1"]
    changed = {"applications": ["flipt"], "flags_app": app, "flags_installation": app, "tenant": "acme"}
    settings = region.settings.model_copy(update=changed)
    objects = render(FILES, replace(region, settings=settings), "https://git.example.com/platform/regions.git", COMMIT)
    (text,) = [
        item["data"]["default.yml"]
        for item in objects
        if item["kind"] == "ConfigMap" and item["metadata"]["name"] == "flipt"
    ]
    config = yaml.safe_load(text)
    (environment,) = config["environments"].values()
    storage = config["storage"][environment["storage"]]
    assert (environment["directory"], storage["branch"]) == ("acme", "flags")
    assert storage["remote"] == "https://git.example.com/platform/regions.git"
    assert storage["fetch_policy"] == "strict", "without git it must not answer that there are no flags"
    assert ("credentials" in config, "credentials" in storage, "github-app" in json.dumps(objects)) == (writes,) * 3


def test_the_gate_runs_after_each_sync_and_a_failed_one_stays_to_be_looked_at() -> None:
    metadata = gate("staging")["metadata"]
    assert metadata["annotations"] == {
        "argocd.argoproj.io/hook": "PostSync",
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
    }
    assert metadata["name"] == "gate", "BeforeHookCreation finds the last one by its name"
    assert "secondsAfterFailure" not in gate("staging")["spec"]["ttlStrategy"]


def test_the_gate_may_only_look_and_only_at_its_own_namespace() -> None:
    (role,) = [item for item in rendered("external") if item["kind"] == "Role"]
    may = {
        (group, what): rule["verbs"]
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for what in rule["resources"]
    }
    assert may.pop(("argoproj.io", "workflowtaskresults")) == ["create", "patch"]
    assert may.pop(("", "configmaps")) == ["get"]
    assert set(map(tuple, may.values())) == {("list",)}


@pytest.mark.parametrize("wave", ["staging", "internal", "external"])
def test_all_objects_lie_in_the_applications_namespace(wave: str) -> None:
    assert {item["metadata"]["namespace"] for item in rendered(wave)} == {"influxdb"}
    assert not [item["kind"] for item in rendered(wave) if item["kind"].startswith("Cluster")]


def test_a_region_that_sleeps_has_all_but_pods_and_tests() -> None:
    applications = ("influxdb", "conductor")
    awake, asleep = rendered("internal", applications), rendered("internal", applications, asleep=True)

    def names(objects: list[dict[str, Any]]) -> set[tuple[str, str]]:
        return {(item["kind"], item["metadata"]["name"]) for item in objects}

    assert names(awake) - names(asleep) == {("Workflow", "gate")}
    replicas = {item["spec"]["replicas"] for item in asleep if item["kind"] in ("StatefulSet", "Deployment")}
    assert replicas == {0}
    crons = {item["kind"]: item["spec"]["suspend"] for item in asleep if item["kind"].startswith("Cron")}
    assert crons == {"CronJob": True, "CronWorkflow": True}


def test_the_conductor_runs_once_at_a_time_for_less_than_its_token_lasts_and_asks_the_cluster_for_nothing() -> None:
    objects = {item["kind"]: item for item in rendered("internal", ("conductor",))}
    spec = objects["CronWorkflow"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["workflowSpec"]["activeDeadlineSeconds"] < 3600
    (template,) = spec["workflowSpec"]["templates"]
    words = [*template["container"]["command"], *template["container"]["args"]]
    assert words[words.index("--clone") + 1] == "https://git.example.com/platform/regions.git"
    assert float(words[words.index("--minutes") + 1]) * 60 < spec["workflowSpec"]["activeDeadlineSeconds"]
    (rule,) = objects["Role"]["rules"]
    assert rule == {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
