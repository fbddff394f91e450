"""SIMULATED Prometheus: answers the one query of the front's gate, from the real front's own counters.

The query is `sum(increase(front_requests_total{…}[…s]))`. Each query makes a scrape, and the increase counts from the oldest
scrape inside the window. Like Prometheus, the simulation has no increase before the second scrape. promtool tests rules,
alerts and all other queries.
"""

from __future__ import annotations

import re
import time

from sandbox.supervisor.simulated.replies import Reply, json_reply

_QUERY = re.compile(
    r'sum\(increase\(front_requests_total\{job="front"(?P<failed>,code=~"5\.\.")?\}\[(?P<window>\d+)s\]\)\)'
)
_COUNTER = re.compile(r'^front_requests_total\{.*?code="(?P<code>\d+)".*?\} (?P<value>\S+)$', re.MULTILINE)
_RETENTION_SECONDS = 3600.0


class Prometheus:
    """One cluster's Prometheus, with its scrapes."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, float, float]] = []
        """Time, number of requests, and number of failed requests of each scrape."""

    def answer(self, query: str, metrics: str) -> Reply:
        """The answer to a query. `metrics` is the front's metrics now, or empty if the scrape failed."""
        match = _QUERY.fullmatch(query)
        if match is None:
            return json_reply(422, {"status": "error", "error": f"the simulated Prometheus does not know {query}"})
        now = time.monotonic()
        if metrics:
            counts = [(counter["code"], float(counter["value"])) for counter in _COUNTER.finditer(metrics)]
            failed = sum(value for code, value in counts if code.startswith("5"))
            self._samples = [sample for sample in self._samples if now - sample[0] <= _RETENTION_SECONDS]
            self._samples.append((now, sum(value for _, value in counts), failed))
        inside = [sample for sample in self._samples if now - sample[0] <= float(match["window"])]
        column = 2 if match["failed"] else 1
        result = (
            [{"metric": {}, "value": [time.time(), str(inside[-1][column] - inside[0][column])]}]
            if len(inside) > 1
            else []
        )
        return json_reply(200, {"status": "success", "data": {"resultType": "vector", "result": result}})
