"""The rendered objects of gitops/ for a region, without a cluster."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
import yaml

import fleet
from fleet.settings import GitHubApp
from gates import __main__ as command
from gates import runner
from tests.repository import ROOT
from waves.review.render import render, sources

FLEET = fleet.read(ROOT)
FILES = sources(ROOT)
COMMIT = "9f6a403fb75e95b441c10d57cd87720841a814f2"
FAST = ["release", "workloads", "endpoints"]


def rendered(wave: str, applications: tuple[str, ...] = ("influxdb",), suspended: bool = False) -> list[dict[str, Any]]:
    """The objects of a region of this wave."""
    (region,) = [candidate for candidate in FLEET.regions.values() if candidate.wave.name == wave][:1]
    settings = region.settings.model_copy(update={"applications": list(applications), "suspended": suspended})
    return render(FILES, replace(region, settings=settings), "https://git.example.com/platform/regions.git", COMMIT)


def gate(wave: str, application: str = "influxdb") -> dict[str, Any]:
    """The Workflow of the gate."""
    (workflow,) = [item for item in rendered(wave, (application,)) if item["kind"] == "Workflow"]
    return workflow


def test_a_drain_may_move_every_pod_before_a_cloud_gives_up() -> None:
    """EKS waits 15 minutes for an eviction, AKS 30 and GKE an hour. A budget of none would end each upgrade of nodes."""
    budgets = [
        item
        for application in FLEET.regions["tools-aws-us-west-2"].settings.applications
        for item in rendered("internal", (application,))
        if item["kind"] == "PodDisruptionBudget"
    ]
    assert {budget["metadata"]["namespace"] for budget in budgets} >= {"influxdb", "front", "monitoring"}
    assert [budget["spec"]["maxUnavailable"] for budget in budgets] == [1] * len(budgets)


@pytest.mark.parametrize(
    ("wave", "application", "checks"),
    [
        ("staging", "influxdb", FAST),
        ("internal", "influxdb", runner.CHECKS.keys() - {"budget"}),
        ("external", "influxdb", runner.CHECKS.keys() - {"budget"}),
        ("staging", "front", FAST),
        ("internal", "front", runner.CHECKS.keys() - {"volumes", "budget"}),
    ],
)
def test_a_waves_gate_runs_its_own_checks_at_the_synced_commit(
    wave: str, application: str, checks: Collection[str]
) -> None:
    workflow = gate(wave, application)
    (template,) = workflow["spec"]["templates"]
    assert template["container"]["command"] == ["python", "-m", "gates"]
    options = command.parser().parse_args(template["container"]["args"])
    assert (sorted(options.checks), options.commit, options.namespace) == (sorted(checks), COMMIT, application)
    assert options.timeout < workflow["spec"]["activeDeadlineSeconds"], (
        "the gate reports its problems before the Workflow's deadline"
    )


def test_with_a_prometheus_the_fronts_gate_queries_it_and_waits_for_two_scrapes() -> None:
    objects = rendered("internal", ("front", "monitoring"))
    (workflow,) = [item for item in objects if item["kind"] == "Workflow"]
    options = command.parser().parse_args(workflow["spec"]["templates"][0]["container"]["args"])
    assert set(options.checks) == runner.CHECKS.keys() - {"volumes"}
    (service,) = [i for i in objects if i["kind"] == "Service" and i["metadata"]["name"] == "prometheus"]
    assert options.prometheus == f"http://prometheus.monitoring.svc:{service['spec']['ports'][0]['port']}"
    (config,) = [
        i["data"]["prometheus.yml"] for i in objects if i["kind"] == "ConfigMap" and "prometheus.yml" in i["data"]
    ]
    interval = int(json.loads(config)["global"]["scrape_interval"].removesuffix("s"))
    assert options.timeout > options.watch + 2 * interval, "an increase needs two scrapes"
    assert options.timeout < workflow["spec"]["activeDeadlineSeconds"]


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


def test_the_front_reaches_its_upstreams_and_no_other_application_is_open_to_it() -> None:
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
    upstreams = {services[env[name]]: int(env[name].rpartition(":")[2]) for name in ("FRONT_INFLUXDB", "FRONT_FLAGS")}
    assert set(upstreams) == {"influxdb", "flipt"}
    for application, port in upstreams.items():
        assert lets(objects, "egress", "front", application, port)
        assert lets(objects, "ingress", application, "front", port)
    assert not lets(objects, "ingress", "front", "influxdb", 8080)
    assert not lets(objects, "ingress", "flipt", "influxdb", 8080)


def test_backups_run_on_the_datas_node_with_a_password_from_a_secret() -> None:
    objects = {(item["kind"], item["metadata"]["name"]): item for item in rendered("staging")}
    task = objects["CronJob", "backup"]["spec"]["jobTemplate"]["spec"]["template"]
    database = objects["StatefulSet", "influxdb"]["spec"]["template"]
    (affinity,) = task["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert affinity["labelSelector"]["matchLabels"].items() <= database["metadata"]["labels"].items()
    assert task["metadata"]["labels"]["app.kubernetes.io/name"] == "backup", (
        "the service and the budget must not select the task"
    )
    for pod in (task, database):
        (claim,) = [
            v["persistentVolumeClaim"]["claimName"] for v in pod["spec"]["volumes"] if "persistentVolumeClaim" in v
        ]
        assert ("PersistentVolumeClaim", claim) in objects
        (container,) = pod["spec"]["containers"]
        credentials = [entry for entry in container["env"] if "TOKEN" in entry["name"] or "PASSWORD" in entry["name"]]
        assert credentials
        assert all(entry["valueFrom"]["secretKeyRef"]["name"] == "admin" for entry in credentials)
    assert (
        "Prune=false"
        in objects["PersistentVolumeClaim", "backup"]["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]
    )


@pytest.mark.parametrize(("app", "writes"), [(None, False), ("1000003", True)])
def test_flags_are_of_the_regions_tenant_and_only_the_one_page_has_a_key_to_write_them(
    app: str | None, writes: bool
) -> None:
    region = FLEET.regions["staging-gcp-us-central1"]
    flags = app and GitHubApp(app_id=app, installation_id=app)
    apps = region.settings.github_apps.model_copy(update={"flags": flags})
    changed = {"applications": ["flipt"], "github_apps": apps, "tenant": "acme"}
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
    assert storage["fetch_policy"] == "strict", "without git Flipt must not answer with an empty set of flags"
    assert ("credentials" in config, "credentials" in storage, "github-app" in json.dumps(objects)) == (writes,) * 3


def test_the_gate_runs_after_each_sync_and_a_failed_one_stays() -> None:
    metadata = gate("staging")["metadata"]
    assert metadata["annotations"] == {
        "argocd.argoproj.io/hook": "PostSync",
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
    }
    assert metadata["name"] == "gate", "BeforeHookCreation deletes the last one by its name"
    assert "secondsAfterFailure" not in gate("staging")["spec"]["ttlStrategy"]


def test_the_gate_may_only_read_and_only_in_its_own_namespace() -> None:
    (role,) = [item for item in rendered("external") if item["kind"] == "Role"]
    may = {
        (group, resource): rule["verbs"]
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert may.pop(("argoproj.io", "workflowtaskresults")) == ["create", "patch"]
    assert may.pop(("", "configmaps")) == ["get"]
    assert set(map(tuple, may.values())) == {("list",)}


@pytest.mark.parametrize("wave", ["staging", "internal", "external"])
def test_all_objects_lie_in_the_applications_namespace(wave: str) -> None:
    assert {item["metadata"]["namespace"] for item in rendered(wave)} == {"influxdb"}
    assert not [item["kind"] for item in rendered(wave) if item["kind"].startswith("Cluster")]


def test_a_suspended_region_has_all_objects_but_pods_and_tests() -> None:
    applications = ("influxdb", "conductor")
    running, suspended_objects = rendered("internal", applications), rendered("internal", applications, suspended=True)

    def names(objects: list[dict[str, Any]]) -> set[tuple[str, str]]:
        return {(item["kind"], item["metadata"]["name"]) for item in objects}

    assert names(running) - names(suspended_objects) == {("Workflow", "gate")}
    replicas = {item["spec"]["replicas"] for item in suspended_objects if item["kind"] in ("StatefulSet", "Deployment")}
    assert replicas == {0}
    crons = {item["kind"]: item["spec"]["suspend"] for item in suspended_objects if item["kind"].startswith("Cron")}
    assert crons == {"CronJob": True, "CronWorkflow": True}


def test_the_conductor_runs_once_at_a_time_within_its_tokens_life_and_without_rights_in_the_cluster() -> None:
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
