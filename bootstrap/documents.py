"""IAM policy documents, and whom AWS takes a job for. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Statement = Mapping[str, Any]
ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
"""Whom aws-actions/configure-aws-credentials asks a token for."""


def document(statements: Iterable[Statement]) -> str:
    """A policy's text: always the same for the same statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))


def allow(actions: Sequence[str], resources: str | Sequence[str], **more: Any) -> Statement:
    """A statement that lets its holder do something. `Condition` and `Principal` are given as AWS writes them."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny(actions: Sequence[str], **more: Any) -> Statement:
    """A statement that refuses something, whatever else allows it."""
    return {"Effect": "Deny", "Action": actions, **more}


def trust(account: str, subjects: Iterable[str]) -> str:
    """Jobs of these subjects may take the role: no other repository, no other environment, and no job outside of one."""
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
