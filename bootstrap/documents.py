"""IAM policy documents, and the trust in CI's jobs. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Statement = Mapping[str, Any]
ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
"""The audience of aws-actions/configure-aws-credentials' tokens."""


def document(statements: Iterable[Statement]) -> str:
    """A policy's text, the same at every run for the same statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))


def allow(actions: Sequence[str], resources: str | Sequence[str], **elements: Any) -> Statement:
    """A statement that allows actions. `Condition` and `Principal` are as AWS writes them."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **elements}


def deny(actions: Sequence[str], **elements: Any) -> Statement:
    """A statement that refuses actions, even if another statement allows them."""
    return {"Effect": "Deny", "Action": actions, **elements}


def trust(account: str, subjects: Iterable[str]) -> str:
    """Jobs of these subjects may assume the role: no other repository, no other environment, and no job outside of one."""
    return document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{ISSUER}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                # StringEquals takes no wildcards.
                "Condition": {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": sorted(subjects)}},
            }
        ]
    )
