"""The gate tests' problems for objects and answers of a region, and their command line."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gates import __main__ as command
from gates import checks, runner
from gates.checks import Answer
from gates.region import RunningRegion, UnreadableError
from gates.runner import Expectations

URL = "http://influxdb.influxdb.svc:8086"
COMMIT = "9f6a403fb75e95b441c10d57cd87720841a814f2"
LABELS = {"app.kubernetes.io/name": "influxdb"}
SELECTOR = {"matchLabels": LABELS}
SINCE = "2026-11-24T10:00:00Z"


def item(kind: str, name: str = "influxdb", **rest: Any) -> dict[str, Any]:
    """An object of the namespace, at generation 2."""
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": "influxdb", "generation": 2, "labels": LABELS},
        **rest,
    }


def stateful_set(**status: Any) -> dict[str, Any]:
    """A StatefulSet that has finished its rollout, except for the fields of `status`."""
    done = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
    revisions = {"currentRevision": "b", "updateRevision": "b"}
    return item("StatefulSet", spec={"replicas": 1, "selector": SELECTOR}, status=done | revisions | status)


def pod(**container: Any) -> dict[str, Any]:
    """A pod with one container."""
    return item("Pod", "influxdb-0", status={"containerStatuses": [{"name": "influxdb", "image": "i:1"} | container]})


def answer(text: str, status: int = 200, seconds: float = 0.01) -> Answer:
    """An answer of the application."""
    return Answer(f"{URL}/health", status, text, seconds)


def only(problems: list[str]) -> str:
    """The only problem."""
    assert len(problems) == 1, problems
    return problems[0]


def test_a_healthy_region_has_no_problem() -> None:
    assert not checks.release(item("ConfigMap", "release", data={"commit": COMMIT}), COMMIT)
    assert not checks.workloads([stateful_set()], [pod(state={"running": {}})], SINCE)
    assert not checks.endpoints(answer('{"status": "pass"}'), answer('{"status": "ready"}'))
    assert not checks.volumes([item("PersistentVolumeClaim", status={"phase": "Bound"})])
    assert not checks.latency([answer("")] * 20, 0.5)


def test_a_release_of_another_commit_or_none_is_no_proof() -> None:
    assert COMMIT in only(checks.release(item("ConfigMap", "release", data={"commit": "other"}), COMMIT))
    assert "missing" in only(checks.release(None, COMMIT))
    assert checks.release(item("ConfigMap", "release"), COMMIT)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"observedGeneration": 1}, "generation 2 is not observed yet"),
        ({"updatedReplicas": 0}, "0 of 1 replicas are updated"),
        ({"replicas": 2}, "1 of 1 replicas are updated"),
        ({"currentRevision": "a"}, "revision b is not the current one"),
        ({"readyReplicas": 0}, "0 of 1 replicas are ready"),
    ],
)
def test_an_unfinished_rollout_is_named(status: dict[str, Any], words: str) -> None:
    problem = only(checks.workloads([stateful_set(**status)], [], SINCE))
    assert problem.startswith("StatefulSet influxdb/influxdb")
    assert words in problem


def test_a_container_that_waits_or_restarted_after_the_release_is_named() -> None:
    waiting = pod(state={"waiting": {"reason": "ErrImagePull", "message": "not found"}})
    assert "waits: ErrImagePull: not found" in only(checks.workloads([stateful_set()], [waiting], SINCE))

    def ended(at: str) -> dict[str, Any]:
        return pod(lastState={"terminated": {"finishedAt": at, "reason": "OOMKilled", "exitCode": 137}})

    assert "OOMKilled" in only(checks.workloads([stateful_set()], [ended("2026-11-24T10:00:01Z")], SINCE))
    assert not checks.workloads([stateful_set()], [ended("2026-11-24T09:59:59Z")], SINCE)


def test_a_pod_without_an_owner_is_not_checked_and_one_without_a_node_is_named() -> None:
    lonely = item("Pod", "influxdb-0", status={"conditions": [
        {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    ]})  # fmt: skip
    assert "0/3 nodes are available" in only(checks.workloads([stateful_set()], [lonely], SINCE))
    bound = {**lonely, "spec": {"nodeName": "node-1"}}
    assert not checks.workloads([stateful_set()], [bound], SINCE)
    lonely["metadata"]["labels"] = {"app.kubernetes.io/name": "gate"}
    assert not checks.workloads([stateful_set()], [lonely], SINCE)


def test_endpoints_need_the_right_words_not_just_an_answer() -> None:
    ready = answer('{"status": "ready"}')
    assert "status fail" in only(checks.endpoints(answer('{"status": "fail"}'), ready))
    assert "answered 503" in only(checks.endpoints(answer("connection refused", 503), ready))
    assert "did not answer" in only(checks.endpoints(answer("no such host", 0), ready))
    assert "no JSON" in only(checks.endpoints(answer("<html>"), ready))


def test_latency_counts_the_slow_and_the_failed() -> None:
    assert not checks.latency([answer("")] * 19 + [answer("", seconds=9)], 0.5)
    assert "percentile" in only(checks.latency([answer("")] * 18 + [answer("", seconds=9)] * 2, 0.5))
    assert "1 of 20" in only(checks.latency([answer("")] * 19 + [answer("x", 503)], 0.5))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('# TYPE a gauge\na{b="c d"} 1\nc 1.5e3 1700000000\nd NaN\n', True),
        ("a_bucket{le=\"+Inf\"} 3\n", True),
        ("# only comments\n", False),
        ("<html>not found</html>\n", False),
        ("", False),
    ],
)  # fmt: skip
def test_metrics_are_series_in_prometheus_text_format(text: str, good: bool) -> None:
    assert (checks.metrics(answer(text)) == []) is good


def test_a_budget_guards_pods_and_its_status_is_of_this_generation() -> None:
    status = {"observedGeneration": 2, "expectedPods": 1, "currentHealthy": 1, "desiredHealthy": 1}
    budget = item("PodDisruptionBudget", spec={"selector": SELECTOR}, status=status)
    assert not checks.disruption([budget], [pod()])
    assert "guards no pod" in only(checks.disruption([budget], []))
    assert "not of this generation" in only(
        checks.disruption([budget | {"status": status | {"observedGeneration": 1}}], [pod()])
    )
    assert "0 of 1" in only(checks.disruption([budget | {"status": status | {"currentHealthy": 0}}], [pod()]))


def test_missing_data_is_never_a_pass() -> None:
    assert checks.workloads([], [], SINCE)
    assert checks.volumes([])
    assert checks.disruption([], [])
    assert checks.latency([], 0.5)


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ({"key": "a", "operator": "In", "values": ["1"]}, True),
        ({"key": "a", "operator": "NotIn", "values": ["1"]}, False),
        ({"key": "b", "operator": "Exists"}, False),
        ({"key": "b", "operator": "DoesNotExist"}, True),
    ],
)
def test_selectors_select_as_in_kubernetes(expression: dict[str, Any], selected: bool) -> None:
    assert checks.matches({"matchExpressions": [expression]}, {"a": "1"}) is selected


class Scripted:
    """A region whose claims are read, or not, as scripted."""

    def __init__(self, *phases: str) -> None:
        self.phases = list(phases)

    def objects(self, kind: str) -> list[dict[str, Any]]:
        phase = self.phases.pop(0)
        if not phase:
            raise UnreadableError("cannot list")
        return [item(kind, status={"phase": phase})]


def result_of(*phases: str, timeout: float) -> runner.GateResult:
    """The result of `volumes` for a scripted region."""
    region: Any = Scripted(*phases)
    return runner.retry_until_passed("volumes", runner.CHECKS["volumes"], region, Expectations(), timeout)


def test_passing_trouble_is_tried_again_and_lasting_trouble_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PAUSE_SECONDS", 0.0)
    passed = result_of("Pending", "", "Bound", timeout=60)
    assert (passed.problems, passed.tries) == ([], 3)
    assert "Pending" in only(result_of("Pending", timeout=0).problems)
    assert only(result_of("", timeout=0).problems) == "cannot list"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense", "--namespace=a"], "invalid choice: 'nonsense'"),
        (["release", "--namespace=a"], "release: give --commit"),
        (["endpoints", "latency", "--namespace=a"], "endpoints, latency: give --url"),
        (["budget", "--namespace=a", "--url=b"], "budget: give --prometheus"),
        (["volumes"], "--namespace"),
        (["volumes", "--namespace=a", "--timeout=0"], "0 is not more than 0"),
        (["volumes", "--namespace=a"], "set KUBECONFIG"),
    ],
)
def test_a_wrong_argument_exits_with_2_and_a_remedy(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    assert words in capsys.readouterr().err


def test_the_exit_code_and_the_text_name_the_failed_check(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    phases = ["Pending", "Pending", "Bound"]
    monkeypatch.setattr(command, "RunningRegion", lambda namespace, url, prometheus: Scripted(phases.pop(0)))
    arguments = ["volumes", "--namespace=influxdb", "--timeout=0.001"]
    assert command.main(arguments) == 1
    assert "volumes: FAILED" in capsys.readouterr().out
    assert command.main([*arguments, "--json"]) == 1
    assert "Pending" in json.loads(capsys.readouterr().out)[0]["problems"][0]
    assert command.main(arguments) == 0
    assert "volumes: passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("watched", "requests", "failed", "words"),
    [
        (59.0, 100.0, 0.0, "the release is 59 s old, and the test needs 60 s"),
        (60.0, None, None, "Prometheus counts no request"),
        (60.0, 0.0, 0.0, "Prometheus counts no request"),
        (60.0, 100.0, 1.1, "1.1% of 100 requests since the release failed, and at most 1.0% may"),
        (60.0, 100.0, 1.0, ""),
        (60.0, 100.0, None, ""),
    ],
)
def test_a_release_is_watched_and_may_burn_its_share_and_no_data_is_a_failure(
    watched: float, requests: float | None, failed: float | None, words: str
) -> None:
    problems = checks.budget(watched, 60.0, requests, failed, 0.01)
    assert words in only(problems) if words else problems == []


class Counted:
    """A region whose release is old enough, and whose Prometheus answers with these numbers."""

    def __init__(self, *answers: str) -> None:
        self.asked: list[str] = []
        self.queries: list[str] = []
        self._answers = list(answers)

    def release(self) -> dict[str, Any]:
        return {"metadata": {"managedFields": [{"time": "2026-01-01T00:00:00Z"}]}}

    def ask(self, path: str) -> None:
        self.asked.append(path)

    def count(self, query: str) -> float | None:
        self.queries.append(query)
        answer = self._answers.pop(0)
        return float(answer) if answer else None


def test_the_budget_queries_prometheus_after_a_request_on_the_clients_way() -> None:
    region: Any = Counted("200", "3")
    assert "1.5% of 200 requests" in only(runner.CHECKS["budget"](region, Expectations()))
    assert region.asked == [runner.CANARY]
    assert all(query.startswith('sum(increase(front_requests_total{job="front"') for query in region.queries)
    nothing: Any = Counted("", "")
    assert "counts no request" in only(runner.CHECKS["budget"](nothing, Expectations()))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ({"data": {"result": [{"value": [1, "2.5"]}]}}, 2.5),
        ({"data": {"result": [{"value": [1, "NaN"]}]}}, None),
        ({"data": {"result": []}}, None),
        ({"status": "error"}, UnreadableError),
    ],
)
def test_an_answer_of_prometheus_is_one_number_or_none(
    body: dict[str, Any], value: float | type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "not read here")
    monkeypatch.setattr("gates.region.config.load_kube_config", lambda: None)
    region = RunningRegion("front", "http://front", "http://prometheus/")
    urls: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        return httpx.Response(200, json=body)

    monkeypatch.setattr(region, "_http", httpx.Client(transport=httpx.MockTransport(respond)))
    if isinstance(value, type):
        with pytest.raises(value, match="gave no result"):
            region.count("up")
    else:
        assert region.count("up") == value
    assert urls == ["http://prometheus/api/v1/query?query=up"]
