"""A pull request's comment: the worst first, no repetition, no secret, and never longer than GitHub's limit."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from waves.review.comment import LIMIT, MARK, NO_PREVIEW, Report, comment
from waves.review.comparison import PreflightViolation
from waves.review.engine_events import Field, PolicyViolation, Step, parse_events
from waves.review.object_diff import Group, ObjectDiff
from waves.review.pulumi_preview import Preview, mask_secrets

CLUSTER = "aws:eks/cluster:Cluster"
URN = f"urn:pulumi:prod::regions::regions:aws:Cluster${CLUSTER}::prod"


def pre(op: str, old: dict[str, Any] | None, new: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """An event of the engine's log."""
    return {"resourcePreEvent": {"metadata": {"op": op, "urn": URN, "type": CLUSTER, "old": old, "new": new, **more}}}


def region(name: str, *steps: Step, wave: str = "external", **more: Any) -> Preview:
    return Preview(name, wave, "aws", steps=steps, **more)


def test_an_update_is_reported_by_field_before_and_after() -> None:
    old = {"inputs": {"tags": {"a.b": "1"}, "zones": ["x", "y"], "password": "[secret]"}}
    new = {
        "inputs": {
            "tags": {"a.b": "2"},
            "zones": ["x", "04da6b54-80e4-46f7-96ec-b56ff0331ba9"],
            "password": "[secret]",
        }
    }
    diff = {'tags["a.b"]': {"diffKind": "update"}, "zones[1]": {"diffKind": "update"}, "new": {"diffKind": "add"}}
    (step,), violations, errors = parse_events([pre("same", old, old), pre("update", old, new, detailedDiff=diff)])
    assert (step.op, step.type, step.name) == ("update", CLUSTER, "prod")
    assert set(step.fields) == {
        Field('tags["a.b"]', "1", "2"),
        Field("zones[1]", "y", "(not known yet)"),
        Field("new", None, None),
    }
    assert not violations
    assert not errors


def test_a_field_inside_of_an_encrypted_value_is_a_secret_and_not_none() -> None:
    """As the Kubernetes provider reports a Secret, whose `data` is encrypted as a whole."""
    data = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
    state = {"inputs": {"data": data}}
    diff = {"data.password": {"diffKind": "update"}, "data": {"diffKind": "update"}}
    (step,), _, _ = parse_events([pre("update", state, state, detailedDiff=diff)])
    assert set(step.fields) == {Field("data.password", "[secret]", "[secret]"), Field("data", "[secret]", "[secret]")}


def test_a_replacement_is_one_step_with_the_fields_that_force_it() -> None:
    old = {"protect": True, "inputs": {"subnets": "a", "name": "x"}}
    new = {"protect": True, "inputs": {"subnets": "b", "name": "y"}}
    diff = {"subnets": {"diffKind": "update-replace"}, "name": {"diffKind": "update"}}
    events = [
        pre("create-replacement", old, new, detailedDiff=diff),
        pre("replace", old, new, detailedDiff=diff),
        pre("delete-replaced", old, None),
    ]
    steps, _, _ = parse_events(events)
    assert steps == (
        Step("replace", CLUSTER, "prod", True, (Field("name", "x", "y"), Field("subnets", "a", "b", True))),
    )
    assert Preview("prod", "external", "aws", steps=steps).blocked
    assert not Preview("prod", "external", "aws", steps=(replace(steps[0], protected=False),)).blocked


def test_policies_and_errors_are_parsed_once_and_without_colours() -> None:
    policy = {"policyEvent": {"resourceUrn": URN, "message": "<{%fg 1%}>too open<{%reset%}>\n", "policyName": "closed",
                              "enforcementLevel": "mandatory"}}  # fmt: skip
    error = {"diagnosticEvent": {"urn": URN, "message": "no\n", "severity": "error"}}
    last = {"diagnosticEvent": {"message": "preview failed", "severity": "error"}}
    warning = {"diagnosticEvent": {"message": "mind", "severity": "warning"}}
    _, violations, errors = parse_events([policy, policy, error, error, last, warning])
    assert violations == (PolicyViolation("closed", "mandatory", "too open", "prod"),)
    assert errors == ["prod: no"]


def test_a_refresh_reports_changed_and_deleted_resources() -> None:
    unchanged = {"resOutputsEvent": {"metadata": {"op": "same", "urn": "urn::a", "type": "t", "old": {}, "new": {}}}}
    deletion: dict[str, Any] = {
        "resOutputsEvent": {
            "metadata": {"op": "delete", "urn": "urn::b", "type": "t", "old": {"inputs": {}}, "new": None}
        }
    }
    steps, _, _ = parse_events([pre("refresh", {}, {}), unchanged, deletion])
    assert steps == (Step("delete", "t", "b", False),)


def test_no_secret_of_the_environment_gets_into_an_error() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----"
    environment = {"REGIONS_RECEIPTS_KEY": key, "GITHUB_TOKEN": "ghs_0123456789"}
    text = mask_secrets("it failed: {'private-key': 'MIIEvQIBADANBgkq'} with ghs_0123456789 in prod-aws", environment)
    assert text == "it failed: {'private-key': '[secret]'} with [secret] in prod-aws"


def test_a_preview_is_the_same_after_it_was_written_to_a_file() -> None:
    preview = region("a", Step("update", CLUSTER, "a", True, (Field("x", None, "1", True),)), error="no", new=True)
    assert Preview.of(asdict(preview)) == preview


def test_the_worst_comes_first_and_equal_regions_once() -> None:
    fields = (Field("subnets", "a", "b", True),)
    replaced = [region(f"prod-{n}", Step("replace", CLUSTER, f"prod-{n}", True, fields)) for n in range(7)]
    more = region("staging-1", Step("delete", "aws:ec2/eip:Eip", "staging-1-a", False), wave="staging")
    text = comment(Report((more, *replaced), costs={"staging-1": -3.5}))
    assert text.startswith(f"{MARK}\n## Preview: 8 regions, **blocked**")
    loud = text.index("[!CAUTION]")
    assert loud < text.index("[!WARNING]") < text.index("| wave |")
    assert text.count(f"would replace a **protected** `{CLUSTER}` `<region>`, for `subnets`") == 1
    assert "`prod-4` and 2 more" in text
    assert "prod-5" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| external")]
    assert [cell.strip() for cell in row.split("|")[3:9]] == ["", "", "1", "", "", "**blocked**"]
    assert "| -3.50 |" in text
    assert "subnets: a -> b  # replaces it" in text


def test_a_region_without_a_preview_blocks_and_is_reported() -> None:
    report = Report((region("prod-1", error=NO_PREVIEW),))
    assert report.blocked
    assert "fork gets no credentials" in comment(report)


@pytest.mark.parametrize(
    "report",
    [
        Report((), broken=("stacks/x.yaml: no",)),
        Report((), preflight=(PreflightViolation("capacity", "Pod a/b", "too large", ("r",), ""),)),
        Report((Preview("r", "staging", "aws", violations=(PolicyViolation("closed", "mandatory", "open", "r"),)),)),
    ],
)
def test_a_change_that_must_not_be_merged_is_blocked(report: Report) -> None:
    assert report.blocked
    assert "**blocked**" in comment(report)


def test_excused_violations_and_advice_do_not_block() -> None:
    excused = PreflightViolation("capacity", "Pod a/b", "too large", ("r",), "larger nodes come")
    advice = region("prod-1", violations=(PolicyViolation("x", "advisory", "better not", "prod-1-a"),))
    report = Report((advice,), preflight=(excused,))
    assert not report.blocked
    assert "larger nodes come" in comment(report)
    assert "! advisory: x: <region>-a: better not" in comment(report)
    assert comment(Report(())).endswith("This change touches no region.\n")


def test_a_changes_texts_stay_text() -> None:
    nasty = "`` @everyone | <img src=x> ```\n```"
    step = Step("update", CLUSTER, nasty, False, (Field("x", nasty, "</details>"),))
    text = comment(Report((region("prod-1", step),)))
    fence = next(line for line in text.splitlines() if line.endswith("diff")).removesuffix("diff")
    inside = text.partition(f"{fence}diff\n")[2].partition(f"\n{fence}")[0]
    assert "@everyone" in inside
    assert "</details>" in inside
    assert "@everyone" not in text.replace(inside, "")


@pytest.mark.parametrize("alike", [True, False])
def test_a_comment_on_500_regions_fits(alike: bool) -> None:
    """Also if each region has a part of its own."""

    def steps(number: int) -> tuple[Step, ...]:
        field = Field("size", "1" if alike else f"of its own, {number}", "2")
        return tuple(Step("update", CLUSTER, f"c{i}", False, (field,)) for i in range(3))

    previews = [region(f"prod-{number}", *steps(number)) for number in range(500)]
    groups = (
        Group(
            tuple(p.region for p in previews), (ObjectDiff("changed", "Deployment.apps a/b", (("image", "1", "2"),)),)
        ),
    )
    text = comment(Report(tuple(previews), groups=groups))
    assert len(text) <= LIMIT
    assert ("The comment is truncated" in text) is not alike
    assert "500 regions" in text


def refreshed(*paths: str) -> dict[str, Any]:
    """An event of a refresh that finds differences in an agent pool of Azure."""
    kind, state = "azure-native:containerservice:AgentPool", {"inputs": {"count": 1, "maxCount": 3}}
    diff = {path: {"diffKind": "update"} for path in paths}
    metadata = {"op": "update", "urn": URN, "type": kind, "old": state, "new": state, "detailedDiff": diff}
    return {"resOutputsEvent": {"metadata": metadata}}


def test_a_refresh_leaves_out_the_clouds_own_changes_and_shows_a_persons() -> None:
    assert parse_events([refreshed("count")])[0] == ()
    (step,), _, _ = parse_events([refreshed("count", "maxCount")])
    assert [field.path for field in step.fields] == ["maxCount"]
