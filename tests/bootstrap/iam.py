"""Judges requests by IAM policies, as far as bootstrap/ uses their language. Raises where it does not know an operator.

Source: docs.aws.amazon.com/IAM, "Policy evaluation logic" and "Cross-account policy evaluation logic".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Context = Mapping[str, str]


def as_list(value: Any) -> list[Any]:
    """AWS writes a list of one without brackets."""
    return value if isinstance(value, list) else [value]


def like(pattern: str, value: str) -> bool:
    """Whether a value is of a pattern with `*` and `?`."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value) is not None


def is_one_of(action: str, patterns: Any) -> bool:
    """Whether an action is of a pattern, or of one of a list. AWS ignores the case of letters."""
    return any(like(pattern.lower(), action.lower()) for pattern in as_list(patterns))


def matches(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    """Whether a statement is about a request."""
    if not is_one_of(action, statement["Action"]):
        return False
    if "NotResource" in statement:
        if any(like(pattern, resource) for pattern in as_list(statement["NotResource"])):
            return False
    elif not any(like(pattern, resource) for pattern in as_list(statement["Resource"])):
        return False
    return all(
        (key in context) == (value == "false")
        if operator == "Null"
        else key in context and any(_holds(operator, expected, context[key]) for expected in as_list(value))
        for operator, tests in statement.get("Condition", {}).items()
        for key, value in tests.items()
    )


def _holds(operator: str, expected: str, value: str) -> bool:
    match operator:
        case "StringEquals" | "Bool":
            return expected == value
        case "StringLike" | "ArnEquals":
            return like(expected, value)
    raise AssertionError(f"no condition {operator} is known here")


def allows(statements: Iterable[Mapping[str, Any]], action: str, resource: str, context: Context | None = None) -> bool:
    """Whether policies of one kind let a request through: one allows it, and none refuses."""
    effects = [statement["Effect"] for statement in statements if matches(statement, action, resource, context or {})]
    return "Allow" in effects and "Deny" not in effects


def by_principal(statements: Iterable[Mapping[str, Any]], principal: str) -> list[Mapping[str, Any]]:
    """The statements of a resource's policy that name a role, or everybody."""
    return [
        statement
        for statement in statements
        if statement["Principal"] == "*" or principal in as_list(statement["Principal"].get("AWS", []))
    ]


def takes(trust: Mapping[str, Any], claims: Mapping[str, str]) -> bool:
    """Whether a role's trust policy takes a job with this token."""
    issuer = claims["iss"].removeprefix("https://")
    return any(
        statement["Effect"] == "Allow"
        and statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        and statement["Principal"]["Federated"].endswith(f":oidc-provider/{issuer}")
        and all(
            any(_holds(operator, expected, claims[key.rpartition(":")[2]]) for expected in as_list(value))
            for operator, tests in statement["Condition"].items()
            for key, value in tests.items()
        )
        for statement in trust["Statement"]
    )
