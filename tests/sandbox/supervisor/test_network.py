"""The proxy of a cluster lets the same requests through as a real cluster's network."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.supervisor.simulated import network
from sandbox.supervisor.simulated.flipt import Flipt

SERVICE: dict[str, Any] = {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}
POD: dict[str, Any] = {
    "spec": {"containers": [{"name": "influxdb", "image": "docker.io/library/influxdb:2.7.12@sha256:0"}]},
    "status": {"startTime": "now"},
}


def endpoint_slice(ready: bool | None = True, name: str = "http", port: int = 8086) -> dict[str, Any]:
    """An EndpointSlice with one pod."""
    endpoint = {"conditions": {} if ready is None else {"ready": ready}, "targetRef": {"name": "influxdb-0"}}
    return {"ports": [{"name": name, "port": port}], "endpoints": [endpoint]}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://influxdb.data.svc:8086/health", ("influxdb", "data")),
        ("http://influxdb.data.svc.cluster.local/health", ("influxdb", "data")),
        ("http://www.example.com/", None),
        ("https://influxdb.data.svc/", None),
        ("/health", None),
    ],
)
def test_only_services_have_names(url: str, name: tuple[str, str] | None) -> None:
    assert network.service_name(urlsplit(url)) == name


@pytest.mark.parametrize(
    ("slices", "port", "target"),
    [
        ([endpoint_slice()], 80, network.Target("influxdb-0", 8086)),
        ([endpoint_slice(ready=None)], 80, network.Target("influxdb-0", 8086)),
        ([endpoint_slice(ready=False)], 80, None),
        ([endpoint_slice()], 8086, None),
        ([endpoint_slice(name="other")], 80, None),
        ([{"ports": None, "endpoints": None}], 80, None),
        ([], 80, None),
    ],
)
def test_a_request_reaches_a_ready_pod_and_no_other(
    slices: list[dict[str, Any]], port: int, target: network.Target | None
) -> None:
    assert network.target_of(SERVICE, slices, port) == target


class FakeCluster:
    """The API of a cluster with one service and its pod."""

    slices: tuple[dict[str, Any], ...] = (endpoint_slice(),)
    pod: dict[str, Any] = POD

    async def get(self, path: str) -> dict[str, Any] | None:
        return {"/services/influxdb": SERVICE, "/pods/influxdb-0": self.pod}.get(
            path.removeprefix("/api/v1/namespaces/data")
        )

    async def all(self, path: str) -> list[dict[str, Any]]:
        return list(self.slices)


async def ask(
    api: Any, *requests: tuple[str, str], programs: Callable[[Any, int], int | None] | None = None
) -> list[httpx.Response]:
    """The answers to these requests, each a method and a URL, through the proxy."""
    proxy = network.Network(api, Flipt(Path("nowhere")))
    proxy.programs = programs or proxy.programs
    await proxy.start()
    try:
        async with httpx.AsyncClient(proxy=proxy.proxy, trust_env=False) as client:
            return [
                await client.request(
                    method, url, headers={"X-From": "a test"}, content=b"m f=1" if method == "POST" else None
                )
                for method, url in requests
            ]
    finally:
        await proxy.stop()


def test_the_simulated_influxdb_answers_as_its_image_and_nothing_answers_without_a_service() -> None:
    root = "http://influxdb.data.svc"
    paths = (f"{root}/health", f"{root}/ready", f"{root}/metrics", f"{root}/x", "http://other.data.svc/health")
    requests = [*(("GET", path) for path in paths), ("POST", f"{root}/api/v2/write")]
    health, ready, metrics, unknown, other, write = asyncio.run(ask(FakeCluster(), *requests))
    assert (health.json()["status"], health.json()["version"]) == ("pass", "2.7.12")
    assert ready.json()["status"] == "ready"
    assert 'influxdb_info{commit="simulated",version="2.7.12"} 1' in metrics.text
    assert (unknown.status_code, other.status_code, write.status_code) == (404, 502, 204)
    assert "there is no service other in data" in other.text


def test_a_service_without_a_ready_pod_or_with_one_that_does_not_listen_refuses_the_connection() -> None:
    cluster = FakeCluster()
    cluster.slices = ()
    (answer,) = asyncio.run(ask(cluster, ("GET", "http://influxdb.data.svc/health")))
    assert (answer.status_code, "no ready pod" in answer.text) == (503, True)
    cluster.slices = (endpoint_slice(port=9999),)
    (answer,) = asyncio.run(ask(cluster, ("GET", "http://influxdb.data.svc/health")))
    assert (answer.status_code, "nothing listens at port 9999" in answer.text) == (503, True)


def test_a_program_that_runs_for_the_pod_answers_itself() -> None:
    requests: list[tuple[str, str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append((self.path, self.headers["Host"], self.headers["X-From"], body))
            self.send_response(503)
            self.send_header("Retry-After", "30")
            self.end_headers()
            self.wfile.write(b"later")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        listens = {8086: server.server_address[1]}
        request = ("POST", "http://influxdb.data.svc/api/v2/write?bucket=b")
        (answer,) = asyncio.run(ask(FakeCluster(), request, programs=lambda pod, port: listens.get(port)))
    finally:
        server.shutdown()
        server.server_close()
    assert requests == [("/api/v2/write?bucket=b", "influxdb.data.svc", "a test", b"m f=1")]
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (503, "later", "30")
