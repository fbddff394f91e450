"""The rights of roles to read and write an environment's state, and to use its key. Pure.

Each environment has a bucket and a key to itself: S3 encrypts the bucket with the key, and Pulumi the secrets in the state. Roles'
rights name environments, so a new region changes none of them.

Folders of one bucket would not do. For a missing object S3 answers "forbidden" to a role that may list one folder alone, not
"not found" (docs.aws.amazon.com/AmazonS3, HeadObject). So no role could create a stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.documents import Statement, allow, deny
from bootstrap.plan import Role

ADMINISTRATION = [
    *(
        "kms:CancelKeyDeletion",
        "kms:Create*",
        "kms:Delete*",
        "kms:Describe*",
        "kms:Disable*",
        "kms:Enable*",
        "kms:Get*",
    ),
    *("kms:List*", "kms:Put*", "kms:Revoke*", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource"),
    "kms:Update*",
]
"""All actions on a key but its use."""
KEY_READS, KEY_WRITES = ["kms:Decrypt"], ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]


def key(account: str, region: str, environment: str, roles: Sequence[Role]) -> list[Statement]:
    """The policy of an environment's key. Previews decrypt as well: Pulumi decrypts all secrets of a state that it reads.

    The account's administrators use the key through S3 alone.
    So they read no secret without a change of this policy, which the log shows.
    """
    administrators: dict[str, Any] = {"Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    by_s3 = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    readers, writers = _readers_and_writers(environment, roles)
    return [
        allow(ADMINISTRATION, "*", **administrators),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], "*", Condition=by_s3, **administrators),
        *([allow(KEY_WRITES, "*", Principal={"AWS": writers})] if writers else []),
        *([allow(KEY_READS, "*", Principal={"AWS": readers})] if readers else []),
    ]


def bucket(name: str, environment: str, roles: Sequence[Role]) -> list[Statement]:
    """The policy of an environment's bucket: TLS alone, and the roles that reach the state, in any account."""
    arn = f"arn:aws:s3:::{name}"
    readers, writers = _readers_and_writers(environment, roles)
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    return [
        deny(["s3:*"], Principal="*", Resource=[arn, f"{arn}/*"], Condition=tls),
        *(
            [{**statement, "Principal": {"AWS": [*readers, *writers]}} for statement in _reads([arn])]
            if readers or writers
            else []
        ),
        *([{**statement, "Principal": {"AWS": writers}} for statement in _writes([arn])] if writers else []),
    ]


def reaching(role: Role, buckets: Mapping[str, str], keys: Mapping[str, str]) -> list[Statement]:
    """A role's own policy for the state, which must agree with the buckets' and the keys'.

    `buckets` maps an environment to a bucket's name, and `keys` to a key's ARN.
    """
    arns = [f"arn:aws:s3:::{buckets[environment]}" for environment in sorted(role.reaches)]
    role_keys = [keys[environment] for environment in sorted(role.reaches)]
    if role.writes:
        return [*_reads(arns), *_writes(arns), allow(KEY_WRITES, role_keys)]
    return [
        *_reads(arns),
        allow(KEY_READS, role_keys),
        # Even if a later policy allows more: no other object, and no decryption with another key.
        deny(["kms:Decrypt"], NotResource=role_keys),
        deny(["s3:GetObject*"], NotResource=[f"{arn}/*" for arn in arns]),
    ]


def _reads(buckets: list[str]) -> list[Statement]:
    return [allow(["s3:ListBucket"], buckets), allow(["s3:GetObject"], [f"{arn}/*" for arn in buckets])]


def _writes(buckets: list[str]) -> list[Statement]:
    """Deletion leaves older versions in place."""
    return [allow(["s3:DeleteObject", "s3:PutObject"], [f"{arn}/.pulumi/*" for arn in buckets])]


def _readers_and_writers(environment: str, roles: Sequence[Role]) -> tuple[list[str], list[str]]:
    """The ARNs of the roles that only read, and of the roles that write."""
    arns = sorted((role.arn, role.writes) for role in roles if environment in role.reaches)
    return [arn for arn, writes in arns if not writes], [arn for arn, writes in arns if writes]
