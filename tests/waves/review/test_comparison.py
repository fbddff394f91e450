"""A change is reported by object and field, and once for all regions with equal changes."""

from __future__ import annotations

import json

import pytest
import yaml
from typer.testing import CliRunner

import fleet
from tests.repository import ROOT, write
from tests.waves.conftest import Remote
from waves.cli.app import app
from waves.review.comparison import compare
from waves.review.object_diff import ObjectDiff, between, group_by_changes
from waves.review.render import RenderError, render, sources
from waves.review.schemas import DEFINITIONS, definitions, schema_errors

FILES = {**fleet.files(ROOT), **sources(ROOT)}
CUSTOM = definitions(sources(ROOT, DEFINITIONS))
AWS, TOOLS = "staging-aws-eu-west-1", "tools-aws-us-west-2"
PINS, INFLUXDB = "gitops/pins/influxdb.json", "gitops/apps/influxdb/main.jsonnet"


def edited(file: str, before: str, after: str) -> dict[str, str]:
    """The repository's files with one edit."""
    assert FILES[file].count(before) == 1
    return {**FILES, file: FILES[file].replace(before, after)}


def item(name: str, **more: object) -> dict[str, object]:
    """An object."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "n"}, **more}


def test_objects_are_matched_by_kind_and_name_and_fields_by_path() -> None:
    before = [item("a", spec={"replicas": 1, "paused": True}), item("gone")]
    after = [item("a", spec={"replicas": 2, "strategy": {"type": "Recreate"}}), item("new")]
    assert between(before, after) == (
        ObjectDiff("removed", "Deployment.apps n/gone"),
        ObjectDiff(
            "changed",
            "Deployment.apps n/a",
            (
                ("spec.replicas", "1", "2"),
                ("spec.paused", "true", ""),
                ("spec.strategy", "", '{"type": "Recreate"}'),
            ),
        ),
        ObjectDiff("added", "Deployment.apps n/new"),
    )


def test_items_of_a_list_are_matched_by_name_where_they_have_one() -> None:
    before = [item("a", env=[{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}], args=["p", "q"])]
    after = [item("a", env=[{"name": "Y", "value": "3"}, {"name": "X", "value": "1"}], args=["p"])]
    ((change,),) = [between(before, after)]
    assert change.fields == (("env[Y].value", "2", "3"), ("args[1]", "q", ""))


def test_regions_with_the_same_change_are_one_group_even_if_it_names_them() -> None:
    changes = {
        name: (ObjectDiff("changed", "ConfigMap n/c", (("data.region", "", name),)),)
        for name in ("r-one", "r-two", "r-three")
    }
    groups = group_by_changes(changes | {"r-four": (ObjectDiff("added", "Service n/s"),), "r-five": ()})
    assert [group.regions for group in groups] == [("r-one", "r-two", "r-three"), ("r-four",)]
    assert groups[0].changes[0].fields == (("data.region", "", "<region>"),)


def test_a_new_image_is_one_change_in_all_regions() -> None:
    comparison = compare(FILES, edited(PINS, "influxdb:2", "influxdb:3"))
    assert comparison.broken == {}
    (group,) = group_by_changes(comparison.changes)
    assert set(group.regions) == set(fleet.load(FILES).regions)
    ((path, before, after),) = group.changes[0].fields
    assert path == "spec.template.spec.containers[influxdb].image"
    assert before.replace(":2", ":3") == after


def test_a_region_that_comes_or_goes_is_all_of_its_objects() -> None:
    less = {path: text for path, text in FILES.items() if AWS not in path}
    for before, after, kind in ((less, FILES, "added"), (FILES, less, "removed")):
        changes = compare(before, after).changes
        assert {change.kind for change in changes[AWS]} == {kind}
        assert len(changes[AWS]) == len(render(FILES, fleet.load(FILES).regions[AWS], "R", "C"))
        assert not any(diffs for name, diffs in changes.items() if name != AWS)


def test_a_size_changes_the_requests_of_its_region() -> None:
    file = f"stacks/Pulumi.{AWS}.yaml"
    changes = compare(FILES, {**FILES, file: FILES[file].replace("size: small", "size: medium")}).changes
    by_item = {change.item: change for change in changes[AWS]}
    assert set(by_item) == {
        "StatefulSet.apps influxdb/influxdb",
        "PersistentVolumeClaim influxdb/backup",
        "Deployment.apps front/front",
        "StatefulSet.apps monitoring/prometheus",
    }
    change = by_item["StatefulSet.apps influxdb/influxdb"]
    assert "spec.template.spec.containers[influxdb].resources.requests.memory" in {path for path, _, _ in change.fields}


def test_a_failed_rendering_is_reported_with_jsonnets_own_words_and_place() -> None:
    broken = edited(INFLUXDB, "sizes[region.size]", "sizes[region.sise]")
    with pytest.raises(RenderError, match=rf"{AWS} does not render: .*(?s:.)*sise(?s:.)*{INFLUXDB}:\d+"):
        render(broken, fleet.load(broken).regions[AWS], "R", "C")
    comparison = compare(FILES, broken, only=AWS)
    assert (comparison.changes, list(comparison.broken)) == ({}, [AWS])
    with pytest.raises(RenderError, match=r"gitops/lib/k\.libsonnet"):
        render({k: v for k, v in FILES.items() if "k.lib" not in k}, fleet.load(FILES).regions[AWS], "R", "C")


def test_a_stack_file_that_is_wrong_is_an_error_and_not_a_region_that_goes() -> None:
    reasons = compare(FILES, edited(f"stacks/Pulumi.{AWS}.yaml", "wave: staging", "wave: stagin")).broken
    assert any("stagin" in reason for reason in reasons.values())


VERSION = fleet.load(FILES).regions[AWS].settings.kubernetes_version


@pytest.mark.parametrize(
    ("file", "before", "after", "item", "words"),
    [
        (
            "gitops/lib/k.libsonnet",
            "podManagementPolicy:",
            "podManagmentPolicy:",
            "StatefulSet.apps",
            "podManagmentPolicy",
        ),
        (
            "gitops/lib/k.libsonnet",
            "maxSkew: 1",
            "maxSkew: 'one'",
            "StatefulSet.apps",
            "'one' is not of type 'integer'",
        ),
        (INFLUXDB, "containerPort: port", "containerPort: name", "StatefulSet.apps", "'influxdb' is not of type"),
        (
            "gitops/lib/gate.libsonnet",
            "kind: 'Workflow'",
            "kind: 'Workfow'",
            "Workfow.argoproj.io",
            "has Workfow of argoproj",
        ),
    ],
)
def test_an_object_that_an_api_server_would_refuse_is_found_without_one(
    file: str, before: str, after: str, item: str, words: str
) -> None:
    files = edited(file, before, after)
    objects = render(files, fleet.load(files).regions[AWS], "R", "C")
    errors = list(schema_errors(objects, VERSION, CUSTOM))
    assert any(name.startswith(item) for name, _ in errors)
    assert all(words in problem for _, problem in errors)


def test_the_pinned_definitions_validate_custom_resources() -> None:
    application = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}, "spec": {}}
    errors = [problem for _, problem in schema_errors([application], VERSION, CUSTOM)]
    assert "spec: 'destination' is a required property" in errors


def test_the_commands_read_commits_and_the_files_as_they_are(remote: Remote) -> None:
    write(remote.clone, sources(ROOT) | sources(ROOT, DEFINITIONS))
    remote.git("add", "--all")
    first = remote.commit("All of gitops")
    pins = remote.clone / PINS
    pins.write_text(pins.read_text().replace("influxdb:2", "influxdb:3"))
    here = ["--checkout", str(remote.clone)]

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*here, *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    output = json.loads(run("diff", f"{first}..", "--json"))
    assert [set(group["regions"]) for group in output["groups"]] == [set(fleet.load(FILES).regions)]
    assert run("diff", f"{first}..{first}") == "no object changes in any region\n"
    assert "1 region: tools-aws-us-west-2\n" in run("diff", f"{first}..", "--region", TOOLS)
    objects = list(yaml.safe_load_all(run("render", TOOLS, "--at", first)))
    assert {item["metadata"]["namespace"] for item in objects} == {
        "influxdb",
        "front",
        "flipt",
        "monitoring",
        "conductor",
    }
    release = next(item for item in objects if item["metadata"]["name"] == "release")
    assert release["data"]["commit"] == first
    assert run("validate", TOOLS, "--at", first) == "all objects of 1 region are valid\n"
    assert json.loads(run("render", TOOLS, "--json")) != objects, "the pin is another here"


def test_arguments_without_two_commits_are_refused(remote: Remote) -> None:
    from fleet.console import main

    def diff() -> None:
        app(["--checkout", str(remote.clone), "diff", "main"], standalone_mode=False)

    assert main(diff) == 1
