"""Stands in for a cluster's network: an HTTP proxy that knows the cluster's services, and what is behind them.

A process asks for `http://SERVICE.NAMESPACE.svc:PORT/…` through it. Whether there is such a service, with that port, and a ready
pod behind it, is read from the cluster's real API server. If a program of the sandbox runs for the pod, it answers; what
InfluxDB, Flipt and Prometheus answer is SIMULATED.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import httpx

from sandbox.supervisor.api import Api, Object
from sandbox.supervisor.simulated.answers import Answer, answered
from sandbox.supervisor.simulated.flipt import Flipt
from sandbox.supervisor.simulated.prometheus import Prometheus

_REQUEST_SECONDS = 10.0
_SERVICE_LABEL = "kubernetes.io/service-name"
SIMULATED = {"influxdb": 8086, "flipt": 8080, "prometheus": 9090}
"""The containers that are SIMULATED here, and the ports that these programs listen at by default, whatever the pod says."""
_OF_A_CONNECTION = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    url: SplitResult
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Target:
    """A pod behind a service, and the port that it is asked at."""

    pod: str
    port: int


class Network:
    """The proxy of one cluster. It serves from `start` to `stop`."""

    def __init__(self, api: Api, flipt: Flipt) -> None:
        self._api = api
        self._flipt = flipt
        self._prometheus = Prometheus()
        self._server: asyncio.Server | None = None
        self._http = httpx.AsyncClient(trust_env=False, timeout=_REQUEST_SECONDS)
        self.programs: Callable[[Object, int], int | None] = lambda pod, port: None
        """Where on this machine the program that runs for a pod listens instead of at a port of the pod; None if none does."""

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
        """Serve no more."""
        if self._server:
            self._server.close()
        await self._http.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request for each connection: enough for tests, and nothing to keep."""
        with contextlib.suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_SECONDS):
                answer = await self._answer(await read(reader))
                body = answer.text.encode() if isinstance(answer.text, str) else answer.text
                headers = {**answer.headers, "Content-Length": str(len(body)), "Connection": "close"}
                lines = [f"HTTP/1.1 {answer.status} sandbox", *(f"{name}: {value}" for name, value in headers.items())]
                writer.write("\r\n".join([*lines, "", ""]).encode() + body)
                await writer.drain()
        writer.close()

    async def _answer(self, request: Request) -> Answer:
        name = service_name(request.url)
        if not name:
            return Answer(400, f"this network knows http://SERVICE.NAMESPACE.svc[:PORT]/…, not {request.url.geturl()}")
        try:
            return await self._reach(request, *name, request.url.port or 80)
        except httpx.HTTPError as error:
            return Answer(502, f"the API server does not answer: {error}")

    async def _reach(self, request: Request, service: str, namespace: str, port: int) -> Answer:
        """What the pod behind a service's port answers, or why there is none."""
        root = f"/api/v1/namespaces/{namespace}"
        found = await self._api.get(f"{root}/services/{service}")
        if found is None:
            return Answer(502, f"no such host: there is no service {service} in {namespace}")
        query = f"labelSelector={_SERVICE_LABEL}%3D{service}"
        slices = await self._api.all(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?{query}")
        target = target_of(found, slices, port)
        if target is None:
            return Answer(
                503, f"connection refused: no ready pod is behind port {port} of service {service} in {namespace}"
            )
        pod = await self._api.get(f"{root}/pods/{target.pod}")
        if pod is None:
            return Answer(503, f"connection refused: pod {target.pod} is gone")
        if local := self.programs(pod, target.port):
            return await self._forward(request, local)
        containers = [c["name"] for c in pod["spec"]["containers"] if SIMULATED.get(c["name"]) == target.port]
        if "influxdb" in containers:
            return influxdb(pod, request.method, request.url.path)
        if "flipt" in containers:
            config = await self._api.get(f"{root}/configmaps/flipt")
            text = ((config or {}).get("data") or {}).get("default.yml", "")
            return await self._flipt.answer(text, request.method, request.url.path, request.body)
        if "prometheus" in containers and request.url.path == "/api/v1/query":
            query = parse_qs(request.url.query).get("query", [""])[0]
            return self._prometheus.answer(query, await self._metrics("front", 8080))
        return Answer(503, f"connection refused: nothing listens at port {target.port} of pod {target.pod}")

    async def _metrics(self, application: str, port: int) -> str:
        """The metrics of the program that runs for an application; empty if none does."""
        pods = await self._api.all(f"/api/v1/namespaces/{application}/pods")
        for local in filter(None, (self.programs(pod, port) for pod in pods)):
            with contextlib.suppress(httpx.HTTPError):
                return (await self._http.get(f"http://127.0.0.1:{local}/metrics")).text
        return ""

    async def _forward(self, request: Request, port: int) -> Answer:
        url = request.url._replace(scheme="http", netloc=f"127.0.0.1:{port}").geturl()
        headers = {name: value for name, value in request.headers.items() if name not in _OF_A_CONNECTION}
        try:
            answer = await self._http.request(request.method, url, headers=headers, content=request.body)
        except httpx.HTTPError as error:
            return Answer(503, f"connection refused: {error or type(error).__name__}")
        kept = {name: value for name, value in answer.headers.items() if name not in _OF_A_CONNECTION}
        kept.pop("content-encoding", None)  # undone by now
        return Answer(answer.status_code, answer.content, kept)


async def read(reader: asyncio.StreamReader) -> Request:
    """A request as it comes in. A body's length has to be said: none of the sandbox's programs leaves it open."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, urlsplit(rest.rpartition(" ")[0]), headers, body)


def service_name(url: SplitResult) -> tuple[str, str] | None:
    """The service and namespace that a URL names; None if it names no service of a cluster."""
    match (url.hostname or "").split("."):
        case [service, namespace, "svc"] | [service, namespace, "svc", "cluster", "local"] if url.scheme == "http":
            return service, namespace
    return None


def target_of(service: Object, slices: list[Object], port: int) -> Target | None:
    """A ready pod behind a port of a service, from its EndpointSlices; None if there is none."""
    names = [entry.get("name", "") for entry in service["spec"].get("ports", []) if entry["port"] == port]
    for part in slices:
        ports = [p["port"] for p in part.get("ports") or [] if p.get("name", "") in names]
        for endpoint in part.get("endpoints") or []:
            if ports and endpoint.get("conditions", {}).get("ready", True) and "targetRef" in endpoint:
                return Target(endpoint["targetRef"]["name"], ports[0])
    return None


def influxdb(pod: Object, method: str, path: str) -> Answer:
    """SIMULATED: what InfluxDB 2 in this pod would answer (docs.influxdata.com, influxdb/v2/api). Writes are forgotten."""
    version = pod["spec"]["containers"][0]["image"].partition("@")[0].rpartition(":")[2]
    answers: dict[str, Any] = {
        "/health": {
            "name": "influxdb", "message": "ready for queries and writes", "status": "pass", "checks": [],
            "version": version, "commit": "simulated",
        },
        "/ready": {"status": "ready", "started": pod["status"].get("startTime"), "up": "simulated"},
    }  # fmt: skip
    match method, path:
        case "GET", "/health" | "/ready":
            return answered(200, answers[path])
        case "GET", "/metrics":
            return Answer(
                200,
                "# HELP influxdb_info Information about the influxdb environment.\n# TYPE influxdb_info gauge\n"
                f'influxdb_info{{commit="simulated",version="{version}"}} 1\n',
            )
        case "POST", "/api/v2/write":
            return Answer(204, "")
    return Answer(404, f"the simulated InfluxDB has no {method} {path}")
