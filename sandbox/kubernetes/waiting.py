"""Waiting for objects to become ready or to go (SIMULATED provider plugin, real API server)."""

from __future__ import annotations

import time
from threading import Event
from typing import Final

from sandbox.kubernetes import await_, objects
from sandbox.kubernetes.client import ApiError, Client, NoMatch, Unreachable
from sandbox.kubernetes.objects import Object
from sandbox.provider_sdk.server import EngineLog

DEFAULT_SECONDS: Final = 600.0  # the published provider's default for every kind
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 0.5
_MAX_EVENTS: Final = 5


class NotReady(Exception):
    """An object did not become ready, or did not go, in time; `live` is its last known state."""

    def __init__(self, live: Object, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.live, self.reasons = live, reasons


def timeout_of(obj: Object, requested: float) -> float:
    """Seconds to wait: the resource's custom timeout, or its annotation, or ten minutes."""
    if requested > 0:
        return requested
    annotated = objects.annotation(obj, objects.TIMEOUT_SECONDS)
    return float(annotated) if annotated.isdigit() else DEFAULT_SECONDS


def related_to(client: Client, obj: Object) -> await_.Related:
    """Fetch what the readiness of an object depends on besides itself."""
    meta = obj["metadata"]
    if obj["kind"] == "Service" and not objects.group_of(obj) and obj["spec"].get("selector"):
        selector = f"kubernetes.io/service-name={meta['name']}"
        slices = client.find("discovery.k8s.io/v1", "EndpointSlice", meta["namespace"], labelSelector=selector)
        return await_.Related(endpoint_slices=slices)
    if obj["kind"] == "PersistentVolumeClaim" and obj["spec"].get("storageClassName"):
        try:
            storage = client.get("storage.k8s.io/v1", "StorageClass", "", obj["spec"]["storageClassName"])
        except ApiError:
            return await_.Related()
        return await_.Related(binding_mode=storage.get("volumeBindingMode", ""))
    return await_.Related()


def check(client: Client, live: Object) -> await_.Readiness:
    """Whether a live object is ready right now."""
    return await_.readiness(live, related_to(client, live))


def until_ready(client: Client, live: Object, seconds: float, cancelled: Event, log: EngineLog, urn: str) -> Object:
    """Wait until an object is ready; returns it then, and raises NotReady otherwise."""
    deadline = time.monotonic() + seconds
    pause, shown = _FIRST_PAUSE, ""
    state = _checked(client, live)
    while not state.ready:
        if state.failed:
            raise NotReady(live, [state.message, *explain(client, live)])
        if time.monotonic() > deadline:
            late = f"'{live['metadata']['name']}' timed out waiting to be Ready after {seconds:g} s"
            raise NotReady(live, [late, state.message, *explain(client, live)])
        if state.message != shown:
            shown = state.message
            log.status(urn, shown)
        if cancelled.wait(pause):
            raise NotReady(live, ["cancelled while waiting", state.message])
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        try:
            live = _get(client, live)
        except ApiError as error:
            if error.code == 404:
                gone = f"{objects.full_name(live)} was deleted by someone else while waiting"
                raise NotReady(live, [gone]) from error
            state = await_.Readiness(False, str(error))
        except Unreachable as error:
            state = await_.Readiness(False, str(error))
        else:
            state = _checked(client, live)
    if shown:
        log.status(urn, "")
    return live


def _checked(client: Client, live: Object) -> await_.Readiness:
    # The object exists by now, so an API server that fails for a while must not make Pulumi forget it.
    try:
        return check(client, live)
    except (ApiError, Unreachable) as error:
        return await_.Readiness(False, str(error))


def until_gone(client: Client, live: Object, seconds: float, cancelled: Event, log: EngineLog, urn: str) -> None:
    """Wait until an object is deleted, its finalizers included; raises NotReady when that takes too long."""
    uid = live["metadata"].get("uid")
    deadline = time.monotonic() + seconds
    pause, shown = _FIRST_PAUSE, ""
    while True:
        try:
            live = _get(client, live)
        except ApiError as error:
            if error.code == 404:
                return
            raise
        except NoMatch:
            return
        if live["metadata"].get("uid") != uid:
            return
        waiting_for = f"finalizers: {', '.join(live['metadata'].get('finalizers') or ['none'])}"
        if time.monotonic() > deadline or cancelled.is_set():
            raise NotReady(
                live,
                [f"'{live['metadata']['name']}' timed out waiting to be deleted after {seconds:g} s ({waiting_for})"],
            )
        if pause >= _LONGEST_PAUSE and waiting_for != shown:
            shown = waiting_for
            log.status(urn, f"Waiting for deletion ({shown})")
        cancelled.wait(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _get(client: Client, obj: Object) -> Object:
    meta = obj["metadata"]
    return client.get(obj["apiVersion"], obj["kind"], meta.get("namespace", ""), meta["name"])


def explain(client: Client, obj: Object) -> list[str]:
    """Reasons from the object's Pods and from warning events, as far as the user may read them."""
    meta = obj["metadata"]
    try:
        pods = _pods_of(client, obj)
        names = {meta["name"], *(p["metadata"]["name"] for p in pods)}
        events = client.find("v1", "Event", meta.get("namespace", "default"), fieldSelector="type=Warning")
    except (ApiError, NoMatch, Unreachable):
        return []
    about = [e for e in events if (e.get("involvedObject") or {}).get("name") in names]
    texts = dict.fromkeys(f"{e.get('reason', '')}: {e.get('message', '')}" for e in about)
    return [*await_.pod_problems(pods), *list(texts)[-_MAX_EVENTS:]]


def _pods_of(client: Client, obj: Object) -> list[Object]:
    meta = obj["metadata"]
    if obj["kind"] == "Pod":
        return [obj]
    spec = obj.get("spec")
    selector = spec.get("selector") if isinstance(spec, dict) else None
    labels = (selector.get("matchLabels") or {}) if isinstance(selector, dict) else {}
    if not labels:
        return []
    text = ",".join(f"{k}={v}" for k, v in labels.items())
    return client.find("v1", "Pod", meta["namespace"], labelSelector=text)
