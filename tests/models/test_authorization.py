"""Every statement of a policy on AWS can take effect: AWS's service authorization reference has what the statement names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bootstrap.iam import as_list, is_one_of
from tests.models import renew
from tests.models.judge import definitions
from tests.models.registered import statements

TAGS = ("aws:RequestTag/", "aws:ResourceTag/", "aws:TagKeys")
"""The global keys that only some actions have. All other global keys are in every request."""


def faults(statement: dict[str, Any]) -> list[str]:
    """Why a statement, or a part of it, never takes effect."""
    found = []
    keys = [key for tests in statement.get("Condition", {}).values() for key in tests]
    limited = [key for key in keys if not key.startswith("aws:") or key.startswith(TAGS)]
    for pattern in as_list(statement["Action"]):
        known = [entry for action, entry in definitions("authorization").items() if is_one_of(action, [pattern])]
        if not known:
            found.append(f"AWS has no action {pattern}")
        found += [
            f"{pattern} knows no condition on {key}"
            for key in limited
            if known and not any(_same(key, other) for entry in known for other in entry["keys"])
        ]
        resources = as_list(statement.get("Resource", "*"))
        if known and "*" not in resources and not any(_of(resources, entry["resources"]) for entry in known):
            found.append(f"{pattern} is about no resource of {resources}")
    return found


def _same(key: str, other: str) -> bool:
    """Whether a condition's key is one of the reference's. The reference has a variable for a tag's name."""
    return key == other or ("${" in other and key.startswith(other.partition("${")[0]))


def _of(resources: list[str], arns: list[str]) -> bool:
    """Whether a resource can have one of the ARNs, up to the first part that varies."""
    return any(
        resource.split(":")[2] == arn.split(":")[2]
        and (_fixed(resource).startswith(_fixed(arn)) or _fixed(arn).startswith(_fixed(resource)))
        for resource in resources
        for arn in arns
    )


def _fixed(arn: str) -> str:
    """The fixed beginning of an ARN's last part."""
    return arn.split(":", 5)[5].partition("${")[0].partition("*")[0]


def test_every_statement_can_take_effect() -> None:
    assert [fault for statement in statements() for fault in faults(statement)] == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"Action": ["kms:CreateKeys"]}, "AWS has no action kms:CreateKeys"),
        ({"Action": ["kms:CreateAlias"]}, "kms:CreateAlias knows no condition on aws:RequestTag/region"),
        ({"Resource": "arn:aws:logs:*:1:log-group:x"}, "kms:CreateKey is about no resource of"),
    ],
)
def test_a_statement_that_never_takes_effect_is_found(change: dict[str, Any], fault: str) -> None:
    sound = {"Effect": "Allow", "Action": ["kms:CreateKey"], "Resource": "*",
             "Condition": {"Null": {"aws:RequestTag/region": "false"}}}  # fmt: skip
    assert faults(sound) == []
    assert [found for found in faults(sound | change) if fault in found]


def test_the_reference_is_read_by_action() -> None:
    kind = {"condition_keys": ["s:Key"]}
    definition = {"s": {"resources": {"thing": {"arn": "arn:${Partition}:s:::${Name}", "condition_keys": ["s:Of"]}},
                        "privileges": {"DoIt": {"resource_types": {"thing": kind, "": kind}}}}}  # fmt: skip
    assert renew.authorization(definition, ["s:do*", "t:*"]) == {
        "s:DoIt": {"keys": ["s:Key", "s:Of"], "resources": ["arn:${Partition}:s:::${Name}"]}
    }
