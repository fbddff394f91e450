"""Reads a region: its cluster's API, with the rights of the pod's service account, and the application."""

from __future__ import annotations

import json
import math
import os
import time
from typing import Any

import httpx
import urllib3
from kubernetes import client, config

from gates.checks import Answer, Object

REQUEST_SECONDS = 5.0
"""Timeout of one request, so that a request that hangs leaves time for another try."""


class UnreadableError(Exception):
    """A request to the cluster's API or to Prometheus failed. The text has the request and the remedy."""


class RunningRegion:
    """One application's namespace in a region, and the address that the application has there."""

    def __init__(self, namespace: str, url: str, prometheus: str = "") -> None:
        """Raises UnreadableError if the program runs neither inside of a cluster nor with a KUBECONFIG."""
        try:
            if "KUBECONFIG" in os.environ:
                config.load_kube_config()
            else:
                config.load_incluster_config()
        except config.ConfigException as error:
            raise UnreadableError(f"no cluster: {error}. Run the program in a pod, or set KUBECONFIG") from error
        self.namespace = namespace
        self._url = url.rstrip("/")
        self._prometheus = prometheus.rstrip("/")
        self._http = httpx.Client(timeout=REQUEST_SECONDS)
        core, apps = client.CoreV1Api(), client.AppsV1Api()
        self._lists = {
            "Pod": core.list_namespaced_pod,
            "PersistentVolumeClaim": core.list_namespaced_persistent_volume_claim,
            "StatefulSet": apps.list_namespaced_stateful_set,
            "Deployment": apps.list_namespaced_deployment,
            "PodDisruptionBudget": client.PolicyV1Api().list_namespaced_pod_disruption_budget,
        }
        self._config_map = core.read_namespaced_config_map

    def objects(self, kind: str) -> list[Object]:
        """All objects of a kind. Raises UnreadableError."""
        items = _read(f"list {kind} in {self.namespace}", self._lists[kind], self.namespace)["items"]
        return [{"kind": kind, **item} for item in items]

    def release(self) -> Object | None:
        """The config map with the commit, or None if there is none. Raises UnreadableError."""
        try:
            return _read("read the release", self._config_map, "release", self.namespace)
        except UnreadableError as error:
            if isinstance(error.__cause__, client.ApiException) and error.__cause__.status == 404:
                return None
            raise

    def ask(self, path: str) -> Answer:
        """The application's answer to a GET."""
        url = f"{self._url}{path}"
        started = time.monotonic()
        try:
            response = self._http.get(url)
        except httpx.HTTPError as error:
            return Answer(url, 0, str(error) or type(error).__name__, time.monotonic() - started)
        return Answer(url, response.status_code, response.text, time.monotonic() - started)

    def count(self, query: str) -> float | None:
        """The number that Prometheus answers to a query, or None if it has none. Raises UnreadableError."""
        url = f"{self._prometheus}/api/v1/query"
        try:
            response = self._http.get(url, params={"query": query})
            series = response.json()["data"]["result"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise UnreadableError(f"{url} gave no result: {error or type(error).__name__}") from error
        values = [float(sample["value"][1]) for sample in series]
        return values[0] if len(values) == 1 and math.isfinite(values[0]) else None


def _read(purpose: str, call: Any, *arguments: str) -> Object:
    try:
        # As plain data: the typed models would refuse fields of a newer API server.
        response = call(*arguments, _preload_content=False, _request_timeout=REQUEST_SECONDS)
    except client.ApiException as error:
        remedy = ". The Role in gitops/lib/gate.libsonnet must allow it" if error.status == 403 else ""
        raise UnreadableError(f"cannot {purpose}: {error.status} {error.reason}{remedy}") from error
    except urllib3.exceptions.HTTPError as error:
        raise UnreadableError(f"cannot {purpose}: the API server does not answer: {error}") from error
    data: Object = json.loads(response.data)
    return data
