"""Stands in for a cluster's network, and for the application behind it: an HTTP proxy that knows the cluster's services.

A step asks for `http://SERVICE.NAMESPACE.svc:PORT/…` through it. Whether there is such a service, with that port, and a ready
pod behind it, is read from the cluster's real API server; what the pod answers is SIMULATED.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx

from sandbox.supervisor.api import Api, Object

_REQUEST_SECONDS = 10.0
_SERVICE_LABEL = "kubernetes.io/service-name"
_INFLUXDB_PORT = 8086

Response = tuple[int, str]
"""Status and text."""


class Network:
    """The proxy of one cluster. It serves from `start` to `stop`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._server: asyncio.Server | None = None

    @property
    def proxy(self) -> str:
        """The proxy's URL, as `http_proxy` takes it."""
        assert self._server, "not started"
        port: int = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    async def start(self) -> None:
        """Begin to serve."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Serve no more."""
        if self._server:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request for each connection: enough for tests, and nothing to keep."""
        with contextlib.suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                status, text = await self._respond(head.partition(b"\r\n")[0].decode("latin-1"))
                body = text.encode()
                writer.write(
                    f"HTTP/1.1 {status} simulated\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                )
                writer.write(body)
                await writer.drain()
        writer.close()

    async def _respond(self, request: str) -> Response:
        method, _, rest = request.partition(" ")
        url = urlsplit(rest.rpartition(" ")[0])
        name = service_name(url)
        if method != "GET" or not name:
            return 400, f"this network knows GET http://SERVICE.NAMESPACE.svc[:PORT]/…, not {request}"
        try:
            found = await self._reach(*name, url.port or 80)
        except httpx.HTTPError as error:
            return 502, f"the API server does not answer: {error}"
        return found if isinstance(found, tuple) else influxdb(found, url.path)

    async def _reach(self, service: str, namespace: str, port: int) -> Object | Response:
        """The pod behind a service's port, or why there is none."""
        root = f"/api/v1/namespaces/{namespace}"
        found = await self._api.get(f"{root}/services/{service}")
        if found is None:
            return 502, f"no such host: there is no service {service} in {namespace}"
        query = f"labelSelector={_SERVICE_LABEL}%3D{service}"
        slices = await self._api.all(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?{query}")
        target = target_of(found, slices, port)
        if target is None:
            return 503, f"connection refused: no ready pod is behind port {port} of service {service} in {namespace}"
        return await self._api.get(f"{root}/pods/{target}") or (503, f"connection refused: pod {target} is gone")


def service_name(url: SplitResult) -> tuple[str, str] | None:
    """The service and namespace that a URL names; None if it names no service of a cluster."""
    match (url.hostname or "").split("."):
        case [service, namespace, "svc"] | [service, namespace, "svc", "cluster", "local"] if url.scheme == "http":
            return service, namespace
    return None


def target_of(service: Object, slices: list[Object], port: int) -> str | None:
    """The name of a ready pod that listens behind a port of a service, from its EndpointSlices; None if there is none."""
    names = [entry.get("name", "") for entry in service["spec"].get("ports", []) if entry["port"] == port]
    for part in slices:
        # The simulated application listens where InfluxDB does by default, whatever the pod says.
        listens = any(p.get("name", "") in names and p.get("port") == _INFLUXDB_PORT for p in part.get("ports") or [])
        for endpoint in part.get("endpoints") or []:
            if listens and endpoint.get("conditions", {}).get("ready", True) and "targetRef" in endpoint:
                name: str = endpoint["targetRef"]["name"]
                return name
    return None


def influxdb(pod: Object, path: str) -> Response:
    """SIMULATED: what InfluxDB 2 in this pod would answer (docs.influxdata.com, influxdb/v2/api)."""
    version = pod["spec"]["containers"][0]["image"].partition("@")[0].rpartition(":")[2]
    answers: dict[str, Any] = {
        "/health": {
            "name": "influxdb", "message": "ready for queries and writes", "status": "pass", "checks": [],
            "version": version, "commit": "simulated",
        },
        "/ready": {"status": "ready", "started": pod["status"].get("startTime"), "up": "simulated"},
    }  # fmt: skip
    if path in answers:
        return 200, json.dumps(answers[path])
    if path == "/metrics":
        return 200, (
            "# HELP influxdb_info Information about the influxdb environment.\n# TYPE influxdb_info gauge\n"
            f'influxdb_info{{commit="simulated",version="{version}"}} 1\n'
        )
    return 404, f"the simulated InfluxDB has no {path}"
