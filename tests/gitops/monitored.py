"""The objects of gitops/apps/monitoring for a region, parsed for tests."""

from __future__ import annotations

from functools import cache
from typing import Any

import promql_parser
import yaml

import fleet
from tests.repository import ROOT
from waves.review.render import render, sources

FLEET = fleet.read(ROOT)
REPOSITORY = "https://git.example.com/platform/regions.git"
FULL, PLAIN = "tools-aws-us-west-2", "staging-gcp-us-central1"
"""The conductor's region has every rule and dashboard. Another region has none for the rollout."""


@cache
def objects(region: str) -> list[dict[str, Any]]:
    """All objects of a region."""
    return render(sources(ROOT), FLEET.regions[region], REPOSITORY, "c0ffee")


def get_object(region: str, kind: str, name: str) -> dict[str, Any]:
    """One object of the namespace `monitoring`."""
    (item,) = [
        candidate
        for candidate in objects(region)
        if (candidate["kind"], candidate["metadata"]["namespace"], candidate["metadata"]["name"])
        == (kind, "monitoring", name)
    ]
    return item


def file(region: str, config_map: str, name: str) -> Any:
    """A file of a config map, parsed."""
    return yaml.safe_load(get_object(region, "ConfigMap", config_map)["data"][name])


def rules(region: str) -> list[dict[str, Any]]:
    """All rules, recording ones and alerts."""
    return [rule for group in file(region, "prometheus", "rules.yml")["groups"] for rule in group["rules"]]


def alerts(region: str) -> dict[str, dict[str, Any]]:
    """The alerts by name."""
    alert_rules = [rule for rule in rules(region) if "alert" in rule]
    rules_by_name = {rule["alert"]: rule for rule in alert_rules}
    assert len(rules_by_name) == len(alert_rules), "two alerts have one name"
    return rules_by_name


def dashboards(region: str) -> dict[str, dict[str, Any]]:
    """The dashboards by file name."""
    return {name: yaml.safe_load(text) for name, text in get_object(region, "ConfigMap", "dashboards")["data"].items()}


def queries(region: str) -> dict[str, str]:
    """Every expression of rules and dashboards, by where it is."""
    expressions = {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules(region)}
    for name, board in dashboards(region).items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                expressions[f"{name}, {panel['title']}, {target['refId']}"] = target["expr"]
        for mark in board.get("annotations", {}).get("list", ()):
            expressions[f"{name}, {mark['name']}"] = mark["expr"]
    return expressions


def selectors(expression: str) -> list[tuple[str, str | None]]:
    """The series that an expression reads: name, and the job of its selector. Raises ValueError if the text is no PromQL."""
    series: list[tuple[str, str | None]] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            jobs = [m.value for m in node.matchers.matchers if (m.name, m.op) == ("job", promql_parser.MatchOp.Equal)]
            series.append((str(node.name), jobs[0] if jobs else None))
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return series
