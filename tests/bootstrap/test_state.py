"""A job reaches the state and the key of its own environment alone. Buckets are versioned, encrypted and protected."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from bootstrap.plan import BOOTSTRAP, Role
from fleet import PREVIEW
from tests.bootstrap.fleets import crowded
from tests.bootstrap.iam import allows, by_principal
from tests.bootstrap.recording import SETTINGS, Registrations, key_arn

ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")
KEY_ACTIONS = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")
ADMINISTRATORS = f"arn:aws:iam::{SETTINGS.state.account}:root"
OVER_TLS = {"aws:SecureTransport": "true"}


def in_bucket(registrations: Registrations, role: Role, environment: str, action: str) -> bool:
    """Whether a role may do an action in an environment's bucket, by its own policy and by the bucket's."""
    bucket = f"arn:aws:s3:::{SETTINGS.state.bucket(environment)}"
    resource = bucket if action == "s3:ListBucket" else f"{bucket}/.pulumi/stacks/regions/any.json"
    policy = json.loads(
        registrations.named("aws:s3/bucketPolicy:BucketPolicy", f"state-{environment}").inputs["policy"]
    )
    by_role = allows(registrations.documents(role.arn), action, resource, OVER_TLS)
    by_bucket = allows(by_principal(policy["Statement"], role.arn), action, resource, OVER_TLS)
    assert by_role == by_bucket, "the two policies do not agree"
    return by_role and by_bucket


def with_key(registrations: Registrations, role: Role, environment: str, action: str) -> bool:
    """Whether a role may use an environment's key, by itself or through S3."""
    policy = json.loads(registrations.named("aws:kms/key:Key", f"state-{environment}").inputs["policy"])
    by_role = allows(registrations.documents(role.arn), action, key_arn(f"state-{environment}"))
    by_key = allows(by_principal(policy["Statement"], role.arn), action, "*")
    assert by_role == by_key, "the two policies do not agree"
    return by_role and by_key


def test_a_role_reaches_its_environments_state_and_key_and_no_others() -> None:
    _, registrations = crowded()
    for role, environment in product(registrations.plan.roles, (*registrations.plan.environments, BOOTSTRAP)):
        mine = environment in role.reaches
        reads = [in_bucket(registrations, role, environment, action) for action in ("s3:GetObject", "s3:ListBucket")]
        writes = [in_bucket(registrations, role, environment, action) for action in ("s3:PutObject", "s3:DeleteObject")]
        assert reads == [mine] * 2, (role, environment)
        assert writes == [mine and role.writes] * 2, (role, environment)
        assert with_key(registrations, role, environment, "kms:Decrypt") == mine
        for action in ("kms:Encrypt", "kms:GenerateDataKey"):
            assert with_key(registrations, role, environment, action) == (mine and role.writes)


def test_the_deploy_role_of_a_customer_reaches_that_customers_state_alone() -> None:
    _, registrations = crowded()
    for customer in ("acme", "globex", "initech"):
        for role in registrations.plan.roles:
            if customer in role.trusts:
                assert role.reaches == {customer} == role.trusts
            if customer in role.reaches and role.writes:
                assert role.trusts == {customer}


def test_a_preview_on_aws_reads_the_state_of_its_own_account_alone() -> None:
    _, registrations = crowded()
    reaches = {role.account: role.reaches for role in registrations.plan.roles if PREVIEW in role.trusts}
    assert reaches["444455556666"] == {"globex"}
    assert reaches["111122223333"] == {"staging", "internal"}
    assert reaches[SETTINGS.state.account] == {"staging", "internal", "external", "acme", "globex", "initech"}


def test_only_administrators_reach_the_state_of_this_program() -> None:
    _, registrations = crowded()
    assert not [role for role in registrations.plan.roles if BOOTSTRAP in role.reaches]


@pytest.mark.parametrize("action", KEY_ACTIONS)
def test_administrators_use_a_key_through_s3_alone(action: str) -> None:
    _, registrations = crowded()
    for key in registrations.of("aws:kms/key:Key"):
        statements = by_principal(json.loads(key.inputs["policy"])["Statement"], ADMINISTRATORS)
        assert not allows(statements, action, "*")
        by_s3 = {"kms:ViaService": f"s3.{SETTINGS.state.region}.amazonaws.com"}
        assert allows(statements, action, "*", by_s3) == (action != "kms:Encrypt")
        assert allows(statements, "kms:PutKeyPolicy", "*")


def test_every_bucket_is_versioned_encrypted_protected_and_private() -> None:
    _, registrations = crowded()
    names = {f"state-{environment}" for environment in (*registrations.plan.environments, BOOTSTRAP)}
    assert {bucket.name for bucket in registrations.of("aws:s3/bucket:Bucket")} == names
    for name in names:
        assert registrations.named("aws:s3/bucket:Bucket", name).protect
        key = registrations.named("aws:kms/key:Key", name)
        assert key.protect
        assert key.inputs["enableKeyRotation"]

        def of(kind: str, name: str = name) -> dict[str, Any]:
            return registrations.named(f"aws:s3/bucket{kind}:Bucket{kind[0].upper()}{kind[1:]}", name).inputs

        assert of("Versioning")["versioningConfiguration"] == {"status": "Enabled"}
        encryption = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key_arn(name)}
        rule = {"applyServerSideEncryptionByDefault": encryption, "bucketKeyEnabled": True}
        assert of("ServerSideEncryptionConfiguration")["rules"] == [rule]
        block = of("PublicAccessBlock")
        assert all(
            block[setting]
            for setting in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        )
        assert of("OwnershipControls")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
        (rule_of_versions,) = of("LifecycleConfiguration")["rules"]
        assert rule_of_versions["noncurrentVersionExpiration"] == {"noncurrentDays": 90}
        assert registrations.named("aws:s3/bucketObjectv2:BucketObjectv2", name).inputs["key"] == ".pulumi/meta.yaml"


@pytest.mark.parametrize("action", ACTIONS)
def test_a_bucket_refuses_every_request_without_tls(action: str) -> None:
    _, registrations = crowded()
    for role in registrations.plan.roles:
        for environment in role.reaches:
            policy = json.loads(
                registrations.named("aws:s3/bucketPolicy:BucketPolicy", f"state-{environment}").inputs["policy"]
            )
            statements = by_principal(policy["Statement"], role.arn)
            bucket = f"arn:aws:s3:::{SETTINGS.state.bucket(environment)}"
            for resource in (bucket, f"{bucket}/x"):
                assert not allows(statements, action, resource, {"aws:SecureTransport": "false"})
