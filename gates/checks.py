"""The judgements: functions from a region's objects and answers to its problems, as text. Missing data is never a pass."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as its API gives it, with its `kind`."""

_SERIES = re.compile(
    r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})?[ \t]+([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?Inf|NaN)([ \t]+-?\d+)?"
)
"""A line of Prometheus' text format: prometheus.io, docs/instrumenting/exposition_formats."""


@dataclass(frozen=True)
class Answer:
    """A URL's answer."""

    url: str
    status: int
    """The HTTP status. 0 if there was no answer at all, and `text` has the reason."""
    text: str
    seconds: float


def release(config_map: Object | None, commit: str) -> list[str]:
    """The config map `release` has the commit under test."""
    if config_map is None:
        return ["ConfigMap release is missing. Check the Application's sync"]
    deployed = (config_map.get("data") or {}).get("commit")
    if deployed == commit:
        return []
    return [
        f"{_title(config_map)} has commit {deployed}, and the test is of {commit}. "
        "Either a newer commit came before the test, or the sync did not apply all objects"
    ]


def workloads(objects: Sequence[Object], pods: Sequence[Object], since: str) -> list[str]:
    """Every StatefulSet and Deployment has finished its rollout. No container waits, or has restarted `since` then."""
    if not objects:
        return ["the namespace has no StatefulSet and no Deployment. Check the Application's resources"]
    problems = [problem for workload in objects for problem in _rollout(workload)]
    selectors = [workload["spec"]["selector"] for workload in objects]
    for pod in pods:
        labels = pod["metadata"].get("labels", {})
        if not pod["metadata"].get("deletionTimestamp") and any(matches(selector, labels) for selector in selectors):
            problems += _containers(pod, since)
    return problems


def _rollout(workload: Object) -> Iterator[str]:
    where, status = _title(workload), workload.get("status") or {}
    replicas = workload["spec"].get("replicas", 1)
    generation, observed = workload["metadata"]["generation"], status.get("observedGeneration", 0)
    if observed < generation:
        yield f"{where}: generation {generation} is not observed yet, only {observed}. Check that its controller runs"
        return
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    if updated < replicas or status.get("replicas", 0) > replicas:
        yield f"{where}: {updated} of {replicas} replicas are updated. `kubectl rollout status` shows the reason"
    elif status.get("currentRevision") != status.get("updateRevision"):
        yield f"{where}: revision {status.get('updateRevision')} is not the current one yet"
    if ready < replicas:
        yield f"{where}: {ready} of {replicas} replicas are ready. Check the pods' events and logs"


def _containers(pod: Object, since: str) -> Iterator[str]:
    where, status = _title(pod), pod.get("status") or {}
    # The scheduler may write its failure with a deleted pod onto the next one of that name, which has a node.
    for condition in [] if (pod.get("spec") or {}).get("nodeName") else status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"{where} has no node: {condition.get('message', condition.get('reason'))}"
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting")
        termination = (container.get("lastState") or {}).get("terminated") or {}
        if waiting:
            words = ": ".join(waiting[key] for key in ("reason", "message") if waiting.get(key))
            yield f"{where}, container {container['name']} ({container['image']}) waits: {words}"
        if termination.get("finishedAt", "") > since:
            yield (
                f"{where}, container {container['name']} restarted at {termination['finishedAt']}, after the release "
                f"({termination.get('reason')}, exit code {termination.get('exitCode')}). See `kubectl logs --previous`"
            )


def endpoints(health: Answer, ready: Answer) -> list[str]:
    """InfluxDB passes its own health check and is ready (docs.influxdata.com, influxdb/v2/api)."""
    return [*_status_problems(health, "pass"), *_status_problems(ready, "ready")]


def _status_problems(answer: Answer, expected: str) -> Iterator[str]:
    if answer.status != 200:
        yield f"{_describe(answer)}. Compare the Service's selector and port with the pods"
        return
    try:
        status = json.loads(answer.text)["status"]
    except (ValueError, KeyError, TypeError):
        yield f"{answer.url} answered no JSON with a status: {_short(answer.text)}"
        return
    if status != expected:
        yield f"{answer.url} has status {status}, not {expected}: {_short(answer.text)}"


def latency(answers: Sequence[Answer], limit: float) -> list[str]:
    """All requests succeeded, and 95 of 100 took no longer than `limit` seconds."""
    failed = [answer for answer in answers if answer.status != 200]
    if failed or not answers:
        first = f", first: {_describe(failed[0])}" if failed else ""
        return [f"{len(failed)} of {len(answers)} requests failed{first}"]
    slow = sorted(answer.seconds for answer in answers)[math.ceil(0.95 * len(answers)) - 1]
    if slow <= limit:
        return []
    return [
        f"{answers[0].url}: the 95th percentile of {len(answers)} requests is {slow * 1000:.0f} ms, more than "
        f"{limit * 1000:.0f} ms. Check the pods' CPU and memory"
    ]


def metrics(answer: Answer) -> list[str]:
    """The metrics are Prometheus' text format, with at least one series."""
    if answer.status != 200:
        return [_describe(answer)]
    lines = [line for line in answer.text.splitlines() if line.strip() and not line.startswith("#")]
    broken = [line for line in lines if not _SERIES.fullmatch(line.strip())]
    if broken:
        return [f"{answer.url} is not Prometheus' text format. First bad line: {_short(broken[0])}"]
    return [] if lines else [f"{answer.url} has no series. Check that the application's metrics endpoint is on"]


def budget(watched: float, watch: float, requests: float | None, failed: float | None, share: float) -> list[str]:
    """The release is at least `watch` seconds old, and at most the `share` of requests since then failed.

    `requests` and `failed` are Prometheus' counts, or None where Prometheus has no count.
    """
    if watched < watch:
        return [f"the release is {watched:.0f} s old, and the test needs {watch:.0f} s"]
    if not requests:
        return ["Prometheus counts no request since the release. Check that it scrapes the application"]
    failure_share = (failed or 0) / requests
    if failure_share <= share:
        return []
    return [
        f"{failure_share:.1%} of {requests:.0f} requests since the release failed, and at most {share:.1%} may. "
        "The dashboard `flags` shows which, and since when"
    ]


def volumes(claims: Sequence[Object]) -> list[str]:
    """Every claim has its volume."""
    if not claims:
        return ["the namespace has no PersistentVolumeClaim, so there is no volume to check"]
    return [
        f"{_title(claim)} is {phase}, not Bound. `kubectl describe` shows the messages of the storage class's driver"
        for claim in claims
        if (phase := (claim.get("status") or {}).get("phase")) != "Bound"
    ]


def disruption(budgets: Sequence[Object], pods: Sequence[Object]) -> list[str]:
    """Every disruption budget guards pods, has a current status, and enough of the pods are healthy."""
    if not budgets:
        return ["the namespace has no PodDisruptionBudget, so a drain may stop all pods at once"]
    return [problem for budget in budgets for problem in _budget(budget, pods)]


def _budget(budget: Object, pods: Sequence[Object]) -> Iterator[str]:
    where, status = _title(budget), budget.get("status") or {}
    selector = budget["spec"].get("selector") or {}
    if not any(matches(selector, pod["metadata"].get("labels", {})) for pod in pods):
        yield f"{where} guards no pod. Compare its selector with the pods' labels"
    elif status.get("observedGeneration", 0) < budget["metadata"]["generation"] or not status.get("expectedPods"):
        yield f"{where}: its status is not of this generation. Check that the disruption controller runs"
    elif status.get("currentHealthy", 0) < status.get("desiredHealthy", 0):
        yield f"{where}: {status.get('currentHealthy', 0)} of {status['desiredHealthy']} pods are healthy"


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector selects these labels (kubernetes.io, concepts/overview/working-with-objects/labels)."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_matches_one(expression, labels) for expression in selector.get("matchExpressions") or [])


def _matches_one(expression: Object, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _title(item: Object) -> str:
    """Kind, namespace and name."""
    return f"{item['kind']} {item['metadata']['namespace']}/{item['metadata']['name']}"


def _describe(answer: Answer) -> str:
    outcome = f"answered {answer.status}" if answer.status else "did not answer"
    return f"{answer.url} {outcome}: {_short(answer.text)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:200]}…"
