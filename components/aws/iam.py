"""IAM roles for services of AWS and for pods: no keys, and no rights on the nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.shared.cluster import ChildOptions
from fleet.settings import ROLE_PATH

POLICIES = "arn:aws:iam::aws:policy"
"""The path of AWS's own policies."""


@dataclass(frozen=True)
class ServiceRole:
    """A role with its policies."""

    role: aws.iam.Role
    policies: list[pulumi.CustomResource]
    """The user of the role depends on them: without them the role can do nothing, in the user's creation or deletion."""


def service_role(
    name: str,
    service: str,
    policies: list[str],
    boundary: str,
    options: ChildOptions,
    actions: tuple[str, ...] = ("sts:AssumeRole",),
) -> ServiceRole:
    """A role that a service of AWS may take, with policies of AWS, and never more rights than the boundary (an ARN) has."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions)}
    role = aws.iam.Role(
        name,
        name=name,
        path=ROLE_PATH,
        assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        # The deploy role may make no role without a boundary: it could grant more than it has itself.
        permissions_boundary=boundary,
        opts=options.default(),
    )
    attachments: list[pulumi.CustomResource] = [
        aws.iam.RolePolicyAttachment(
            f"{name}-{policy.rpartition('/')[2]}",
            role=role.name,
            policy_arn=f"{POLICIES}/{policy}",
            opts=options.default(),
        )
        for policy in policies
    ]
    return ServiceRole(role, attachments)


def pod_role(
    name: str,
    cluster: aws.eks.Cluster,
    account: str,
    boundary: str,
    options: ChildOptions,
    *,
    policy: str | None = None,
    statements: Sequence[Mapping[str, Any]] = (),
) -> aws.eks.PodIdentityAssociation:
    """A role for the pods of one service account in kube-system (EKS Pod Identity), with one of AWS's own policies, or with
    statements of ours."""
    granted = service_role(
        name,
        "pods.eks.amazonaws.com",
        [policy] if policy else [],
        boundary,
        options,
        ("sts:AssumeRole", "sts:TagSession"),
    )
    policies = list(granted.policies)
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        policies.append(
            aws.iam.RolePolicy(name, name=name, role=granted.role.name, policy=document, opts=options.default())
        )
    return aws.eks.PodIdentityAssociation(
        name,
        cluster_name=cluster.name,
        namespace="kube-system",
        service_account=account,
        role_arn=granted.role.arn,
        opts=options.default(depends_on=policies),
    )
