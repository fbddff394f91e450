"""A preview can only read: no identity of the environment `preview` has a right that changes anything, or that shows a content."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from bootstrap.azure import CLUSTER_READER, CLUSTER_USER, READER
from bootstrap.gcp import PERMISSIONS, ROLES
from fleet import PREVIEW
from tests.bootstrap.fleets import crowded
from tests.bootstrap.iam import allows, listed
from tests.bootstrap.recording import Made

READING = re.compile(r"^[a-z0-9-]+:(Describe|Get|List)[A-Za-z]*\*?$")
OPENING = {"kms:Decrypt"}
"""Not a write, though it is no `Get`: Pulumi opens the secrets of the state that it reads."""


def previews(made: Made) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Each AWS role for previews, with all its statements."""
    for role in made.plan.roles:
        if PREVIEW in role.trusts:
            assert role.trusts == {PREVIEW}
            yield role.arn, made.documents(role.arn)


def test_no_role_for_previews_is_allowed_an_action_that_writes() -> None:
    _, made = crowded()
    found = dict(previews(made))
    assert len(found) == 6
    for arn, statements in found.items():
        assert statements, arn
        for statement in statements:
            if statement["Effect"] == "Allow":
                assert "NotAction" not in statement
                for action in listed(statement["Action"]):
                    assert READING.match(action) or action in OPENING, (arn, action)


def test_no_policy_of_the_state_lets_a_preview_write() -> None:
    _, made = crowded()
    readers = {arn for arn, _ in previews(made)}
    policies = [each.inputs["policy"] for each in made.of("aws:s3/bucketPolicy:BucketPolicy")]
    policies += [each.inputs["policy"] for each in made.of("aws:kms/key:Key")]
    for statement in (each for text in policies for each in json.loads(text)["Statement"]):
        if statement["Effect"] == "Allow" and readers & set(listed(statement["Principal"]["AWS"])):
            writes = {action for action in listed(statement["Action"]) if not READING.match(action)} - OPENING
            assert not writes or not readers & set(listed(statement["Principal"]["AWS"])), statement


@pytest.mark.parametrize(
    "action",
    [
        *("secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParametersByPath", "lambda:GetFunction"),
        *(
            "ec2:DescribeInstanceAttribute",
            "ec2:GetPasswordData",
            "iam:CreateAccessKey",
            "sts:AssumeRole",
            "eks:CreateCluster",
        ),
    ],
)
def test_a_preview_is_shown_no_secret_of_the_account(action: str) -> None:
    _, made = crowded()
    for arn, statements in previews(made):
        assert not allows(statements, action, "arn:aws:service:eu-west-1:111122223333:thing/x"), arn


def test_a_preview_reads_no_other_bucket_and_opens_nothing_else_whatever_it_is_allowed_later() -> None:
    _, made = crowded()
    more = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    for arn, statements in previews(made):
        for action, resource in (
            ("s3:GetObject", "arn:aws:s3:::customers-data/file"),
            ("s3:GetObjectVersion", "arn:aws:s3:::customers-data/file"),
            ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/other"),
        ):
            assert not allows([*statements, more], action, resource), arn


def test_on_google_cloud_a_preview_sees_the_project_and_the_clusters_objects() -> None:
    _, made = crowded()
    members = [m.inputs for m in made.of("gcp:projects/iAMMember:IAMMember") if "-preview" in m.inputs["member"]]
    own = {f"gcp-{project}-preview" for project in ("example-acme", "example-production", "example-staging")}
    assert {m["role"] for m in members} == {*ROLES[PREVIEW], *own}
    assert set(ROLES[PREVIEW]) == {"roles/browser", "roles/container.viewer"}
    assert PERMISSIONS[PREVIEW] == ["container.clusters.connect"]


def test_on_azure_a_preview_has_three_roles_that_read() -> None:
    _, made = crowded()
    found: dict[str, set[str]] = {}
    for each in made.of("azure-native:authorization:RoleAssignment"):
        if each.inputs["principalId"] == "azure-preview":
            found.setdefault(each.inputs["scope"], set()).add(each.inputs["roleDefinitionId"].rpartition("/")[2])
    assert len(found) == 4
    assert all(roles == {READER, CLUSTER_READER, CLUSTER_USER} for roles in found.values())
