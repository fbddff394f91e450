"""SIMULATED Prometheus: it answers the one kind of question that the front's gate has, from the real front's own counters.

`sum(increase(front_requests_total{…}[…s]))`, as gates/battery.py asks it. It scrapes when it is asked, and counts from the
oldest look inside of the window; like Prometheus it knows no increase before there are two. Rules, alerts and all other
queries are promtool's to test.
"""

from __future__ import annotations

import re
import time

from sandbox.supervisor.simulated.answers import Answer, answered

_QUERY = re.compile(
    r'sum\(increase\(front_requests_total\{job="front"(?P<failed>,code=~"5\.\.")?\}\[(?P<window>\d+)s\]\)\)'
)
_COUNTER = re.compile(r'^front_requests_total\{.*?code="(?P<code>\d+)".*?\} (?P<value>\S+)$', re.MULTILINE)
_KEPT_SECONDS = 3600.0


class Prometheus:
    """One cluster's, with what it has seen."""

    def __init__(self) -> None:
        self._looks: list[tuple[float, float, float]] = []
        """When, and how many requests there were by then, and how many of them failed."""

    def answer(self, query: str, scraped: str) -> Answer:
        """What is answered to a query, when the front's metrics are `scraped` now; empty if it could not be scraped."""
        found = _QUERY.fullmatch(query)
        if found is None:
            return answered(422, {"status": "error", "error": f"the simulated Prometheus does not know {query}"})
        now = time.monotonic()
        if scraped:
            counts = [(match["code"], float(match["value"])) for match in _COUNTER.finditer(scraped)]
            failed = sum(value for code, value in counts if code.startswith("5"))
            self._looks = [look for look in self._looks if now - look[0] <= _KEPT_SECONDS]
            self._looks.append((now, sum(value for _, value in counts), failed))
        inside = [look for look in self._looks if now - look[0] <= float(found["window"])]
        column = 2 if found["failed"] else 1
        result = (
            [{"metric": {}, "value": [time.time(), str(inside[-1][column] - inside[0][column])]}]
            if len(inside) > 1
            else []
        )
        return answered(200, {"status": "success", "data": {"resultType": "vector", "result": result}})
