"""The pure parts of the benchmark: figures as text, and the baseline program of a preview."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from bench import baseline_program
from bench.report import Figure, Part, dump, markdown, parse


def test_the_median_counts_and_a_missed_goal_has_its_difference() -> None:
    assert Figure("a", 2.0, "s", [1.0, 9.0, 1.5]).verdict == "met"
    late = Figure("b", 2.0, "s", [1.0, 3.0, 2.5])
    assert late.verdict == "**missed** by 0.50 s"
    parts = {"regions": Part({"machine": "2 cores"}, [late, Figure("c", None, "s", [4.0])])}
    assert parse(dump(parts)) == parts
    text = markdown(parts)
    assert "| c |  | 4.00 (4.00 to 4.00) s | 1 |  |" in text
    assert "| b | at most 2 s | 2.50 (1.00 to 3.00) s | 3 | **missed** by 0.50 s |" in text
    assert "machine 2 cores" in text


def test_the_baseline_registers_a_regions_resources_and_leaves_a_groups_objects_to_the_group() -> None:
    def resource(kind: str, name: str, parent: str = "", custom: bool = True, inputs: Any = None) -> dict[str, Any]:
        urn = f"urn:pulumi:s::regions::{kind}::{name}"
        return {"urn": urn, "type": kind, "custom": custom, "parent": parent, "inputs": inputs or {}}

    root = resource("regions:region:Region", "r", custom=False)
    group = resource(baseline_program.GROUP, "argocd", root["urn"], custom=False)
    state = [
        resource("pulumi:pulumi:Stack", "s", custom=False),
        root,
        resource("aws:eks/cluster:Cluster", "r", root["urn"], inputs={"name": "r", "__defaults": ["version"]}),
        group,
        resource("kubernetes:apps/v1:Deployment", "argocd:d", group["urn"], inputs={"kind": "Deployment"}),
    ]
    program = baseline_program.region(state)
    assert [(item["kind"], item["name"]) for item in program["resources"]] == [
        ("component", "r"),
        ("resource", "r"),
        ("group", "argocd"),
    ]
    assert program["resources"][1]["inputs"] == {"name": "r"}
    assert program["resources"][2]["inputs"] == {"objs": [{"kind": "Deployment"}]}
    assert program["classes"] == [("pulumi_aws.eks", "Cluster")]


SNAPSHOTS = sorted((Path(__file__).resolve().parents[1] / "components" / "snapshots").glob("*.yaml"))


@pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda path: path.stem)
def test_the_baseline_finds_the_class_of_each_resource_of_a_region(snapshot: Path) -> None:
    kinds = set(re.findall(r"^(?:\S+\$)?(\S+?:\S+?:\S+?)::", snapshot.read_text(), re.MULTILINE))
    custom = {kind for kind in kinds if not kind.startswith(("pulumi:", "regions:"))} - {baseline_program.GROUP}
    classes = [python_class for kind in custom if (python_class := baseline_program.python_class(kind))]
    assert len(classes) > 10
    for module, name in classes:
        assert hasattr(importlib.import_module(module), name), f"{module} has no {name}"
