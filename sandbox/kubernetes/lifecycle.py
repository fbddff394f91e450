"""Create, read, update and delete one object, in plain data (SIMULATED provider plugin, REAL API server).

As pulumi/pulumi-kubernetes provider/pkg/await/await.go, with server-side apply throughout.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

from sandbox.kubernetes import objects, waiting
from sandbox.kubernetes.client import ApiError, Client, NoMatch
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.objects import Object
from sandbox.provider_sdk.server import UNKNOWN, EngineLog, ProviderError

# Published: five retries, doubling (await.go, Creation).
_RETRY_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_KUBECTL: Final = re.compile(r'conflict with "(kubectl[^"]*|before-first-apply)" using ')
_CRD: Final = "CustomResourceDefinition"
# Kinds whose deletion `skipAwait` does not wait for either (metadata/overrides.go,
# allowsSkipAwaitWithDelete).
_SKIP_DELETE: Final = frozenset(
    {"Namespace", "Pod", "ReplicationController", "DaemonSet", "Deployment", "StatefulSet", "Job"}
)


@dataclass
class Operation:
    """One request about one resource."""

    cluster: Cluster
    urn: str
    manager: str
    log: EngineLog
    cancelled: Event
    timeout: float = 0.0

    def create(self, inputs: Object) -> Object:
        """Create an object and wait until it is ready; raises ProviderError, or NotReady once it exists."""
        client, name = self.cluster.client(), objects.full_name(inputs)
        try:
            live = self._retrying(client, lambda: self._create_once(client, inputs))
        except NoMatch as error:
            raise ProviderError(_missing_crd("creation", name, error)) from error
        except ApiError as error:
            raise ProviderError(
                f"resource {name} was not successfully created by the Kubernetes API server : {self._explained(error)}"
            ) from error
        return self._settled(client, inputs, live)

    def _create_once(self, client: Client, inputs: Object) -> Object:
        body = _body(client, inputs)
        meta = body["metadata"]
        if not meta.get("name"):  # generateName, which server-side apply does not know
            return client.create(body, self.manager)[0]
        if not self.cluster.settings.upsert_existing:
            try:
                client.get(body["apiVersion"], body["kind"], meta.get("namespace", ""), meta["name"])
            except ApiError as error:
                if error.code == 403:  # who may create need not be allowed to read
                    return client.create(body, self.manager)[0]
                if error.code != 404:
                    raise
            else:
                plural = client.resource(body["apiVersion"], body["kind"]).plural
                group = objects.group_of(body)
                what = f"{plural}.{group}" if group else plural
                raise ApiError(409, {"reason": "AlreadyExists", "message": f'{what} "{meta["name"]}" already exists'})
        return client.apply(body, self.manager, force=self._force(inputs))[0]

    def _retrying(self, client: Client, attempt: Callable[[], Object]) -> Object:
        # A namespace or CRD that another resource is just creating: tolerate misordering, as the published
        # provider.
        for number, pause in enumerate((*_RETRY_PAUSES, None)):
            try:
                live = attempt()
                if number:
                    self.log.status(self.urn, "")
                return live
            except (ApiError, NoMatch) as error:
                if pause is None or (isinstance(error, ApiError) and error.code != 404):
                    raise
                self.log.status(self.urn, f"Retry #{number}; creation failed: {error}")
                if self.cancelled.wait(pause):
                    raise
                client.forget_discovery()
        raise AssertionError("unreachable")

    def preview_create(self, inputs: Object) -> Object | None:
        """What the server would make of the object, or None; raises ProviderError if it would refuse."""
        if self.cluster.unreachable():
            return None
        client = self.cluster.client()
        try:
            live, warnings = client.create(_body(client, inputs), self.manager, dry_run=True)
        except NoMatch:
            return None
        except ApiError as error:
            if error.code == 404 or error.reason in {"AlreadyExists", "Forbidden"}:
                return None
            name = objects.full_name(inputs)
            raise ProviderError(
                f"resource {name} was not successfully created by the Kubernetes API server : {error}"
            ) from error
        self._warn(warnings)
        return _as_planned(live, inputs)

    def update(self, inputs: Object, ignored: list[str], *, preview: bool = False) -> Object | None:
        """Apply changed inputs and wait; None for a preview that cannot be told."""
        if preview and self.cluster.unreachable():
            return None
        client, name = self.cluster.client(), objects.full_name(inputs)
        try:
            body = _body(client, inputs)
            if ignored:
                meta = body["metadata"]
                live = client.get(body["apiVersion"], body["kind"], meta.get("namespace", ""), meta["name"])
                body = with_live_values(body, live, ignored)
            applied, warnings = self._apply(client, body, preview)
        except NoMatch as error:
            if preview:
                return None
            raise ProviderError(_missing_crd("update", name, error)) from error
        except ApiError as error:
            if preview and error.reason == "Forbidden":
                return None
            raise ProviderError(
                f"update of resource {name} failed because the Kubernetes API server reported that it failed "
                f"to fully initialize or become live: {self._explained(error)}"
            ) from error
        self._warn(warnings if preview else [])
        return applied if preview else self._settled(client, inputs, applied)

    def _apply(self, client: Client, body: Object, preview: bool) -> tuple[Object, list[str]]:
        try:
            return client.apply(body, self.manager, force=self._force(body), dry_run=preview)
        except ApiError as error:
            # What people changed with kubectl edit or patch is drift to correct (await.go,
            # fixCSAFieldManagers).
            causes = [str(cause.get("message", "")) for cause in error.details.get("causes") or []]
            if error.reason != "Conflict" or not all(_KUBECTL.match(cause) for cause in causes):
                raise
            return client.apply(body, self.manager, force=True, dry_run=preview)

    def read(self, inputs: Object, namespace: str, name: str) -> Object | None:
        """The live object, or None when there is none (any more)."""
        client = self.cluster.client()
        try:
            return client.get(inputs["apiVersion"], inputs["kind"], namespace, name)
        except NoMatch:
            return None
        except ApiError as error:
            if error.code == 404:
                return None
            raise ProviderError(f"reading {objects.full_name(inputs) or name}: {error}") from error

    def not_ready(self, live: Object) -> list[str]:
        """Why an existing object is not ready at this moment; empty when it is."""
        if objects.is_true(live, objects.SKIP_AWAIT):
            return []
        client = self.cluster.client()
        state = waiting.check(client, live)
        return [] if state.ready else [state.message, *waiting.explain(client, live)]

    def delete(self, inputs: Object) -> None:
        """Delete an object, unless it is gone, and wait until it is, finalizers included."""
        client = self.cluster.client()
        policy = objects.annotation(inputs, objects.DELETION_PROPAGATION).capitalize()
        try:
            body = _body(client, inputs)
            meta = body["metadata"]
            live = client.get(body["apiVersion"], body["kind"], meta.get("namespace", ""), meta["name"])
            client.delete(body, policy if policy in {"Orphan", "Background"} else "Foreground")
        except NoMatch:
            return
        except ApiError as error:
            if error.code == 404:
                return
            raise ProviderError(f"deleting {objects.full_name(inputs)}: {error}") from error
        if objects.is_true(inputs, objects.SKIP_AWAIT) and inputs["kind"] in _SKIP_DELETE:
            return
        seconds = waiting.timeout_of(inputs, self.timeout)
        waiting.until_gone(client, live, seconds, self.cancelled, self.log, self.urn)
        if inputs["kind"] == _CRD:
            client.forget_discovery()

    def _settled(self, client: Client, inputs: Object, live: Object) -> Object:
        if objects.annotation(inputs, objects.SKIP_AWAIT) not in {"true", "ready"}:
            seconds = waiting.timeout_of(inputs, self.timeout)
            live = waiting.until_ready(client, live, seconds, self.cancelled, self.log, self.urn)
        if inputs["kind"] == _CRD:
            client.forget_discovery()
        return live

    def _force(self, inputs: Object) -> bool:
        return objects.is_true(inputs, objects.PATCH_FORCE) or self.cluster.settings.patch_force

    def _explained(self, error: ApiError) -> str:
        if error.reason != "Conflict":
            return str(error)
        return (
            "Server-Side Apply field conflict detected. Set the annotation pulumi.com/patchForce to take "
            "the fields over, or leave them out of the program.\nThe resource managed by field manager "
            f'"{self.manager}" had an apply conflict: {error}'
        )

    def _warn(self, warnings: list[str]) -> None:
        for warning in warnings:
            if "deprecated" not in warning or not self.cluster.settings.suppress_deprecation_warnings:
                self.log.warning(self.urn, warning)


def _missing_crd(what: str, name: str, error: NoMatch) -> str:
    return (
        f"{what} of resource {name} failed because the Kubernetes API server reported that the apiVersion "
        f"for this resource does not exist. Verify that any required CRDs have been created: {error}"
    )


def _body(client: Client, inputs: Object) -> Object:
    # A custom resource gets a namespace while its CRD is unknown; corrected as soon as the server knows
    # better.
    resource = client.resource(inputs["apiVersion"], inputs["kind"])
    if resource.namespaced or "namespace" not in inputs["metadata"]:
        return inputs
    return {**inputs, "metadata": {k: v for k, v in inputs["metadata"].items() if k != "namespace"}}


def _as_planned(live: Object, inputs: Object) -> Object:
    # The server invents identities in a dry run; the real object gets others.
    meta = {**live["metadata"], **dict.fromkeys(("uid", "resourceVersion", "creationTimestamp"), UNKNOWN)}
    planned = {**live, "metadata": meta, "status": UNKNOWN}
    spec = live.get("spec")
    if live["kind"] == "Service" and isinstance(spec, dict):
        given = inputs.get("spec") or {}
        invented = {k: UNKNOWN for k in ("clusterIP", "clusterIPs") if k in spec and k not in given}
        planned["spec"] = {**spec, **invented}
    return planned


def with_live_values(body: Object, live: Object, paths: list[str]) -> Object:
    """Give ignored properties the values they have: equal values never conflict with another's."""
    for path in paths:
        keys = [a or b for a, b in re.findall(r'([^.\[\]"]+)|\["([^"]+)"\]', path)]
        body = _replaced(body, live, keys)
    return body


def _replaced(value: Any, live: Any, keys: list[str]) -> Any:
    if not keys or not isinstance(value, dict) or not isinstance(live, dict) or keys[0] not in live:
        return live if not keys else value
    return {**value, keys[0]: _replaced(value.get(keys[0], {}), live[keys[0]], keys[1:])}
