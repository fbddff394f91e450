"""The HTTP service: a proxy to InfluxDB's API, and the paths for operators and gate tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpx
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from front.flags import ACCEPT_WRITES, PERIOD_SECONDS, Flags

WRITE = "/api/v2/write"
RETRY_SECONDS = 30
"""The time after which a client may repeat a refused write."""
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
}
"""Headers of one connection, not of the next (RFC 9110, 7.6.1), and the host name of the request."""

_HAS_BODY = {"content-length", "transfer-encoding"}

Handler = Callable[[Request], Awaitable[Response]]


class Metrics:
    """The service's metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "front_requests", "Requests of clients, by route and status of the answer.",
            ["route", "code"], registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "front_request_duration_seconds", "Time from a client's request to the start of the answer.",
            ["route"], registry=self.registry, buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )  # fmt: skip
        self.flags = Gauge("front_flag_enabled", "Whether a feature flag is on.", ["flag"], registry=self.registry)
        self.flags_answered = Gauge(
            "front_flags_last_answer_timestamp_seconds",
            "Time of the flag service's last answer.",
            registry=self.registry,
        )

    def text(self, flags: Flags) -> bytes:
        """All metrics in Prometheus' text format."""
        for flag, value in flags.values.items():
            self.flags.labels(flag).set(value)
        self.flags_answered.set(flags.answered_at)
        return generate_latest(self.registry)


def create_app(flags: Flags, influxdb: httpx.AsyncClient) -> Starlette:
    """The service. While the service runs, a task refreshes the flags. At its end the client is closed."""
    metrics = Metrics()
    first_answer = asyncio.Event()

    async def keep_fresh() -> None:
        while True:
            await asyncio.to_thread(flags.refresh)
            first_answer.set()
            await asyncio.sleep(PERIOD_SECONDS)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with influxdb:
            task = asyncio.create_task(keep_fresh())
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def health(request: Request) -> Response:
        return JSONResponse({"name": "front", "status": "pass"})

    async def ready(request: Request) -> Response:
        # Readiness does not depend on InfluxDB. Else all pods would leave the service, and clients would get no answer at all.
        has_flags = first_answer.is_set()
        return JSONResponse({"status": "ready" if has_flags else "starting"}, 200 if has_flags else 503)

    async def show_flags(request: Request) -> Response:
        return JSONResponse(flags.values)

    async def show_metrics(request: Request) -> Response:
        return Response(metrics.text(flags), media_type=CONTENT_TYPE_LATEST)

    async def api(request: Request) -> Response:
        if request.url.path == WRITE and not flags.values[ACCEPT_WRITES]:
            message = f"this region refuses writes for now (flag {ACCEPT_WRITES}). Try again later"
            return refusal(503, "unavailable", message, {"Retry-After": str(RETRY_SECONDS)})
        return await forward(request, influxdb)

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/ready", ready),
            Route("/flags", show_flags),
            Route("/metrics", show_metrics),
            Route(WRITE, measured("write", metrics, api), methods=["POST"]),
            Route(
                "/api/v2/{rest:path}", measured("api", metrics, api), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]
            ),
        ],
        lifespan=lifespan,
    )


def measured(route: str, metrics: Metrics, handler: Handler) -> Handler:
    """A handler that counts and times its requests."""

    async def handle(request: Request) -> Response:
        started, code = time.monotonic(), 500
        try:
            response = await handler(request)
            code = response.status_code
            return response
        finally:
            metrics.seconds.labels(route).observe(time.monotonic() - started)
            metrics.requests.labels(route, code).inc()

    return handle


async def forward(request: Request, influxdb: httpx.AsyncClient) -> Response:
    """InfluxDB's answer to the request. Both bodies are streamed."""
    upstream_request = influxdb.build_request(
        request.method,
        request.url.path,
        params=request.url.query.encode(),
        headers=[(name, value) for name, value in request.headers.items() if name not in _HOP_BY_HOP],
        content=request.stream() if _HAS_BODY & set(request.headers) else None,
    )
    try:
        answer = await influxdb.send(upstream_request, stream=True)
    except httpx.HTTPError as error:
        return refusal(502, "unavailable", f"InfluxDB does not answer: {error or type(error).__name__}", {})
    headers = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
    return StreamingResponse(_body(answer), answer.status_code, headers)


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()


def refusal(status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    """An error in InfluxDB's format (docs.influxdata.com, influxdb/v2/api: Error), so that clients understand it."""
    return JSONResponse({"code": code, "message": message}, status, headers)
