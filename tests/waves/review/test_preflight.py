"""The preflight rules. Each rule is an outage: the rule fires for that change, and for no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

import fleet
from tests.repository import ROOT
from tests.waves.review.test_comparison import FILES as SHIPPED
from tests.waves.review.test_comparison import INFLUXDB, TOOLS
from waves.regions import stack_file
from waves.review.capacity import quantity, room
from waves.review.comparison import PreflightViolation, compare, violations
from waves.review.preflight import EXCEPTIONS, ExceptionsError, findings
from waves.review.render import Object, render, sources
from waves.review.schemas import DEFINITIONS

FILES = {**SHIPPED, **sources(ROOT, DEFINITIONS)}
REGION = fleet.load(FILES).regions["staging-aws-eu-west-1"]
ALL = len(fleet.load(FILES).regions)
OBJECTS = render(FILES, REGION, "REPOSITORY", "COMMIT")
PINS, FRONT = "gitops/pins/front.json", "Deployment.apps front/front"
PINNED = json.loads(FILES[PINS])["front"]
TAGGED = "regions/front:2.0.0"


def edit(file: str, before: str, after: str) -> dict[str, str]:
    """The repository's files with one edit."""
    assert FILES[file].count(before) == 1
    return {**FILES, file: FILES[file].replace(before, after)}


def only(broken_rules: list[PreflightViolation]) -> tuple[str, str, int, str]:
    """The only violation: rule, object, number of regions, exemption."""
    (violation,) = broken_rules
    return violation.rule, violation.item, len(violation.regions), violation.exemption


def broken_rules(before: dict[str, str], after: dict[str, str]) -> list[PreflightViolation]:
    """The violations of a change."""
    return violations(compare(before, after), before, after)


def daemon(cpu: str, memory: str) -> Object:
    """A DaemonSet."""
    container = {"name": "agent", "image": "a@sha256:0", "resources": {"requests": {"cpu": cpu, "memory": memory}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent", "namespace": "influxdb"},
        "spec": {"selector": {}, "template": {"spec": {"containers": [container]}}},
    }


def test_the_repository_compared_with_itself_has_no_violation() -> None:
    assert broken_rules(FILES, FILES) == []


def test_eu_central_1_two_objects_with_one_name_are_refused() -> None:
    twice = edit(INFLUXDB, "app.service({ http: port }),", "app.service({ http: port }), app.service({ http: port }),")
    assert only(broken_rules(FILES, twice)) == ("name-collision", "Service influxdb/influxdb", ALL, "")


def test_eu_central_1_a_renamed_application_would_delete_its_data() -> None:
    renamed = edit(INFLUXDB, "local name = 'influxdb'", "local name = 'influx'")
    rules = {(violation.rule, violation.item) for violation in broken_rules(FILES, renamed)}
    assert ("stateful-prune", "StatefulSet.apps influxdb/influxdb") in rules
    assert not [item for rule, item in rules if rule == "stateful-prune" and "Service" in item], (
        "a Service holds nothing"
    )


def test_an_application_that_leaves_a_region_is_found_too() -> None:
    file = f"stacks/Pulumi.{TOOLS}.yaml"
    smaller = edit(file, "applications: [influxdb, ", "applications: [")
    broken = {(violation.rule, violation.item, *violation.regions) for violation in broken_rules(FILES, smaller)}
    lost = ("StatefulSet.apps influxdb/influxdb", "PersistentVolumeClaim influxdb/backup")
    assert broken == {("stateful-prune", item, TOOLS) for item in lost}


def test_2022_11_a_daemon_set_that_leaves_no_room_for_the_database_is_refused() -> None:
    storage = OBJECTS[[item["kind"] for item in OBJECTS].index("StatefulSet")]
    small = room("m7i.large")
    assert small is not None
    fits, does_not = daemon("100m", "256Mi"), daemon("1", "256Mi")
    assert findings(OBJECTS, [*OBJECTS, fits], REGION) == []
    storage["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "500m"
    (finding,) = findings([*OBJECTS, does_not], [*OBJECTS, does_not], REGION)
    assert (finding.rule, finding.item) == ("capacity", "StatefulSet.apps influxdb/influxdb")
    assert "with every node's DaemonSets 1.50 CPUs" in finding.fault


def test_all_pods_together_must_fit_on_all_nodes_that_a_region_may_have() -> None:
    many = edit(INFLUXDB, "app.statefulSet(1, [container]", "app.statefulSet(600, [container]")
    broken = broken_rules(FILES, many)
    assert {(violation.rule, violation.item) for violation in broken} == {("capacity", "all pods")}


@pytest.mark.parametrize(
    ("file", "before", "after", "path"),
    [
        ("gitops/lib/k.libsonnet", "'Parallel'", "'OrderedReady'", "spec.podManagementPolicy"),
        (INFLUXDB, "disk: '10Gi'", "disk: '20Gi'", "spec.volumeClaimTemplates"),
        ("gitops/lib/gate.libsonnet", "app.account(name, [", "app.account(name + '2', [", ""),
    ],
)  # fmt: skip
def test_a_change_that_an_api_server_refuses_is_a_violation(file: str, before: str, after: str, path: str) -> None:
    broken = broken_rules(FILES, edit(file, before, after))
    if not path:
        assert broken == [], "another name is another object"
        return
    assert {violation.rule for violation in broken} == {"immutable-field"}
    assert path in broken[0].fault


def test_a_new_image_needs_a_digest_and_an_old_one_is_left_alone() -> None:
    tag = edit(PINS, PINNED, TAGGED)
    assert only(broken_rules(FILES, tag)) == ("unpinned-image", FRONT, ALL, "")
    digest = edit(PINS, PINNED, f"{TAGGED}@sha256:{0:064}")
    assert broken_rules(FILES, digest) == []


def test_a_new_region_runs_the_images_that_others_run_already() -> None:
    path, text = stack_file.new_file(
        SHIPPED, "staging-aws-eu-north-1", "staging-aws-eu-west-1", {"location": "eu-north-1"}
    )
    assert broken_rules(FILES, {**FILES, path: text}) == []
    tag = edit(PINS, PINNED, TAGGED)
    assert only(broken_rules(FILES, {**tag, path: text}))[2] == ALL + 1, (
        "an image that no region runs is new in it, too"
    )


def test_a_definition_that_is_removed_is_refused() -> None:
    less = {path: text for path, text in FILES.items() if not path.endswith("crds/application-crd.yaml")}
    assert only(broken_rules(FILES, less)) == ("removed-definition", "Application of argoproj.io/v1alpha1", ALL, "")
    fewer = {path: text for path, text in less.items() if TOOLS not in path}
    (finding,) = [violation for violation in broken_rules(FILES, fewer) if violation.rule == "removed-definition"]
    assert len(finding.regions) == ALL - 1, "a region that goes misses nothing"


def exception(reason: str = "Moved by hand on 3 May", **more: Any) -> str:
    """An exceptions file for the new tag."""
    entry = {"rule": "unpinned-image", "object": FRONT, "reason": reason, **more}
    return "".join(
        f"{'- ' if number == 0 else '  '}{key}: {value}\n" for number, (key, value) in enumerate(entry.items())
    )


def test_a_change_may_say_why_and_an_old_reason_excuses_nothing_new() -> None:
    tag, file = edit(PINS, PINNED, TAGGED), f"{EXCEPTIONS}2026-05-03.yaml"
    excused = {**tag, file: exception()}
    assert only(broken_rules(FILES, excused))[3] == f"Moved by hand on 3 May ({file})"
    assert only(broken_rules({**FILES, file: exception()}, excused))[3] == ""
    with pytest.raises(ExceptionsError, match=rf"{file}: each entry has rule, object and reason"):
        broken_rules(FILES, {**tag, file: exception(reason="")})
    with pytest.raises(ExceptionsError, match="nothing else"):
        broken_rules(FILES, {**tag, file: exception(until="2027")})


def test_a_fleet_that_is_wrong_is_not_judged() -> None:
    wrong = edit("stacks/Pulumi.staging-aws-eu-west-1.yaml", "wave: staging", "wave: stagin")
    assert any("stagin" in reason for reason in compare(FILES, wrong).broken.values())


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), ("250m", 0.25), ("1.5", 1.5), ("128Mi", 2**27), ("1k", 1000), (2, 2)]
)
def test_quantities_are_those_of_kubernetes(text: str, number: float) -> None:
    assert quantity(text) == number


def test_a_node_has_less_than_its_machine() -> None:
    node = room("e2-standard-2")
    assert node is not None
    assert 1.2 < node.cpus < 2
    assert 4 * 2**30 < node.memory < 8 * 2**30
    assert room("a.machine.that.nobody.knows") is None
