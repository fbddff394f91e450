"""When a Kubernetes object counts as ready, and what is said while it does not."""

from __future__ import annotations

from threading import Event
from typing import Any, cast

import pytest

from sandbox.kubernetes import await_, waiting
from sandbox.kubernetes.await_ import Related
from sandbox.kubernetes.client import ApiError, Client, Unreachable
from sandbox.provider_sdk.server import EngineLog

Object = dict[str, Any]


def _object(api_version: str, kind: str, spec: Object | None = None, status: Object | None = None) -> Object:
    meta = {"name": "a", "namespace": "n", "generation": 2}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": meta,
        "spec": spec or {},
        "status": status or {},
    }


def _ready(obj: Object, **related: Any) -> bool:
    return await_.readiness(obj, Related(**related)).ready


def _message(obj: Object, **related: Any) -> str:
    return await_.readiness(obj, Related(**related)).message


def _deployment(**status: Any) -> Object:
    return _object("apps/v1", "Deployment", {"replicas": 2}, {"observedGeneration": 2, **status})


def test_a_deployment_is_ready_once_its_newest_replicas_are_available_and_the_old_are_gone() -> None:
    assert _ready(_deployment(replicas=2, updatedReplicas=2, availableReplicas=2))


def test_a_deployment_waits_until_its_controller_has_seen_the_change() -> None:
    stale = _deployment(observedGeneration=1, replicas=2, updatedReplicas=2, availableReplicas=2)
    assert "to be created" in _message(stale)


def test_a_deployment_says_how_many_pods_are_available() -> None:
    assert "(1/2 Pods available)" in _message(_deployment(replicas=2, updatedReplicas=2, availableReplicas=1))


def test_a_deployment_waits_for_old_pods_to_go() -> None:
    assert "old ReplicaSet" in _message(_deployment(replicas=3, updatedReplicas=2, availableReplicas=3))


def test_a_deployment_past_its_progress_deadline_says_so() -> None:
    late = {
        "type": "Progressing",
        "reason": "ProgressDeadlineExceeded",
        "message": "has timed out progressing",
    }
    assert "has timed out progressing" in _message(_deployment(conditions=[late]))


def test_a_deployment_without_replicas_or_a_paused_one_is_ready() -> None:
    assert _ready(_object("apps/v1", "Deployment", {"replicas": 0}, {"observedGeneration": 2}))
    assert _ready(_object("apps/v1", "Deployment", {"replicas": 2, "paused": True}))


def test_a_stateful_set_waits_for_updated_and_ready_pods() -> None:
    spec = {"replicas": 2, "updateStrategy": {"type": "RollingUpdate"}}

    def state(**status: int) -> Object:
        return _object("apps/v1", "StatefulSet", spec, {"observedGeneration": 2, **status})

    assert not _ready(state(updatedReplicas=1, readyReplicas=2))
    assert not _ready(state(updatedReplicas=2, readyReplicas=1))
    assert _ready(state(updatedReplicas=2, readyReplicas=2))


def test_a_stateful_set_below_its_partition_keeps_the_old_revision() -> None:
    spec = {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}
    status = {"observedGeneration": 2, "updatedReplicas": 1, "readyReplicas": 3}
    assert _ready(_object("apps/v1", "StatefulSet", spec, status))


def test_a_daemon_set_waits_for_every_node_that_should_run_it() -> None:
    status = {
        "observedGeneration": 2,
        "desiredNumberScheduled": 2,
        "updatedNumberScheduled": 2,
        "numberAvailable": 1,
    }
    assert not _ready(_object("apps/v1", "DaemonSet", {}, status))
    assert _ready(_object("apps/v1", "DaemonSet", {}, {**status, "numberAvailable": 2}))


def test_a_job_is_ready_when_complete_and_waiting_is_pointless_when_failed() -> None:
    def with_condition(type_: str) -> Object:
        condition = {"type": type_, "status": "True", "reason": "BackoffLimitExceeded", "message": "no more"}
        return _object("batch/v1", "Job", {}, {"conditions": [condition]})

    assert _ready(with_condition("Complete"))
    assert not _ready(_object("batch/v1", "Job"))
    failed = await_.readiness(with_condition("Failed"))
    assert failed.failed
    assert "BackoffLimitExceeded" in failed.message


def test_a_claim_is_ready_when_bound_or_when_only_a_pod_will_bind_it() -> None:
    pending = _object("v1", "PersistentVolumeClaim", {}, {"phase": "Pending"})
    assert not _ready(pending)
    assert _ready(pending, binding_mode="WaitForFirstConsumer")
    assert _ready(_object("v1", "PersistentVolumeClaim", {}, {"phase": "Bound"}))


def _slice(*ready: bool) -> Object:
    return {"endpoints": [{"conditions": {"ready": r}} for r in ready]}


def test_a_service_waits_for_the_pods_that_it_selects_and_needs_none() -> None:
    service = _object("v1", "Service", {"selector": {"app": "x"}, "clusterIP": "10.0.0.1"})
    assert not _ready(service)
    assert not _ready(service, endpoint_slices=[_slice(True, False)])
    assert _ready(service, endpoint_slices=[_slice(True, True)])
    assert _ready(service, endpoint_slices=[_slice()])


def test_a_service_does_not_wait_for_a_pod_that_is_about_to_go() -> None:
    going = {"endpoints": [{"conditions": {"ready": False, "terminating": True}}]}
    service = _object("v1", "Service", {"selector": {"app": "x"}, "clusterIP": "10.0.0.1"})
    assert _ready(service, endpoint_slices=[going])


def test_a_service_without_selector_or_address_of_its_own_is_ready_at_once() -> None:
    assert _ready(_object("v1", "Service", {"clusterIP": "10.0.0.1"}))
    assert _ready(_object("v1", "Service", {"clusterIP": "None", "selector": {"app": "x"}}))
    assert _ready(_object("v1", "Service", {"type": "ExternalName"}))


def test_a_load_balancer_waits_for_its_address() -> None:
    balancer = _object("v1", "Service", {"type": "LoadBalancer"})
    assert not _ready(balancer)
    assert _ready({**balancer, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})


def test_a_pod_is_ready_when_its_condition_says_so_or_when_it_has_succeeded() -> None:
    assert not _ready(_object("v1", "Pod", {}, {"phase": "Running"}))
    assert _ready(_object("v1", "Pod", {}, {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}))
    assert _ready(_object("v1", "Pod", {}, {"phase": "Succeeded"}))


def test_a_crd_waits_to_be_established_and_fails_when_its_names_are_taken() -> None:
    def crd(type_: str, status: str) -> Object:
        condition = {"type": type_, "status": status, "message": "taken"}
        return _object("apiextensions.k8s.io/v1", "CustomResourceDefinition", {}, {"conditions": [condition]})

    assert _ready(crd("Established", "True"))
    assert not _ready(crd("Established", "False"))
    assert await_.readiness(crd("NamesAccepted", "False")).failed


def test_a_custom_resource_is_ready_at_once_unless_it_says_what_to_wait_for() -> None:
    resource = _object("acme.io/v1", "Widget", {}, {"phase": "Pending"})
    assert _ready(resource)
    resource["metadata"]["annotations"] = {"pulumi.com/waitFor": "jsonpath={.status.phase}=Running"}
    assert not _ready(resource)
    resource["status"]["phase"] = "Running"
    assert _ready(resource)


def test_several_expressions_to_wait_for_must_all_hold() -> None:
    both = '["condition=Synced", "jsonpath={.status.address}"]'
    resource = _object("acme.io/v1", "Widget", {}, {"conditions": [{"type": "Synced", "status": "True"}]})
    resource["metadata"]["annotations"] = {"pulumi.com/waitFor": both}
    assert _message(resource) == "Waiting for jsonpath={.status.address}"
    resource["status"]["address"] = "192.0.2.1"
    assert _ready(resource)


def test_waiting_for_an_expression_that_the_sandbox_does_not_know_is_pointless() -> None:
    resource = _object("acme.io/v1", "Widget")
    resource["metadata"]["annotations"] = {"pulumi.com/waitFor": "phase=Running"}
    state = await_.readiness(resource)
    assert state.failed
    assert "condition=<Type>" in state.message


def test_problems_of_pods_name_the_pod_the_container_and_the_cause() -> None:
    waiting_ = {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    unscheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "no nodes",
    }
    pods = [
        _object("v1", "Pod", {}, {"containerStatuses": [waiting_]}),
        _object("v1", "Pod", {}, {"conditions": [unscheduled]}),
    ]
    assert await_.pod_problems(pods) == [
        "[Pod a]: containers with unready status [c]: ImagePullBackOff: no such image",
        "[Pod a]: Unschedulable: no nodes",
    ]


def test_a_pod_that_is_just_starting_has_no_problem() -> None:
    creating = {"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}
    assert await_.pod_problems([_object("v1", "Pod", {}, {"containerStatuses": [creating]})]) == []


def test_the_timeout_is_the_resources_own_then_the_annotated_then_ten_minutes() -> None:
    annotated = {"metadata": {"annotations": {"pulumi.com/timeoutSeconds": "30"}}}
    assert waiting.timeout_of(annotated, 5) == 5
    assert waiting.timeout_of(annotated, 0) == 30
    assert waiting.timeout_of({}, 0) == 600


class _Server:
    """Answers reads with the given objects or errors, one after the other."""

    def __init__(self, *answers: Object | Exception) -> None:
        self.answers = list(answers)

    def get(self, *_: str) -> Object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def find(self, *_: str, **__: str) -> list[Object]:
        return []


def _wait(live: Object, *answers: Object | Exception, seconds: float = 5, cancelled: bool = False) -> Object:
    event = Event()
    if cancelled:
        event.set()
    client = cast(Client, _Server(*answers))
    return waiting.until_ready(client, live, seconds, event, EngineLog(None), "urn")


PENDING = _object("v1", "PersistentVolumeClaim", {}, {"phase": "Pending"})
BOUND = _object("v1", "PersistentVolumeClaim", {}, {"phase": "Bound"})


def test_waiting_ends_with_the_object_as_it_is_when_ready() -> None:
    assert _wait(PENDING, PENDING, BOUND) == BOUND


def test_waiting_survives_an_api_server_that_fails_for_a_while() -> None:
    assert _wait(PENDING, Unreachable("refused"), ApiError(500, {}), BOUND) == BOUND


def test_waiting_gives_up_in_time_and_keeps_the_object() -> None:
    with pytest.raises(waiting.NotReady) as caught:
        _wait(PENDING, seconds=-1)
    assert caught.value.live == PENDING
    assert caught.value.reasons[1] == "Waiting for PVC to be bound"


def test_waiting_stops_when_the_user_cancels() -> None:
    with pytest.raises(waiting.NotReady, match="cancelled"):
        _wait(PENDING, cancelled=True)


def test_waiting_notices_that_the_object_was_deleted() -> None:
    with pytest.raises(waiting.NotReady, match="deleted by someone else"):
        _wait(PENDING, ApiError(404, {}))


def test_deletion_is_over_when_the_object_is_gone_or_another_has_its_name() -> None:
    live = _object("v1", "ConfigMap")
    live["metadata"]["uid"] = "1"
    other = {**live, "metadata": {**live["metadata"], "uid": "2"}}
    for answer in (ApiError(404, {}), other):
        client = cast(Client, _Server(live, answer))
        waiting.until_gone(client, live, 5, Event(), EngineLog(None), "urn")


def test_a_deletion_that_takes_too_long_names_the_finalizers() -> None:
    live = _object("v1", "ConfigMap")
    live["metadata"]["finalizers"] = ["acme.io/hold"]
    with pytest.raises(waiting.NotReady, match=r"acme\.io/hold"):
        waiting.until_gone(cast(Client, _Server(live)), live, -1, Event(), EngineLog(None), "urn")
