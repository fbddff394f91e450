"""Who may read and write which environment's state, and use its key. Pure.

Each environment has a bucket and a key to itself: S3 encrypts the bucket with the key, and Pulumi the secrets in the state. Roles'
rights name environments, so a new region changes none of them. Folders of one bucket would not do: S3 refuses whoever may list one
folder alone where an object is not there, instead of saying so (docs.aws.amazon.com/AmazonS3, HeadObject): no stack could be made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.documents import Statement, allow, deny
from bootstrap.plan import Role

ADMINISTERS = [
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
"""All but the use of a key."""
READS_KEY, WRITES_KEY = ["kms:Decrypt"], ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]


def key(account: str, region: str, environment: str, roles: Sequence[Role]) -> list[Statement]:
    """The policy of an environment's key. Previews decrypt as well: Pulumi opens every secret of a stack when it reads its state.

    The account's administrators use it through S3 alone. So they read no secret without changing this policy, which shows.
    """
    own: dict[str, Any] = {"Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    by_s3 = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    reading, writing = _reaching(environment, roles)
    return [
        allow(ADMINISTERS, "*", **own),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], "*", Condition=by_s3, **own),
        *([allow(WRITES_KEY, "*", Principal={"AWS": writing})] if writing else []),
        *([allow(READS_KEY, "*", Principal={"AWS": reading})] if reading else []),
    ]


def bucket(name: str, environment: str, roles: Sequence[Role]) -> list[Statement]:
    """The policy of an environment's bucket: TLS alone, and the roles that reach it, whatever account they are in."""
    arn = f"arn:aws:s3:::{name}"
    reading, writing = _reaching(environment, roles)
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    return [
        deny(["s3:*"], Principal="*", Resource=[arn, f"{arn}/*"], Condition=tls),
        *(
            [{**each, "Principal": {"AWS": [*reading, *writing]}} for each in _reads([arn])]
            if reading or writing
            else []
        ),
        *([{**each, "Principal": {"AWS": writing}} for each in _writes([arn])] if writing else []),
    ]


def reaching(role: Role, buckets: Mapping[str, str], keys: Mapping[str, str]) -> list[Statement]:
    """A role's own policy for the state, which must agree with the buckets' and the keys': their names and ARNs by environment."""
    arns = [f"arn:aws:s3:::{buckets[each]}" for each in sorted(role.reaches)]
    own = [keys[each] for each in sorted(role.reaches)]
    if role.writes:
        return [*_reads(arns), *_writes(arns), allow(WRITES_KEY, own)]
    return [
        *_reads(arns),
        allow(READS_KEY, own),
        # Whatever else it is allowed one day: no other object, and nothing that another key has encrypted.
        deny(["kms:Decrypt"], NotResource=own),
        deny(["s3:GetObject*"], NotResource=[f"{arn}/*" for arn in arns]),
    ]


def _reads(buckets: list[str]) -> list[Statement]:
    return [allow(["s3:ListBucket"], buckets), allow(["s3:GetObject"], [f"{arn}/*" for arn in buckets])]


def _writes(buckets: list[str]) -> list[Statement]:
    """Older versions stay."""
    return [allow(["s3:DeleteObject", "s3:PutObject"], [f"{arn}/.pulumi/*" for arn in buckets])]


def _reaching(environment: str, roles: Sequence[Role]) -> tuple[list[str], list[str]]:
    """The ARNs of those that only read, and of those that write."""
    found = sorted((role.arn, role.writes) for role in roles if environment in role.reaches)
    return [arn for arn, writes in found if not writes], [arn for arn, writes in found if writes]
