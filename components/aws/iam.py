"""IAM roles that services of AWS and pods take: no keys, nothing on the nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi_aws as aws

from components.shared.cluster import Children

POLICIES = "arn:aws:iam::aws:policy"
"""Where AWS keeps its own policies."""


def service_role(
    name: str,
    service: str,
    policies: list[str],
    boundary: str,
    child: Children,
    actions: tuple[str, ...] = ("sts:AssumeRole",),
) -> aws.iam.Role:
    """A role that a service of AWS may take, with some of AWS's own policies, and never more than the boundary (an ARN) has."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions)}
    role = aws.iam.Role(
        name,
        name=name,
        assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        # The deploy role may make no role without: it could give it more than it has itself.
        permissions_boundary=boundary,
        opts=child.own(),
    )
    for policy in policies:
        aws.iam.RolePolicyAttachment(
            f"{name}-{policy.rpartition('/')[2]}", role=role.name, policy_arn=f"{POLICIES}/{policy}", opts=child.own()
        )
    return role


def pod_role(
    name: str,
    cluster: aws.eks.Cluster,
    account: str,
    boundary: str,
    child: Children,
    *,
    policy: str | None = None,
    own: Sequence[Mapping[str, Any]] = (),
) -> aws.eks.PodIdentityAssociation:
    """A role for the pods of one service account in kube-system (EKS Pod Identity), with one of AWS's own policies or statements
    of ours."""
    policies = [policy] if policy else []
    role = service_role(name, "pods.eks.amazonaws.com", policies, boundary, child, ("sts:AssumeRole", "sts:TagSession"))
    if own:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(own)})
        aws.iam.RolePolicy(name, name=name, role=role.name, policy=document, opts=child.own())
    return aws.eks.PodIdentityAssociation(
        name,
        cluster_name=cluster.name,
        namespace="kube-system",
        service_account=account,
        role_arn=role.arn,
        opts=child.own(),
    )
