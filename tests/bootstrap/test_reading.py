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
from tests.bootstrap.iam import allows, as_list
from tests.bootstrap.recording import Registrations

READING = re.compile(r"^[a-z0-9-]+:(Describe|Get|List)[A-Za-z]*\*?$")
OPENING = {"kms:Decrypt"}
"""Not a write, though it is no `Get`: Pulumi opens the secrets of the state that it reads."""


def previews(registrations: Registrations) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Each AWS role for previews, with all its statements."""
    for role in registrations.plan.roles:
        if PREVIEW in role.trusts:
            assert role.trusts == {PREVIEW}
            yield role.arn, registrations.documents(role.arn)


def test_no_role_for_previews_is_allowed_an_action_that_writes() -> None:
    _, registrations = crowded()
    statements_by_role = dict(previews(registrations))
    assert len(statements_by_role) == 6
    for arn, statements in statements_by_role.items():
        assert statements, arn
        for statement in statements:
            if statement["Effect"] == "Allow":
                assert "NotAction" not in statement
                for action in as_list(statement["Action"]):
                    assert READING.match(action) or action in OPENING, (arn, action)


def test_no_policy_of_the_state_lets_a_preview_write() -> None:
    _, registrations = crowded()
    readers = {arn for arn, _ in previews(registrations)}
    policies = [resource.inputs["policy"] for resource in registrations.of("aws:s3/bucketPolicy:BucketPolicy")]
    policies += [resource.inputs["policy"] for resource in registrations.of("aws:kms/key:Key")]
    for statement in (statement for text in policies for statement in json.loads(text)["Statement"]):
        if statement["Effect"] == "Allow" and readers & set(as_list(statement["Principal"]["AWS"])):
            writes = {action for action in as_list(statement["Action"]) if not READING.match(action)} - OPENING
            assert not writes or not readers & set(as_list(statement["Principal"]["AWS"])), statement


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
    _, registrations = crowded()
    for arn, statements in previews(registrations):
        assert not allows(statements, action, "arn:aws:service:eu-west-1:111122223333:thing/x"), arn


def test_a_preview_reads_no_other_bucket_and_opens_nothing_else_whatever_it_is_allowed_later() -> None:
    _, registrations = crowded()
    more = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    for arn, statements in previews(registrations):
        for action, resource in (
            ("s3:GetObject", "arn:aws:s3:::customers-data/file"),
            ("s3:GetObjectVersion", "arn:aws:s3:::customers-data/file"),
            ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/other"),
        ):
            assert not allows([*statements, more], action, resource), arn


def test_on_google_cloud_a_preview_sees_the_clusters_objects_alone() -> None:
    _, registrations = crowded()
    members = [
        m.inputs for m in registrations.of("gcp:projects/iAMMember:IAMMember") if "-preview" in m.inputs["member"]
    ]
    own = {f"gcp-{project}-preview" for project in ("example-acme", "example-production", "example-staging")}
    assert {m["role"] for m in members} == {*ROLES[PREVIEW], *own}
    assert set(ROLES[PREVIEW]) == {"roles/container.viewer"}
    assert PERMISSIONS[PREVIEW] == ["container.clusters.connect"]


def test_on_azure_a_preview_has_three_roles_that_read() -> None:
    _, registrations = crowded()
    roles_by_scope: dict[str, set[str]] = {}
    for assignment in registrations.of("azure-native:authorization:RoleAssignment"):
        if assignment.inputs["principalId"] == "azure-preview":
            roles_by_scope.setdefault(assignment.inputs["scope"], set()).add(
                assignment.inputs["roleDefinitionId"].rpartition("/")[2]
            )
    assert len(roles_by_scope) == 4
    assert all(roles == {READER, CLUSTER_READER, CLUSTER_USER} for roles in roles_by_scope.values())
