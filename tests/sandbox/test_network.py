"""The stand-in for a cluster's network lets through what a real one would."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.supervisor import network

SERVICE: dict[str, Any] = {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}
POD: dict[str, Any] = {
    "spec": {"containers": [{"image": "docker.io/library/influxdb:2.7.12@sha256:0"}]},
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
        ([endpoint_slice()], 80, "influxdb-0"),
        ([endpoint_slice(ready=None)], 80, "influxdb-0"),
        ([endpoint_slice(ready=False)], 80, None),
        ([endpoint_slice()], 8086, None),
        ([endpoint_slice(port=9999)], 80, None),
        ([endpoint_slice(name="other")], 80, None),
        ([{"ports": None, "endpoints": None}], 80, None),
        ([], 80, None),
    ],
)
def test_a_request_reaches_a_ready_pod_that_listens_and_no_other(
    slices: list[dict[str, Any]], port: int, target: str | None
) -> None:
    assert network.target_of(SERVICE, slices, port) == target


class Cluster:
    """The API of a cluster with one service and its pod."""

    slices: tuple[dict[str, Any], ...] = (endpoint_slice(),)

    async def get(self, path: str) -> dict[str, Any] | None:
        return {"/services/influxdb": SERVICE, "/pods/influxdb-0": POD}.get(
            path.removeprefix("/api/v1/namespaces/data")
        )

    async def all(self, path: str) -> list[dict[str, Any]]:
        return list(self.slices)


async def ask(api: Any, *urls: str) -> list[httpx.Response]:
    """What these URLs answer through the proxy."""
    served = network.Network(api)
    await served.start()
    try:
        async with httpx.AsyncClient(proxy=served.proxy, trust_env=False) as client:
            return [await client.get(url) for url in urls]
    finally:
        await served.stop()


def test_the_simulated_influxdb_answers_as_its_image_and_nothing_answers_without_a_service() -> None:
    root = "http://influxdb.data.svc"
    urls = (f"{root}/health", f"{root}/ready", f"{root}/metrics", f"{root}/x", "http://other.data.svc/health")
    health, ready, metrics, unknown, other = asyncio.run(ask(Cluster(), *urls))
    assert (health.json()["status"], health.json()["version"]) == ("pass", "2.7.12")
    assert ready.json()["status"] == "ready"
    assert 'influxdb_info{commit="simulated",version="2.7.12"} 1' in metrics.text
    assert (unknown.status_code, other.status_code) == (404, 502)
    assert "there is no service other in data" in other.text


def test_a_service_without_a_ready_pod_refuses_the_connection() -> None:
    cluster = Cluster()
    cluster.slices = ()
    (refused,) = asyncio.run(ask(cluster, "http://influxdb.data.svc/health"))
    assert (refused.status_code, "connection refused" in refused.text) == (503, True)
