"""Monitoring holds together: what is asked for exists, may be reached and may be read, and each alert is explained."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from components.argo import monitoring_rbac
from front import service
from sandbox.toolchain.tools import TOOLS
from tests.gitops import exporters, monitored
from tests.gitops.monitored import FLEET, FULL, PLAIN
from tests.repository import ROOT
from waves.rollout import metrics

PINS = json.loads((ROOT / "gitops/pins/monitoring.json").read_text())
BOTH = pytest.mark.parametrize("region", [FULL, PLAIN])


def conductors() -> set[str]:
    """The conductor's metrics, from the conductor itself."""
    return {family.name for family in metrics.MetricsExporter().registry.collect()}


def fronts() -> set[str]:
    """The front's metrics, from the front itself: each under its name in the text format."""
    found = service.Metrics()
    found.requests.labels("api", 200).inc()
    found.seconds.labels("api").observe(0.1)
    found.flags.labels("a").set(1)
    return {sample.name for family in found.registry.collect() for sample in family.samples}


def known(job: str) -> set[str]:
    """All metrics that a job can have."""
    if job == "conductor":
        return conductors()
    if job == "front":
        return fronts()
    return exporters.recorded("kubelet" if job == "kubelet-resource" else job)


def jobs(region: str) -> dict[str, dict[str, Any]]:
    """Scrape configurations by job."""
    return {each["job_name"]: each for each in monitored.file(region, "prometheus", "prometheus.yml")["scrape_configs"]}


@BOTH
def test_every_metric_that_a_rule_or_dashboard_names_is_one_of_its_exporters(region: str) -> None:
    recorded = {rule["record"] for rule in monitored.rules(region) if "record" in rule}
    always = recorded | set(exporters.SCRAPE) | set(exporters.OWN)
    everything = always.union(*(known(job) for job in jobs(region)))
    unknown = []
    for where, expression in monitored.queries(region).items():
        for name, job in monitored.selectors(expression):
            if job is not None and job not in jobs(region):
                unknown.append(f"{where}: job {job}")
            elif name not in (everything if job is None else always | known(job)):
                unknown.append(f"{where}: {name}")
    assert unknown == []


@pytest.mark.parametrize("job", exporters.EXPORTERS)
def test_a_list_of_metrics_is_of_the_version_that_regions_run(job: str) -> None:
    exporter = exporters.EXPORTERS[job]
    (line, *_) = (exporters.FOLDER / f"{job}.txt").read_text().splitlines()
    assert line == f"# {exporter.module} {exporter.version}: {', '.join(exporter.folders)}"
    influxdb = json.loads((ROOT / "gitops/pins/influxdb.json").read_text())["influxdb"]
    upstream = json.loads((ROOT / "components/upstream/pins.json").read_text())
    tags = {job: re.sub(r"@.*", "", image).rpartition(":")[2] for job, image in {**PINS, "influxdb": influxdb}.items()}
    run = {**tags, "argocd": upstream["argo-cd"]["version"], "prometheus": _module(tags["prometheus"])}
    if job == "kubelet":
        newest = max(region.settings.kubernetes_version for region in FLEET.regions.values())
        assert exporter.version.split(".")[1] >= newest.split(".")[1]
    else:
        assert exporter.version.removeprefix("v") == run[job].removeprefix("v")


def _module(tag: str) -> str:
    """The version of Prometheus' Go module: v3.13.1 is v0.313.1."""
    major, minor, patch = tag.removeprefix("v").split(".")
    return f"v0.{major}{int(minor):02d}.{patch}"


def test_rules_are_tested_by_the_versions_that_run_them() -> None:
    versions = {tool.module: tool.version for tool in TOOLS}
    for name in ("prometheus", "alertmanager"):
        assert versions[name] == exporters.EXPORTERS[name].version


def test_every_image_has_a_tag_and_a_digest() -> None:
    assert set(PINS) == {"alertmanager", "grafana", "kube-state-metrics", "prometheus"}
    for image in PINS.values():
        assert re.fullmatch(r"[a-z0-9.-]+\.[a-z]+/[\w./-]+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", image)


@BOTH
def test_every_recording_rule_is_used(region: str) -> None:
    used = {name for expression in monitored.queries(region).values() for name, _ in monitored.selectors(expression)}
    assert {rule["record"] for rule in monitored.rules(region) if "record" in rule} <= used


def test_everything_that_the_conductor_counts_is_looked_at() -> None:
    used = {name for expression in monitored.queries(FULL).values() for name, _ in monitored.selectors(expression)}
    assert conductors() <= used


def test_everything_that_the_front_says_of_flags_is_looked_at() -> None:
    used = {name for expression in monitored.queries(PLAIN).values() for name, _ in monitored.selectors(expression)}
    assert {name for name in fronts() if "flag" in name} <= used


def test_a_flip_is_marked_in_what_it_may_have_changed() -> None:
    board = monitored.dashboards(PLAIN)["flags.json"]
    (mark,) = board["annotations"]["list"]
    assert [name for name, _ in monitored.selectors(mark["expr"])] == ["front_flag_enabled"]
    assert mark["datasource"] == board["panels"][0]["datasource"]


def test_only_the_conductors_region_watches_the_rollout() -> None:
    more = set(monitored.alerts(FULL)) - set(monitored.alerts(PLAIN))
    assert more == {"ConductorSilent", "WaveStuck", "WavePaused", "ReceiptMissing", "RegionFailed", "RegionBehind"}
    assert set(monitored.dashboards(FULL)) - set(monitored.dashboards(PLAIN)) == {"fleet.json", "rollout.json"}


@BOTH
def test_every_dashboard_asks_the_one_data_source_and_its_panels_do_not_overlap(region: str) -> None:
    (source,) = monitored.file(region, "grafana", "datasources.yaml")["datasources"]
    for name, board in monitored.dashboards(region).items():
        assert board["uid"] == name.removesuffix(".json")
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            assert {panel["datasource"]["uid"], *(t["datasource"]["uid"] for t in panel["targets"])} == {source["uid"]}
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & taken
            assert at["x"] + at["w"] <= 24
            taken |= cells


@pytest.mark.parametrize("name", monitored.alerts(FULL))
def test_an_alerts_runbook_is_there(name: str) -> None:
    alert = monitored.alerts(FULL)[name]
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    address, anchor = alert["annotations"]["runbook_url"].split("#")
    prefix = "https://git.example.com/platform/regions/blob/main/"
    assert address.startswith(prefix)
    lines = (ROOT / address.removeprefix(prefix)).read_text().splitlines()
    headings = {line.lstrip("# ").lower() for line in lines if line.startswith("## ")}
    assert anchor in headings


def test_the_documents_list_of_alerts_is_the_rules() -> None:
    text = (ROOT / "docs/operate/monitoring.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (page|ticket|heartbeat) \|", text, re.MULTILINE)
    words = {"critical": "page", "warning": "ticket", "none": "heartbeat"}
    assert dict(rows) == {name: words[rule["labels"]["severity"]] for name, rule in monitored.alerts(FULL).items()}


def policies(region: str, namespace: str, direction: str) -> list[dict[str, Any]]:
    """The rules of a namespace's network policies, each with the pods that it is for."""
    return [
        {**rule, "pods": item["spec"]["podSelector"].get("matchLabels", {})}
        for item in monitored.objects(region)
        if item["kind"] == "NetworkPolicy" and item["metadata"]["namespace"] == namespace
        for rule in item["spec"].get(direction, ())
    ]


@BOTH
def test_prometheus_reaches_what_it_scrapes_and_no_network_policy_is_in_the_way(region: str) -> None:
    out = [rule for rule in policies(region, "monitoring", "egress") if rule["pods"] == _named("prometheus")]
    everywhere = {p["port"] for rule in out if rule.get("to") == [{"namespaceSelector": {}}] for p in rule["ports"]}
    for job, config in jobs(region).items():
        (discovery,) = config["kubernetes_sd_configs"]
        if discovery["role"] == "node":
            assert [{"port": 10250, "protocol": "TCP"}] in [rule["ports"] for rule in out if "to" not in rule]
            continue
        name, port = config["relabel_configs"][0]["regex"].split(";")
        assert int(port) in everywhere
        (namespace,) = discovery["namespaces"]["names"]
        if namespace == "argocd":  # upstream's own policy opens 8082 to all namespaces
            continue
        opened = [rule for rule in policies(region, namespace, "ingress") if rule["pods"] == _named(name)]
        peers = [
            peer
            for rule in opened
            for peer in rule["from"]
            if {"port": int(port), "protocol": "TCP"} in rule["ports"]
            and peer["podSelector"] == {"matchLabels": _named("prometheus")}
        ]
        away = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
        assert any(peer.get("namespaceSelector", away) == away for peer in peers), f"{job} is closed to Prometheus"
        assert namespace == "monitoring" or all("namespaceSelector" in peer for peer in peers)


def _named(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name}


@BOTH
def test_nothing_outside_of_monitoring_reaches_into_it_but_the_gate_that_asks_prometheus(region: str) -> None:
    strangers = []
    for rule in policies(region, "monitoring", "ingress"):
        assert rule["from"], "an empty list lets everybody in"
        strangers += [(rule["pods"], peer) for peer in rule["from"] if "namespaceSelector" in peer]
    gate = {
        "podSelector": {"matchLabels": _named("gate")},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "front"}},
    }
    assert strangers == [(_named("prometheus"), gate)]


@BOTH
def test_only_whom_the_cluster_grants_something_gets_a_token(region: str) -> None:
    with_token = {
        item["metadata"]["name"]
        for item in monitored.objects(region)
        if item["kind"] in ("StatefulSet", "Deployment") and item["metadata"]["namespace"] == "monitoring"
        and item["spec"]["template"]["spec"]["automountServiceAccountToken"]
    }  # fmt: skip
    assert with_token == set(monitoring_rbac.RIGHTS)
    for account in monitoring_rbac.RIGHTS:
        monitored.found(region, "ServiceAccount", account)


def test_kube_state_metrics_may_list_just_what_it_looks_at() -> None:
    container = monitored.found(PLAIN, "Deployment", "kube-state-metrics")["spec"]["template"]["spec"]["containers"][0]
    (listed,) = [word.removeprefix("--resources=") for word in container["args"] if word.startswith("--resources=")]
    granted = [resource for rule in monitoring_rbac.RIGHTS["kube-state-metrics"] for resource in rule.resources]
    assert sorted(granted) == listed.split(",")


def test_nobody_of_monitoring_may_change_anything_or_read_a_secret() -> None:
    rules = [rule for listed in monitoring_rbac.RIGHTS.values() for rule in listed]
    assert {verb for rule in rules for verb in rule.verbs} == {"get", "list", "watch"}
    resources = {resource for rule in rules for resource in rule.resources}
    assert not resources & {"secrets", "configmaps", "nodes/proxy", "pods/log", "*"}


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_production_is_watched_by_two_and_staging_by_one(name: str) -> None:
    assert [monitored.found(each, "StatefulSet", name)["spec"]["replicas"] for each in (FULL, PLAIN)] == [2, 1]


def test_a_pod_starts_anew_when_a_file_that_it_reads_changes() -> None:
    knows = {
        (item["metadata"]["name"], region): item["spec"]["template"]["metadata"]["annotations"]["regions/settings"]
        for region in (FULL, PLAIN)
        for item in monitored.objects(region)
        if item["metadata"]["namespace"] == "monitoring" and item["kind"] in ("StatefulSet", "Deployment")
        and item["metadata"]["name"] != "kube-state-metrics"
    }  # fmt: skip
    assert knows["prometheus", FULL] != knows["prometheus", PLAIN], "they have different rules"
    assert knows["alertmanager", FULL] == knows["alertmanager", PLAIN], "they have the same routes"


@BOTH
def test_no_pod_of_monitoring_is_root_or_can_change_itself(region: str) -> None:
    pods = [
        item["spec"]["template"]["spec"]
        for item in monitored.objects(region)
        if item["metadata"]["namespace"] == "monitoring" and item["kind"] in ("StatefulSet", "Deployment")
    ]
    assert len(pods) == 4
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_nothing_secret_is_in_the_files_and_alertmanager_reads_its_addresses_from_a_secret() -> None:
    config = monitored.file(FULL, "alertmanager", "alertmanager.yml")
    hooks = [hook for receiver in config["receivers"] for hook in receiver["webhook_configs"]]
    mounts = monitored.found(FULL, "StatefulSet", "alertmanager")["spec"]["template"]["spec"]["containers"][0]
    (mount,) = [each["mountPath"] for each in mounts["volumeMounts"] if each["name"] == "receivers"]
    assert {hook["url_file"].rpartition("/")[0] for hook in hooks} == {mount}
    assert not [hook for hook in hooks if "url" in hook]
    document = (ROOT / "docs/operate/monitoring.md").read_text()
    for receiver in config["receivers"]:
        assert f"--from-literal {receiver['name']}=" in document
