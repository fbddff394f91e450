"""The front service as clients see it: the real server and OpenFeature's client, with simulated upstreams."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from front.flags import ACCEPT_WRITES, DEFAULTS
from front.service import RETRY_SECONDS
from sandbox.machine.processes import free_port
from tests.repository import ROOT
from tests.waiting import within

ON, OFF = True, False


@dataclass
class Upstreams:
    """Simulates the service's upstreams, the flag service's OFREP and InfluxDB, at one address."""

    flags: dict[str, Any] = field(default_factory=lambda: dict[str, Any](DEFAULTS))
    flag_requests: list[dict[str, Any]] = field(default_factory=list)
    """The requests to the flag service."""
    writes: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """The requests to InfluxDB: path, headers and body."""
    port: int = field(default_factory=free_port)
    server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Serve, at the same address each time."""
        upstreams = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if not self.path.startswith("/ofrep/"):
                    upstreams.writes.append(
                        (self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                    )
                    return self.reply(204, b"")
                upstreams.flag_requests.append(json.loads(body))
                key = self.path.rpartition("/")[2]
                if key not in upstreams.flags:
                    return self.reply(404, json.dumps({"errorCode": "FLAG_NOT_FOUND", "errorDetails": key}).encode())
                answer = {"key": key, "reason": "DEFAULT", "variant": "", "value": upstreams.flags[key], "metadata": {}}
                return self.reply(200, json.dumps(answer).encode())

            def do_GET(self) -> None:
                self.reply(
                    200, gzip.compress(self.path.encode()), {"Content-Encoding": "gzip", "X-Influxdb-Version": "2"}
                )

            def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in {**(headers or {}), "Content-Length": str(len(body)), "Connection": "close"}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop serving."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@pytest.fixture
def upstreams() -> Iterator[Upstreams]:
    """Running upstreams of the service."""
    simulated = Upstreams()
    simulated.start()
    yield simulated
    simulated.stop()


@pytest.fixture
def front(upstreams: Upstreams) -> Iterator[httpx.Client]:
    """A client of a running service."""
    port = free_port()
    address = f"http://127.0.0.1:{upstreams.port}"
    env = {"FRONT_INFLUXDB": address, "FRONT_FLAGS": address, "REGION": "r-1", "WAVE": "staging", "TENANT": "acme"}
    command = [sys.executable, "-m", "front", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env})
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert within(20, lambda: answers(client, "/ready") == 200)
        yield client
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (0, -signal.SIGTERM)


def answers(client: httpx.Client, path: str) -> int:
    """The status of an answer, or 0 if there is none."""
    try:
        return client.get(path).status_code
    except httpx.HTTPError:
        return 0


def write(client: httpx.Client) -> httpx.Response:
    """A client's write."""
    return client.post("/api/v2/write?bucket=b&org=o", content=b"m,t=a f=1", headers={"Authorization": "Token secret"})


def test_requests_reach_influxdb_as_they_are_and_its_answers_come_back(
    front: httpx.Client, upstreams: Upstreams
) -> None:
    assert write(front).status_code == 204
    ((path, headers, body),) = upstreams.writes
    assert (path, body) == ("/api/v2/write?bucket=b&org=o", b"m,t=a f=1")
    assert (headers["authorization"], headers["host"]) == ("Token secret", f"127.0.0.1:{upstreams.port}")
    read = front.get("/api/v2/query", params={"q": "a b/ü"})
    assert (read.text, read.headers["x-influxdb-version"]) == ("/api/v2/query?q=a+b%2F%C3%BC", "2")
    assert front.get("/private").status_code == 404


def test_a_flag_is_asked_for_this_region_and_flips_without_a_restart(front: httpx.Client, upstreams: Upstreams) -> None:
    assert upstreams.flag_requests[0] == {
        "context": {"targetingKey": "r-1", "region": "r-1", "wave": "staging", "tenant": "acme"}
    }
    assert write(front).status_code == 204
    upstreams.flags[ACCEPT_WRITES] = OFF
    assert within(10, lambda: front.get("/flags").json() == {ACCEPT_WRITES: OFF})
    refusal = write(front)
    assert (refusal.status_code, refusal.headers["retry-after"]) == (503, str(RETRY_SECONDS))
    assert (refusal.json()["code"], ACCEPT_WRITES in refusal.json()["message"]) == ("unavailable", True)
    assert front.get("/api/v2/query").status_code == 200
    assert len(upstreams.writes) == 1


def test_the_last_values_stand_while_the_flag_service_is_down_and_a_missing_flag_gets_its_default(
    front: httpx.Client, upstreams: Upstreams
) -> None:
    upstreams.flags[ACCEPT_WRITES] = OFF
    assert within(10, lambda: front.get("/flags").json() == {ACCEPT_WRITES: OFF})
    upstreams.stop()
    before = sample(front, "front_flags_last_answer_timestamp_seconds")
    assert not within(5, lambda: front.get("/flags").json() != {ACCEPT_WRITES: OFF})
    assert sample(front, "front_flags_last_answer_timestamp_seconds") == before
    assert front.get("/ready").status_code == 200
    unreachable = front.get("/api/v2/query")
    assert (unreachable.status_code, unreachable.json()["code"]) == (502, "unavailable")
    del upstreams.flags[ACCEPT_WRITES]
    upstreams.start()
    assert within(10, lambda: front.get("/flags").json() == DEFAULTS)
    assert sample(front, "front_flags_last_answer_timestamp_seconds") > before


def test_the_service_starts_on_its_defaults_without_a_flag_service(upstreams: Upstreams) -> None:
    port, nowhere = free_port(), f"http://127.0.0.1:{free_port()}"
    env = {"FRONT_INFLUXDB": nowhere, "FRONT_FLAGS": nowhere, "REGION": "r", "WAVE": "w", "TENANT": "t"}
    command = [sys.executable, "-m", "front", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert within(20, lambda: answers(client, "/ready") == 200)
            assert client.get("/flags").json() == DEFAULTS
            assert sample(client, "front_flags_last_answer_timestamp_seconds") == 0
    finally:
        process.terminate()
        process.wait(20)


def test_requests_and_flags_are_measured(front: httpx.Client, upstreams: Upstreams) -> None:
    write(front)
    front.get("/api/v2/query")
    assert sample(front, "front_requests_total", route="write", code="204") == 1
    assert sample(front, "front_request_duration_seconds_count", route="api") == 1
    assert sample(front, "front_flag_enabled", flag=ACCEPT_WRITES) == 1


def test_a_missing_setting_is_named() -> None:
    env = {name: value for name, value in os.environ.items() if name != "WAVE"} | {"REGION": "r", "TENANT": "t"}
    result = subprocess.run([sys.executable, "-m", "front"], cwd=ROOT, env=env, capture_output=True, text=True)
    assert result.returncode == 2
    assert "set WAVE: the region's wave" in result.stderr
    assert "REGION:" not in result.stderr.partition("error:")[2]


def sample(client: httpx.Client, name: str, **labels: str) -> float:
    """The value of one of the service's metrics."""
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for measurement in family.samples:
            if measurement.name == name and measurement.labels == labels:
                return measurement.value
    raise AssertionError(f"{name}{labels} is not measured")
