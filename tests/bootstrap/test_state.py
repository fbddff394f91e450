"""Whose state and key a job reaches: its own environment's, and no other's. What the buckets are like."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from bootstrap.plan import OWN, Role
from fleet import PREVIEW
from tests.bootstrap.fleets import crowded
from tests.bootstrap.iam import allows, by_principal
from tests.bootstrap.recording import SETTINGS, Made

ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")
KEY_ACTIONS = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")
ADMINISTRATORS = f"arn:aws:iam::{SETTINGS.state.account}:root"
OVER_TLS = {"aws:SecureTransport": "true"}


def in_bucket(made: Made, role: Role, environment: str, action: str) -> bool:
    """Whether a role may do something in an environment's bucket: its own policy and, in another account, the bucket's say so."""
    bucket = f"arn:aws:s3:::{SETTINGS.state.named(environment)}"
    resource = bucket if action == "s3:ListBucket" else f"{bucket}/.pulumi/stacks/regions/any.json"
    policy = json.loads(made.named("aws:s3/bucketPolicy:BucketPolicy", f"state-{environment}").inputs["policy"])
    own = allows(made.documents(role.arn), action, resource, OVER_TLS)
    there = allows(by_principal(policy["Statement"], role.arn), action, resource, OVER_TLS)
    assert own == there, "the two policies do not agree"
    return own and there


def with_key(made: Made, role: Role, environment: str, action: str) -> bool:
    """Whether a role may use an environment's key, by itself or through S3."""
    policy = json.loads(made.named("aws:kms/key:Key", f"state-{environment}").inputs["policy"])
    own = allows(made.documents(role.arn), action, f"arn:aws:mock:::state-{environment}")
    there = allows(by_principal(policy["Statement"], role.arn), action, "*")
    assert own == there, "the two policies do not agree"
    return own and there


def test_a_role_reaches_its_environments_state_and_key_and_no_others() -> None:
    _, made = crowded()
    for role, environment in product(made.plan.roles, (*made.plan.environments, OWN)):
        mine = environment in role.reaches
        reads = [in_bucket(made, role, environment, action) for action in ("s3:GetObject", "s3:ListBucket")]
        writes = [in_bucket(made, role, environment, action) for action in ("s3:PutObject", "s3:DeleteObject")]
        assert reads == [mine] * 2, (role, environment)
        assert writes == [mine and role.writes] * 2, (role, environment)
        assert with_key(made, role, environment, "kms:Decrypt") == mine
        for action in ("kms:Encrypt", "kms:GenerateDataKey"):
            assert with_key(made, role, environment, action) == (mine and role.writes)


def test_what_deploys_a_customers_regions_reaches_that_customers_state_alone() -> None:
    _, made = crowded()
    for customer in ("acme", "globex", "initech"):
        for role in made.plan.roles:
            if customer in role.trusts:
                assert role.reaches == {customer} == role.trusts
            if customer in role.reaches and role.writes:
                assert role.trusts == {customer}


def test_a_preview_on_aws_reads_the_state_of_its_own_account_alone() -> None:
    _, made = crowded()
    found = {role.account: role.reaches for role in made.plan.roles if PREVIEW in role.trusts}
    assert found["444455556666"] == {"globex"}
    assert found["111122223333"] == {"staging", "internal"}
    assert found[SETTINGS.state.account] == {"staging", "internal", "external", "acme", "globex", "initech"}


def test_nobody_reaches_the_state_of_this_program_but_administrators() -> None:
    _, made = crowded()
    assert not [role for role in made.plan.roles if OWN in role.reaches]


@pytest.mark.parametrize("action", KEY_ACTIONS)
def test_administrators_use_a_key_through_s3_alone(action: str) -> None:
    _, made = crowded()
    for each in made.of("aws:kms/key:Key"):
        statements = by_principal(json.loads(each.inputs["policy"])["Statement"], ADMINISTRATORS)
        assert not allows(statements, action, "*")
        by_s3 = {"kms:ViaService": f"s3.{SETTINGS.state.region}.amazonaws.com"}
        assert allows(statements, action, "*", by_s3) == (action != "kms:Encrypt")
        assert allows(statements, "kms:PutKeyPolicy", "*")


def test_every_bucket_is_versioned_encrypted_kept_and_nobody_elses() -> None:
    _, made = crowded()
    names = {f"state-{environment}" for environment in (*made.plan.environments, OWN)}
    assert {each.name for each in made.of("aws:s3/bucket:Bucket")} == names
    for name in names:
        assert made.named("aws:s3/bucket:Bucket", name).protect
        key = made.named("aws:kms/key:Key", name)
        assert key.protect
        assert key.inputs["enableKeyRotation"]

        def of(kind: str, name: str = name) -> dict[str, Any]:
            return made.named(f"aws:s3/bucket{kind}:Bucket{kind[0].upper()}{kind[1:]}", name).inputs

        assert of("Versioning")["versioningConfiguration"] == {"status": "Enabled"}
        encryption = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": f"arn:aws:mock:::{name}"}
        rule = {"applyServerSideEncryptionByDefault": encryption, "bucketKeyEnabled": True}
        assert of("ServerSideEncryptionConfiguration")["rules"] == [rule]
        shut = of("PublicAccessBlock")
        assert all(
            shut[each] for each in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        )
        assert of("OwnershipControls")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
        (old,) = of("LifecycleConfiguration")["rules"]
        assert old["noncurrentVersionExpiration"] == {"noncurrentDays": 90}
        assert made.named("aws:s3/bucketObjectv2:BucketObjectv2", name).inputs["key"] == ".pulumi/meta.yaml"


@pytest.mark.parametrize("action", ACTIONS)
def test_without_tls_a_bucket_answers_nobody(action: str) -> None:
    _, made = crowded()
    for role in made.plan.roles:
        for environment in role.reaches:
            policy = json.loads(made.named("aws:s3/bucketPolicy:BucketPolicy", f"state-{environment}").inputs["policy"])
            statements = by_principal(policy["Statement"], role.arn)
            bucket = f"arn:aws:s3:::{SETTINGS.state.named(environment)}"
            for resource in (bucket, f"{bucket}/x"):
                assert not allows(statements, action, resource, {"aws:SecureTransport": "false"})
