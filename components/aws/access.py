"""Access of IAM roles to a region's cluster on AWS, by EKS access entries."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.shared.cluster import ChildOptions
from components.shared.viewers import VIEWERS
from fleet import Region
from fleet.settings import AwsSettings, ClusterAccess

ACCESS_POLICIES = "arn:aws:eks::aws:cluster-access-policy"
ADMIN_POLICY, VIEW_POLICY = "AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"


def grant_access(
    region: Region, account: AwsSettings, cluster: aws.eks.Cluster, options: ChildOptions
) -> list[pulumi.CustomResource]:
    """An access entry for each role, with one policy for the whole cluster. No other principal has access.

    Viewers are in a group as well: AWS's policy shows them no nodes, volumes and custom resources.
    """
    resources: list[pulumi.CustomResource] = []
    for title, role, policy in role_policies(account, region.settings.cluster_access):
        entry = aws.eks.AccessEntry(
            f"{region.name}-{title}",
            cluster_name=cluster.name,
            principal_arn=role,
            kubernetes_groups=[VIEWERS] if policy == VIEW_POLICY else None,
            opts=options.default(),
        )
        association = aws.eks.AccessPolicyAssociation(
            f"{region.name}-{title}",
            cluster_name=cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=f"{ACCESS_POLICIES}/{policy}",
            access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            opts=options.default(),
        )
        resources += [entry, association]
    return resources


def role_policies(account: AwsSettings, access: ClusterAccess) -> list[tuple[str, str, str]]:
    """Title, role and policy: the deploy role administers the cluster, the preview role sees all but secrets.

    The settings' admins and viewers follow.
    """
    roles = f"arn:aws:iam::{account.account_id}:role"
    return [
        ("deploy", f"{roles}/{account.deploy_role}", ADMIN_POLICY),
        ("preview", f"{roles}/{account.preview_role}", VIEW_POLICY),
        *((role.rpartition("/")[2], role, ADMIN_POLICY) for role in access.admins),
        *((role.rpartition("/")[2], role, VIEW_POLICY) for role in access.viewers),
    ]
