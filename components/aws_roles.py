"""IAM roles that services of AWS and pods take: no keys, nothing on the nodes."""

from __future__ import annotations

import json

import pulumi_aws as aws

from components.cluster import Children

POLICIES = "arn:aws:iam::aws:policy"
"""Where AWS keeps its own policies."""


def service_role(
    name: str, service: str, policies: list[str], child: Children, actions: tuple[str, ...] = ("sts:AssumeRole",)
) -> aws.iam.Role:
    """A role that a service of AWS may take, with some of AWS's own policies."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions)}
    role = aws.iam.Role(
        name,
        name=name,
        assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        opts=child.own(),
    )
    for policy in policies:
        aws.iam.RolePolicyAttachment(
            f"{name}-{policy.rpartition('/')[2]}", role=role.name, policy_arn=f"{POLICIES}/{policy}", opts=child.own()
        )
    return role


def pod_role(
    name: str, cluster: aws.eks.Cluster, account: str, policy: str, child: Children
) -> aws.eks.PodIdentityAssociation:
    """A role for the pods of one service account in kube-system (EKS Pod Identity)."""
    role = service_role(name, "pods.eks.amazonaws.com", [policy], child, ("sts:AssumeRole", "sts:TagSession"))
    return aws.eks.PodIdentityAssociation(
        name,
        cluster_name=cluster.name,
        namespace="kube-system",
        service_account=account,
        role_arn=role.arn,
        opts=child.own(),
    )
