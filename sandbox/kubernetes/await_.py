"""When an object counts as ready (SIMULATED provider plugin, real API server).

Pure functions from objects to readiness. The rules are the published provider's (pulumi/pulumi-kubernetes
provider/pkg/await) and those of `kubectl rollout status`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.kubernetes import objects
from sandbox.kubernetes.objects import Object


@dataclass(frozen=True)
class Readiness:
    """Whether to go on; if not, what is waited for, and whether waiting is pointless."""

    ready: bool
    message: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Related:
    """Objects beside the awaited one that its readiness depends on."""

    endpoint_slices: list[Object] = field(default_factory=list)
    binding_mode: str = ""


READY: Final = Readiness(True)


def _waiting(message: str) -> Readiness:
    return Readiness(False, message)


def _status(obj: Object) -> Object:
    return obj.get("status") or {}


def _condition(obj: Object, type_: str) -> Object:
    for condition in _status(obj).get("conditions") or []:
        if condition.get("type") == type_:
            return dict(condition)
    return {}


def _observed(obj: Object) -> bool:
    return int(_status(obj).get("observedGeneration", 0)) >= int(obj["metadata"].get("generation", 0))


def deployment(obj: Object, _: Related) -> Readiness:
    """All replicas of the newest ReplicaSet are available, and the older ones are gone."""
    status, wanted = _status(obj), int(obj["spec"].get("replicas", 1))
    if obj["spec"].get("paused"):
        return READY
    if not _observed(obj):
        return _waiting("[1/2] Waiting for app ReplicaSet to be created")
    updated, available = int(status.get("updatedReplicas", 0)), int(status.get("availableReplicas", 0))
    if updated < wanted or available < updated:
        progressing = _condition(obj, "Progressing")
        late = f": {progressing['message']}" if progressing.get("reason") == "ProgressDeadlineExceeded" else ""
        return _waiting(
            "[1/2] Waiting for app ReplicaSet to be available "
            f"({min(available, updated)}/{wanted} Pods available){late}"
        )
    if int(status.get("replicas", 0)) > updated:
        return _waiting("[1/2] Waiting for the old ReplicaSet to be scaled down")
    return READY


def stateful_set(obj: Object, _: Related) -> Readiness:
    """All replicas are ready, at the newest revision (above the partition, if there is one)."""
    spec, status = obj["spec"], _status(obj)
    wanted = int(spec.get("replicas", 1))
    strategy = spec.get("updateStrategy") or {}
    if not _observed(obj):
        return _waiting("[1/3] Waiting for the StatefulSet to be observed")
    ready = int(status.get("readyReplicas", 0))
    if strategy.get("type") != "OnDelete":
        partition = int((strategy.get("rollingUpdate") or {}).get("partition", 0))
        updated = int(status.get("updatedReplicas", 0))
        if updated < wanted - partition:
            return _waiting(f"[2/3] Waiting for StatefulSet update to roll out ({updated}/{wanted} Pods updated)")
    if ready < wanted:
        return _waiting(f"[3/3] Waiting for StatefulSet update to roll out ({ready}/{wanted} Pods ready)")
    return READY


def daemon_set(obj: Object, _: Related) -> Readiness:
    """A Pod of the newest template is available on every node that should have one."""
    status = _status(obj)
    if not _observed(obj):
        return _waiting("[1/2] Waiting for the DaemonSet to be observed")
    wanted = int(status.get("desiredNumberScheduled", 0))
    updated, available = int(status.get("updatedNumberScheduled", 0)), int(status.get("numberAvailable", 0))
    if (obj["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
        updated = wanted
    if updated < wanted or available < wanted:
        return _waiting(
            "[2/2] Waiting for DaemonSet update to roll out "
            f"({updated}/{wanted} updated, {available}/{wanted} available)"
        )
    return READY


def job(obj: Object, _: Related) -> Readiness:
    """The Job has completed (or is suspended, and has nothing to do)."""
    failure = _condition(obj, "Failed")
    if failure.get("status") == "True":
        return Readiness(False, f"Job failed: {failure.get('reason', '')}: {failure.get('message', '')}", failed=True)
    if _condition(obj, "Complete").get("status") == "True" or obj["spec"].get("suspend"):
        return READY
    status = _status(obj)
    return _waiting(
        f"Waiting for Job to complete (active: {status.get('active', 0)} | "
        f"succeeded: {status.get('succeeded', 0)} | failed: {status.get('failed', 0)})"
    )


def pod(obj: Object, _: Related) -> Readiness:
    """The Pod is ready, or has succeeded."""
    phase = _status(obj).get("phase", "Pending")
    if phase == "Succeeded" or _condition(obj, "Ready").get("status") == "True":
        return READY
    if phase == "Failed":
        return Readiness(False, f"Pod failed: {_status(obj).get('message', '')}".rstrip(": "), failed=True)
    return _waiting(f"Waiting for Pod to be ready (phase {phase})")


def claim(obj: Object, related: Related) -> Readiness:
    """The PersistentVolumeClaim is bound, or its storage class binds it only when a Pod uses it."""
    phase = _status(obj).get("phase", "Pending")
    if phase == "Bound" or related.binding_mode == "WaitForFirstConsumer":
        return READY
    if phase == "Lost":
        return Readiness(False, "PVC lost its volume", failed=True)
    return _waiting("Waiting for PVC to be bound")


def service(obj: Object, related: Related) -> Readiness:
    """No Pod that the Service selects is unready, and a load balancer has its address.

    A Service that selects no Pods (yet) is ready: pulumi-kubernetes pull request 3142.
    """
    spec = obj["spec"]
    type_ = spec.get("type", "ClusterIP")
    if type_ == "ExternalName":
        return READY
    if spec.get("selector") and spec.get("clusterIP") != "None":
        if not related.endpoint_slices:
            return _waiting("[1/3] Finding Pods to direct traffic to")
        if not all(_all_ready(s) for s in related.endpoint_slices):
            return _waiting("[1/3] Waiting for the Pods that the Service selects to be ready")
    if type_ == "LoadBalancer" and not (_status(obj).get("loadBalancer") or {}).get("ingress"):
        return _waiting("[2/3] Attempting to allocate IP address to Service")
    return READY


def _all_ready(endpoint_slice: Object) -> bool:
    conditions = [e.get("conditions") or {} for e in endpoint_slice.get("endpoints") or []]
    return all(c.get("ready", True) or c.get("terminating", False) for c in conditions)


def ingress(obj: Object, _: Related) -> Readiness:
    """The Ingress has an address."""
    if (_status(obj).get("loadBalancer") or {}).get("ingress"):
        return READY
    return _waiting("Waiting for update of .status.loadBalancer with hostname/IP")


def crd(obj: Object, _: Related) -> Readiness:
    """The CustomResourceDefinition is served."""
    if _condition(obj, "Established").get("status") == "True":
        return READY
    refused = _condition(obj, "NamesAccepted")
    if refused.get("status") == "False":
        return Readiness(False, f"CRD names are not accepted: {refused.get('message', '')}", failed=True)
    return _waiting("Waiting for CRD to be established")


def namespace(obj: Object, _: Related) -> Readiness:
    """The Namespace is active."""
    return READY if _status(obj).get("phase") == "Active" else _waiting("Waiting for Namespace to be active")


def volume(obj: Object, _: Related) -> Readiness:
    """The PersistentVolume can be claimed, or is."""
    phase = _status(obj).get("phase")
    return READY if phase in {"Available", "Bound"} else _waiting("Waiting for PersistentVolume to be available")


def secret(obj: Object, _: Related) -> Readiness:
    """A service account's token has been filled in; every other Secret is ready."""
    if obj.get("type") == "kubernetes.io/service-account-token" and not obj.get("data"):
        return _waiting("Waiting for the token of the ServiceAccount")
    return READY


_RULES: Final[dict[tuple[str, str], Callable[[Object, Related], Readiness]]] = {
    ("apps", "Deployment"): deployment,
    ("apps", "StatefulSet"): stateful_set,
    ("apps", "DaemonSet"): daemon_set,
    ("batch", "Job"): job,
    ("", "Pod"): pod,
    ("", "PersistentVolumeClaim"): claim,
    ("", "PersistentVolume"): volume,
    ("", "Service"): service,
    ("", "Namespace"): namespace,
    ("", "Secret"): secret,
    ("networking.k8s.io", "Ingress"): ingress,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): crd,
}


def readiness(obj: Object, related: Related = Related()) -> Readiness:
    """Whether a live object is ready: as `pulumi.com/waitFor` says, or by its kind's rule, or at once."""
    expression = objects.annotation(obj, objects.WAIT_FOR)
    if expression:
        return _wait_for(obj, expression)
    rule = _RULES.get((objects.group_of(obj), str(obj.get("kind"))))
    return rule(obj, related) if rule else READY


def _wait_for(obj: Object, expression: str) -> Readiness:
    try:
        decoded = json.loads(expression)
    except ValueError:
        decoded = expression
    for one in decoded if isinstance(decoded, list) else [expression]:
        try:
            if not _satisfied(obj, str(one)):
                return _waiting(f"Waiting for {one}")
        except ValueError as error:
            return Readiness(False, str(error), failed=True)
    return READY


def _satisfied(obj: Object, expression: str) -> bool:
    kind, _, rest = expression.partition("=")
    if kind == "condition":
        type_, _, wanted = rest.partition("=")
        return str(_condition(obj, type_).get("status", "")).lower() == (wanted or "True").lower()
    match = re.fullmatch(r"\{?\.([\w.-]+)\}?(?:=(.*))?", rest)
    if kind != "jsonpath" or match is None:
        raise ValueError(
            f"{objects.WAIT_FOR}: {expression!r}: the sandbox knows condition=<Type>[=<Status>] and "
            "jsonpath={.a.b}[=value]"
        )
    value: Any = obj
    for part in match[1].split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value is not None if match[2] is None else str(value) == match[2]


def pod_problems(pods: list[Object]) -> list[str]:
    """Why Pods do not become ready: no node takes them, no image, containers that crash."""
    found: dict[str, None] = {}
    for one in pods:
        name, status = one["metadata"]["name"], _status(one)
        scheduled = _condition(one, "PodScheduled")
        if scheduled.get("status") == "False":
            found[f"[Pod {name}]: {scheduled.get('reason', '')}: {scheduled.get('message', '')}"] = None
        for container in [
            *(status.get("initContainerStatuses") or []),
            *(status.get("containerStatuses") or []),
        ]:
            for state in ("waiting", "terminated"):
                detail = (container.get("state") or {}).get(state) or {}
                if detail.get("reason") not in (None, "ContainerCreating", "PodInitializing", "Completed"):
                    text = f"{detail['reason']}: {detail.get('message', '')}".rstrip(": ")
                    found[f"[Pod {name}]: containers with unready status [{container['name']}]: {text}"] = None
    return list(found)
