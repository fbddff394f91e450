"""Monitoring is consistent: each queried metric exists, each target can be reached, and each alert has a runbook."""

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


def conductor_metrics() -> set[str]:
    """The conductor's metrics, from the conductor itself."""
    return {family.name for family in metrics.MetricsExporter().registry.collect()}


def metrics_of_front() -> set[str]:
    """The front's metrics, from the front itself: each under its name in the text format."""
    front_metrics = service.Metrics()
    front_metrics.requests.labels("api", 200).inc()
    front_metrics.seconds.labels("api").observe(0.1)
    front_metrics.flags.labels("a").set(1)
    return {sample.name for family in front_metrics.registry.collect() for sample in family.samples}


def metrics_of(job: str) -> set[str]:
    """All metrics that a job can have."""
    if job == "conductor":
        return conductor_metrics()
    if job == "front":
        return metrics_of_front()
    return exporters.recorded("kubelet" if job == "kubelet-resource" else job)


def jobs(region: str) -> dict[str, dict[str, Any]]:
    """Scrape configurations by job."""
    return {
        config["job_name"]: config
        for config in monitored.file(region, "prometheus", "prometheus.yml")["scrape_configs"]
    }


@BOTH
def test_every_metric_of_a_rule_or_dashboard_is_one_of_its_exporters(region: str) -> None:
    recorded = {rule["record"] for rule in monitored.rules(region) if "record" in rule}
    always = recorded | set(exporters.SCRAPE) | set(exporters.OWN)
    everything = always.union(*(metrics_of(job) for job in jobs(region)))
    unknown = []
    for where, expression in monitored.queries(region).items():
        for name, job in monitored.selectors(expression):
            if job is not None and job not in jobs(region):
                unknown.append(f"{where}: job {job}")
            elif name not in (everything if job is None else always | metrics_of(job)):
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


def test_every_metric_of_the_conductor_is_used() -> None:
    used = {name for expression in monitored.queries(FULL).values() for name, _ in monitored.selectors(expression)}
    assert conductor_metrics() <= used


def test_every_metric_of_the_front_about_flags_is_used() -> None:
    used = {name for expression in monitored.queries(PLAIN).values() for name, _ in monitored.selectors(expression)}
    assert {name for name in metrics_of_front() if "flag" in name} <= used


def test_a_flip_is_marked_in_the_metrics_that_it_may_have_changed() -> None:
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
        occupied: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            assert {panel["datasource"]["uid"], *(t["datasource"]["uid"] for t in panel["targets"])} == {source["uid"]}
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & occupied
            assert at["x"] + at["w"] <= 24
            occupied |= cells


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
def test_network_policies_let_prometheus_reach_each_target(region: str) -> None:
    out = [rule for rule in policies(region, "monitoring", "egress") if rule["pods"] == _labels("prometheus")]
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
        open_rules = [rule for rule in policies(region, namespace, "ingress") if rule["pods"] == _labels(name)]
        peers = [
            peer
            for rule in open_rules
            for peer in rule["from"]
            if {"port": int(port), "protocol": "TCP"} in rule["ports"]
            and peer["podSelector"] == {"matchLabels": _labels("prometheus")}
        ]
        away = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
        assert any(peer.get("namespaceSelector", away) == away for peer in peers), f"{job} is closed to Prometheus"
        assert namespace == "monitoring" or all("namespaceSelector" in peer for peer in peers)


def _labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name}


@BOTH
def test_only_the_gate_reaches_into_monitoring_from_outside(region: str) -> None:
    strangers = []
    for rule in policies(region, "monitoring", "ingress"):
        assert rule["from"], "an empty list allows every peer"
        strangers += [(rule["pods"], peer) for peer in rule["from"] if "namespaceSelector" in peer]
    gate = {
        "podSelector": {"matchLabels": _labels("gate")},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "front"}},
    }
    assert strangers == [(_labels("prometheus"), gate)]


@BOTH
def test_only_pods_with_rights_in_the_cluster_get_a_token(region: str) -> None:
    with_token = {
        item["metadata"]["name"]
        for item in monitored.objects(region)
        if item["kind"] in ("StatefulSet", "Deployment") and item["metadata"]["namespace"] == "monitoring"
        and item["spec"]["template"]["spec"]["automountServiceAccountToken"]
    }  # fmt: skip
    assert with_token == set(monitoring_rbac.RIGHTS)
    for account in monitoring_rbac.RIGHTS:
        monitored.get_object(region, "ServiceAccount", account)


def test_kube_state_metrics_may_list_its_own_resources_alone() -> None:
    container = monitored.get_object(PLAIN, "Deployment", "kube-state-metrics")["spec"]["template"]["spec"][
        "containers"
    ][0]
    (resources,) = [word.removeprefix("--resources=") for word in container["args"] if word.startswith("--resources=")]
    granted = [resource for rule in monitoring_rbac.RIGHTS["kube-state-metrics"] for resource in rule.resources]
    assert sorted(granted) == resources.split(",")


def test_no_part_of_monitoring_may_write_or_read_a_secret() -> None:
    rules = [rule for account_rules in monitoring_rbac.RIGHTS.values() for rule in account_rules]
    assert {verb for rule in rules for verb in rule.verbs} == {"get", "list", "watch"}
    resources = {resource for rule in rules for resource in rule.resources}
    assert not resources & {"secrets", "configmaps", "nodes/proxy", "pods/log", "*"}


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_production_has_two_replicas_and_staging_one(name: str) -> None:
    assert [monitored.get_object(region, "StatefulSet", name)["spec"]["replicas"] for region in (FULL, PLAIN)] == [2, 1]


def test_a_pod_restarts_when_a_file_that_it_reads_changes() -> None:
    digests = {
        (item["metadata"]["name"], region): item["spec"]["template"]["metadata"]["annotations"]["regions/settings"]
        for region in (FULL, PLAIN)
        for item in monitored.objects(region)
        if item["metadata"]["namespace"] == "monitoring" and item["kind"] in ("StatefulSet", "Deployment")
        and item["metadata"]["name"] != "kube-state-metrics"
    }  # fmt: skip
    assert digests["prometheus", FULL] != digests["prometheus", PLAIN], "they have different rules"
    assert digests["alertmanager", FULL] == digests["alertmanager", PLAIN], "they have the same routes"


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
    mounts = monitored.get_object(FULL, "StatefulSet", "alertmanager")["spec"]["template"]["spec"]["containers"][0]
    (mount,) = [volume["mountPath"] for volume in mounts["volumeMounts"] if volume["name"] == "receivers"]
    assert {hook["url_file"].rpartition("/")[0] for hook in hooks} == {mount}
    assert not [hook for hook in hooks if "url" in hook]
    document = (ROOT / "docs/operate/monitoring.md").read_text()
    for receiver in config["receivers"]:
        assert f"--from-literal {receiver['name']}=" in document
