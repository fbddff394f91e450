"""The simulated Prometheus counts like Prometheus, and refuses unknown queries."""

from __future__ import annotations

import json
import time

import pytest

from sandbox.supervisor.simulated.prometheus import Prometheus

ALL = 'sum(increase(front_requests_total{job="front"}[60s]))'
FAILED = 'sum(increase(front_requests_total{job="front",code=~"5.."}[60s]))'


def metrics(good: int, bad: int) -> str:
    """The front's metrics."""
    return (
        "# TYPE front_requests_total counter\n"
        f'front_requests_total{{code="204",route="write"}} {good}.0\n'
        f'front_requests_total{{code="503",route="write"}} {bad}.0\n'
        f'front_requests_created{{code="503",route="write"}} 1.7e+09\n'
    )


def value(prometheus: Prometheus, query: str, text: str) -> float | None:
    """The value of the answer, or None without a value."""
    answer = prometheus.answer(query, text)
    assert answer.status == 200
    result = json.loads(answer.text)["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def test_it_counts_since_its_oldest_look_inside_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    prometheus = Prometheus()
    assert value(prometheus, ALL, metrics(10, 1)) is None, "one look is no increase"
    assert value(prometheus, ALL, "") is None, "and no look adds none"
    now += 30
    assert value(prometheus, ALL, metrics(15, 3)) == 7
    assert value(prometheus, FAILED, metrics(15, 3)) == 2
    now += 45
    assert value(prometheus, FAILED, metrics(15, 4)) == 1


def test_an_unknown_query_is_refused() -> None:
    answer = Prometheus().answer("up", metrics(1, 0))
    assert answer.status == 422
    assert "does not know up" in str(answer.text)
