"""Replaces a cluster's network by an HTTP proxy to the cluster's services.

A process requests `http://SERVICE.NAMESPACE.svc:PORT/…` through the proxy. The cluster's real API server has the service,
its port and its ready pods. If a program of the sandbox runs for the pod, the program answers. The answers of InfluxDB,
Flipt and Prometheus are SIMULATED.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import httpx

from sandbox.machine.images import tag
from sandbox.supervisor.api import ApiServer, Object
from sandbox.supervisor.simulated.flipt import Flipt
from sandbox.supervisor.simulated.prometheus import Prometheus
from sandbox.supervisor.simulated.replies import Reply, json_reply

_REQUEST_SECONDS = 10.0
_SERVICE_LABEL = "kubernetes.io/service-name"
SIMULATED = {"influxdb": 8086, "flipt": 8080, "prometheus": 9090}
"""The containers that are SIMULATED here, and the default ports of their programs."""
_CONNECTION_HEADERS = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Request:
    """A request to the proxy."""

    method: str
    url: SplitResult
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Target:
    """A pod behind a service, and its port."""

    pod: str
    port: int


class Network:
    """The proxy of one cluster, which serves from `start` to `stop`."""

    def __init__(self, api: ApiServer, flipt: Flipt) -> None:
        self._api = api
        self._flipt = flipt
        self._prometheus = Prometheus()
        self._server: asyncio.Server | None = None
        self._http = httpx.AsyncClient(trust_env=False, timeout=_REQUEST_SECONDS)
        self.programs: Callable[[Object, int], int | None] = lambda pod, port: None
        """The port on this machine of a pod's program, in place of the pod's port. None if no program serves that port."""

    @property
    def proxy(self) -> str:
        """The proxy's URL, as `http_proxy` takes it."""
        assert self._server, "not started"
        port: int = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    async def start(self) -> None:
        """Begin to serve."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Stop serving."""
        if self._server:
            self._server.close()
        await self._http.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request for each connection, which is enough for tests."""
        with contextlib.suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_SECONDS):
                answer = await self._answer(await read_request(reader))
                body = answer.text.encode() if isinstance(answer.text, str) else answer.text
                headers = {**answer.headers, "Content-Length": str(len(body)), "Connection": "close"}
                lines = [f"HTTP/1.1 {answer.status} sandbox", *(f"{name}: {value}" for name, value in headers.items())]
                writer.write("\r\n".join([*lines, "", ""]).encode() + body)
                await writer.drain()
        writer.close()

    async def _answer(self, request: Request) -> Reply:
        name = service_name(request.url)
        if not name:
            return Reply(400, f"this network has http://SERVICE.NAMESPACE.svc[:PORT]/…, not {request.url.geturl()}")
        try:
            return await self._reach(request, *name, request.url.port or 80)
        except httpx.HTTPError as error:
            return Reply(502, f"the API server does not answer: {error}")

    async def _reach(self, request: Request, service: str, namespace: str, port: int) -> Reply:
        """The answer of the pod behind a service's port, or the reason why there is none."""
        root = f"/api/v1/namespaces/{namespace}"
        item = await self._api.get(f"{root}/services/{service}")
        if item is None:
            return Reply(502, f"no such host: there is no service {service} in {namespace}")
        query = f"labelSelector={_SERVICE_LABEL}%3D{service}"
        slices = await self._api.all(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?{query}")
        target = target_of(item, slices, port)
        if target is None:
            return Reply(
                503, f"connection refused: no ready pod is behind port {port} of service {service} in {namespace}"
            )
        pod = await self._api.get(f"{root}/pods/{target.pod}")
        if pod is None:
            return Reply(503, f"connection refused: pod {target.pod} is gone")
        if local := self.programs(pod, target.port):
            return await self._forward(request, local)
        return await self._simulate(request, pod, target, namespace)

    async def _simulate(self, request: Request, pod: Object, target: Target, namespace: str) -> Reply:
        """The answer of a SIMULATED program in a pod."""
        containers = [c["name"] for c in pod["spec"]["containers"] if SIMULATED.get(c["name"]) == target.port]
        if "influxdb" in containers:
            return influxdb(pod, request.method, request.url.path)
        if "flipt" in containers:
            config = await self._api.get(f"/api/v1/namespaces/{namespace}/configmaps/flipt")
            text = ((config or {}).get("data") or {}).get("default.yml", "")
            return await self._flipt.answer(text, request.method, request.url.path, request.body)
        if "prometheus" in containers and request.url.path == "/api/v1/query":
            query = parse_qs(request.url.query).get("query", [""])[0]
            return self._prometheus.answer(query, await self._metrics("front", 8080))
        return Reply(503, f"connection refused: nothing listens at port {target.port} of pod {target.pod}")

    async def _metrics(self, application: str, port: int) -> str:
        """The metrics of an application's program. Empty if no program runs."""
        pods = await self._api.all(f"/api/v1/namespaces/{application}/pods")
        for local in filter(None, (self.programs(pod, port) for pod in pods)):
            with contextlib.suppress(httpx.HTTPError):
                return (await self._http.get(f"http://127.0.0.1:{local}/metrics")).text
        return ""

    async def _forward(self, request: Request, port: int) -> Reply:
        url = request.url._replace(scheme="http", netloc=f"127.0.0.1:{port}").geturl()
        headers = {name: value for name, value in request.headers.items() if name not in _CONNECTION_HEADERS}
        try:
            answer = await self._http.request(request.method, url, headers=headers, content=request.body)
        except httpx.HTTPError as error:
            return Reply(503, f"connection refused: {error or type(error).__name__}")
        headers = {name: value for name, value in answer.headers.items() if name not in _CONNECTION_HEADERS}
        headers.pop("content-encoding", None)  # httpx has decoded the content
        return Reply(answer.status_code, answer.content, headers)


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read a request. A body needs a Content-Length: all programs of the sandbox send one."""
    request_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, _, rest = request_line.partition(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, urlsplit(rest.rpartition(" ")[0]), headers, body)


def service_name(url: SplitResult) -> tuple[str, str] | None:
    """The service and namespace in a URL. None if the URL names no service of a cluster."""
    match (url.hostname or "").split("."):
        case [service, namespace, "svc"] | [service, namespace, "svc", "cluster", "local"] if url.scheme == "http":
            return service, namespace
    return None


def target_of(service: Object, slices: list[Object], port: int) -> Target | None:
    """A ready pod behind a port of a service, from its EndpointSlices. None if there is none."""
    names = [entry.get("name", "") for entry in service["spec"].get("ports", []) if entry["port"] == port]
    for part in slices:
        ports = [p["port"] for p in part.get("ports") or [] if p.get("name", "") in names]
        for endpoint in part.get("endpoints") or []:
            if ports and endpoint.get("conditions", {}).get("ready", True) and "targetRef" in endpoint:
                return Target(endpoint["targetRef"]["name"], ports[0])
    return None


def influxdb(pod: Object, method: str, path: str) -> Reply:
    """SIMULATED: the answer of InfluxDB 2 in this pod (docs.influxdata.com, influxdb/v2/api). No write is stored."""
    version = tag(pod["spec"]["containers"][0]["image"])
    answers: dict[str, Any] = {
        "/health": {
            "name": "influxdb", "message": "ready for queries and writes", "status": "pass", "checks": [],
            "version": version, "commit": "simulated",
        },
        "/ready": {"status": "ready", "started": pod["status"].get("startTime"), "up": "simulated"},
    }  # fmt: skip
    match method, path:
        case "GET", "/health" | "/ready":
            return json_reply(200, answers[path])
        case "GET", "/metrics":
            return Reply(
                200,
                "# HELP influxdb_info Information about the influxdb environment.\n# TYPE influxdb_info gauge\n"
                f'influxdb_info{{commit="simulated",version="{version}"}} 1\n',
            )
        case "POST", "/api/v2/write":
            return Reply(204, "")
    return Reply(404, f"the simulated InfluxDB has no {method} {path}")
