"""What gitops/apps/monitoring renders for a region, taken apart for tests."""

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
"""The conductor's region has every rule and dashboard; another one has those of no rollout."""


@cache
def objects(region: str) -> list[dict[str, Any]]:
    """All objects of a region."""
    return render(sources(ROOT), FLEET.regions[region], REPOSITORY, "c0ffee")


def found(region: str, kind: str, name: str) -> dict[str, Any]:
    """One object of the namespace `monitoring`."""
    (item,) = [
        each
        for each in objects(region)
        if (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]) == (kind, "monitoring", name)
    ]
    return item


def file(region: str, config_map: str, name: str) -> Any:
    """A file of a config map, parsed."""
    return yaml.safe_load(found(region, "ConfigMap", config_map)["data"][name])


def rules(region: str) -> list[dict[str, Any]]:
    """All rules, recording ones and alerts."""
    return [rule for group in file(region, "prometheus", "rules.yml")["groups"] for rule in group["rules"]]


def alerts(region: str) -> dict[str, dict[str, Any]]:
    """The alerts by name."""
    listed = [rule for rule in rules(region) if "alert" in rule]
    named = {rule["alert"]: rule for rule in listed}
    assert len(named) == len(listed), "two alerts have one name"
    return named


def dashboards(region: str) -> dict[str, dict[str, Any]]:
    """The dashboards by file name."""
    return {name: yaml.safe_load(text) for name, text in found(region, "ConfigMap", "dashboards")["data"].items()}


def queries(region: str) -> dict[str, str]:
    """Every expression of rules and dashboards, by where it is."""
    listed = {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules(region)}
    for name, board in dashboards(region).items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                listed[f"{name}, {panel['title']}, {target['refId']}"] = target["expr"]
        for mark in board.get("annotations", {}).get("list", ()):
            listed[f"{name}, {mark['name']}"] = mark["expr"]
    return listed


def selectors(expression: str) -> list[tuple[str, str | None]]:
    """The series that an expression reads: name, and the job that it asks for. Raises ValueError if it is no PromQL."""
    listed: list[tuple[str, str | None]] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            jobs = [m.value for m in node.matchers.matchers if (m.name, m.op) == ("job", promql_parser.MatchOp.Equal)]
            listed.append((str(node.name), jobs[0] if jobs else None))
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return listed
