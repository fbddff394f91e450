"""The judgements: functions from what was read of a region to what is wrong with it, in words. Nothing read is never a pass."""

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
    """What a URL answered."""

    url: str
    status: int
    """The HTTP status; 0 if there was no answer at all, and `text` says why."""
    text: str
    seconds: float


def release(found: Object | None, commit: str) -> list[str]:
    """The config map `release` carries the commit that is under test."""
    if found is None:
        return ["ConfigMap release is not there; look at the Application's sync"]
    carried = (found.get("data") or {}).get("commit")
    if carried == commit:
        return []
    return [
        f"{_where(found)} carries commit {carried}, and {commit} is under test; "
        "either a newer commit has overtaken this one, or the sync did not apply everything"
    ]


def workloads(found: Sequence[Object], pods: Sequence[Object], since: str) -> list[str]:
    """Every StatefulSet and Deployment has finished its rollout, and no container waits or has restarted `since` then."""
    if not found:
        return ["the namespace has no StatefulSet and no Deployment; look at the Application's resources"]
    problems = [problem for workload in found for problem in _rollout(workload)]
    selectors = [workload["spec"]["selector"] for workload in found]
    for pod in pods:
        labels = pod["metadata"].get("labels", {})
        if not pod["metadata"].get("deletionTimestamp") and any(matches(one, labels) for one in selectors):
            problems += _containers(pod, since)
    return problems


def _rollout(workload: Object) -> Iterator[str]:
    where, status = _where(workload), workload.get("status") or {}
    wanted = workload["spec"].get("replicas", 1)
    generation, observed = workload["metadata"]["generation"], status.get("observedGeneration", 0)
    if observed < generation:
        yield f"{where}: generation {generation} is not seen yet, {observed} is; is its controller running?"
        return
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    if updated < wanted or status.get("replicas", 0) > wanted:
        yield f"{where}: {updated} of {wanted} replicas are updated; `kubectl rollout status` shows what it waits for"
    elif status.get("currentRevision") != status.get("updateRevision"):
        yield f"{where}: revision {status.get('updateRevision')} is not the current one yet"
    if ready < wanted:
        yield f"{where}: {ready} of {wanted} replicas are ready; look at the pods' events and logs"


def _containers(pod: Object, since: str) -> Iterator[str]:
    where, status = _where(pod), pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"{where} has no node: {condition.get('message', condition.get('reason'))}"
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting")
        ended = (container.get("lastState") or {}).get("terminated") or {}
        if waiting:
            words = ": ".join(waiting[key] for key in ("reason", "message") if waiting.get(key))
            yield f"{where}, container {container['name']} ({container['image']}) waits: {words}"
        if ended.get("finishedAt", "") > since:
            yield (
                f"{where}, container {container['name']} restarted at {ended['finishedAt']}, after the release "
                f"({ended.get('reason')}, exit code {ended.get('exitCode')}); see `kubectl logs --previous`"
            )


def endpoints(health: Answer, ready: Answer) -> list[str]:
    """InfluxDB passes its own health check and is ready (docs.influxdata.com, influxdb/v2/api)."""
    return [*_says(health, "pass"), *_says(ready, "ready")]


def _says(answer: Answer, wanted: str) -> Iterator[str]:
    if answer.status != 200:
        yield f"{_answered(answer)}; compare the Service's selector and port with the pods"
        return
    try:
        status = json.loads(answer.text)["status"]
    except (ValueError, KeyError, TypeError):
        yield f"{answer.url} answered no JSON with a status: {_short(answer.text)}"
        return
    if status != wanted:
        yield f"{answer.url} has status {status}, not {wanted}: {_short(answer.text)}"


def latency(answers: Sequence[Answer], limit: float) -> list[str]:
    """All requests succeeded, and 95 of 100 took no longer than `limit` seconds."""
    failed = [answer for answer in answers if answer.status != 200]
    if failed or not answers:
        first = f", first: {_answered(failed[0])}" if failed else ""
        return [f"{len(failed)} of {len(answers)} requests failed{first}"]
    slow = sorted(answer.seconds for answer in answers)[math.ceil(0.95 * len(answers)) - 1]
    if slow <= limit:
        return []
    return [
        f"{answers[0].url}: the 95th percentile of {len(answers)} requests is {slow * 1000:.0f} ms, more than "
        f"{limit * 1000:.0f} ms; look at the pods' CPU and memory"
    ]


def metrics(answer: Answer) -> list[str]:
    """The metrics are Prometheus' text format, with one series at least."""
    if answer.status != 200:
        return [_answered(answer)]
    lines = [line for line in answer.text.splitlines() if line.strip() and not line.startswith("#")]
    broken = [line for line in lines if not _SERIES.fullmatch(line.strip())]
    if broken:
        return [f"{answer.url} is not Prometheus' text format; first bad line: {_short(broken[0])}"]
    return [] if lines else [f"{answer.url} has no series; is the application's metrics endpoint switched off?"]


def budget(watched: float, watch: float, asked: float | None, failed: float | None, share: float) -> list[str]:
    """The release has been watched for `watch` seconds at least, and no more than `share` of the requests since then failed.

    `asked` and `failed` are what Prometheus counts of them; None is that it counts nothing.
    """
    if watched < watch:
        return [f"the release has been watched for {watched:.0f} s, and {watch:.0f} are wanted"]
    if not asked:
        return [
            "Prometheus counts no request since the release, so nothing says how it does; does it scrape the application?"
        ]
    part = (failed or 0) / asked
    if part <= share:
        return []
    return [
        f"{part:.1%} of {asked:.0f} requests since the release failed, and {share:.1%} may; "
        "the dashboard `flags` shows which, and since when"
    ]


def volumes(claims: Sequence[Object]) -> list[str]:
    """Every claim has its volume."""
    if not claims:
        return ["the namespace has no PersistentVolumeClaim, so no volume could be looked at"]
    return [
        f"{_where(claim)} is {phase}, not Bound; `kubectl describe` shows what the storage class's driver says"
        for claim in claims
        if (phase := (claim.get("status") or {}).get("phase")) != "Bound"
    ]


def disruption(budgets: Sequence[Object], pods: Sequence[Object]) -> list[str]:
    """Every disruption budget guards pods, and its status is of now and says that enough of them are well."""
    if not budgets:
        return ["the namespace has no PodDisruptionBudget, so nothing keeps a drain from taking all pods at once"]
    return [problem for budget in budgets for problem in _budget(budget, pods)]


def _budget(budget: Object, pods: Sequence[Object]) -> Iterator[str]:
    where, status = _where(budget), budget.get("status") or {}
    selector = budget["spec"].get("selector") or {}
    if not any(matches(selector, pod["metadata"].get("labels", {})) for pod in pods):
        yield f"{where} guards no pod; compare its selector with the pods' labels"
    elif status.get("observedGeneration", 0) < budget["metadata"]["generation"] or not status.get("expectedPods"):
        yield f"{where}: its status is not of this generation; is the disruption controller running?"
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


def _where(item: Object) -> str:
    return f"{item['kind']} {item['metadata']['namespace']}/{item['metadata']['name']}"


def _answered(answer: Answer) -> str:
    said = f"answered {answer.status}" if answer.status else "did not answer"
    return f"{answer.url} {said}: {_short(answer.text)}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:200]}…"
