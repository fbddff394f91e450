"""A job's rights in a region's AWS account: those that components/aws/ needs, and no more. Tests compare the two.

tests/models holds them to the actions that AWS's own CloudFormation needs for the same resources.

Sources:

- docs.aws.amazon.com/service-authorization: actions and condition keys
- docs.aws.amazon.com/eks, "launch templates": EKS demands `ec2:RunInstances` of a caller that names one
- docs.aws.amazon.com/aws-backup, "access control": vaults
"""

from __future__ import annotations

from collections.abc import Iterable

from bootstrap.documents import Statement, allow, deny
from fleet.settings import BOUNDARY, ROLE_PATH

READS = [
    *("backup:Describe*", "backup:Get*", "backup:List*"),
    *("ec2:Describe*", "eks:Describe*", "eks:List*"),
    *("iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole"),
    *("iam:ListRolePolicies", "iam:ListRoleTags"),
    *("kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListAliases", "kms:ListResourceTags"),
    *("logs:DescribeLogGroups", "logs:ListTagsForResource", "servicequotas:GetServiceQuota"),
]
"""A refresh's requests to AWS, and those of `regions doctor`."""
CONTENTS = [
    *("ec2:DescribeInstanceAttribute", "ec2:GetConsoleOutput", "ec2:GetPasswordData"),
    *("lambda:GetFunction", "secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"),
    *("ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParameters", "ssm:GetParametersByPath"),
]
"""Reading of contents. Previews may not, even if a later policy allows it."""

_EC2 = [
    *("AllocateAddress", "AssociateRouteTable", "AttachInternetGateway"),
    *("AuthorizeSecurityGroupIngress", "CreateInternetGateway", "CreateLaunchTemplate", "CreateLaunchTemplateVersion"),
    *(
        "CreateNatGateway",
        "CreateRoute",
        "CreateRouteTable",
        "CreateSubnet",
        "CreateTags",
        "CreateVpc",
        "CreateVpcEndpoint",
        "CreateTransitGatewayVpcAttachment",
        "DeleteTransitGatewayVpcAttachment",
        "ModifyTransitGatewayVpcAttachment",
    ),
    *(
        "DeleteInternetGateway",
        "DeleteLaunchTemplate",
        "DeleteNatGateway",
        "DeleteRoute",
    ),
    *("DeleteRouteTable", "DeleteSubnet", "DeleteTags", "DeleteVpc", "DeleteVpcEndpoints", "DetachInternetGateway"),
    *(
        "DisassociateAddress",
        "DisassociateRouteTable",
        "ModifyLaunchTemplate",
        "ModifySecurityGroupRules",
        "ModifySubnetAttribute",
        "ModifyVpcAttribute",
    ),
    *(
        "ModifyVpcEndpoint",
        "ReleaseAddress",
        "ReplaceRoute",
        "ReplaceRouteTableAssociation",
        "RevokeSecurityGroupEgress",
    ),
    *("RevokeSecurityGroupIngress", "RunInstances"),
]
_EKS = [
    *("AssociateAccessPolicy", "CreateAccessEntry", "CreateAddon", "CreateCluster"),
    *(
        "CreateNodegroup",
        "CreatePodIdentityAssociation",
        "DeleteAccessEntry",
        "DeleteAddon",
        "DeleteCluster",
        "DeleteNodegroup",
    ),
    *("DeletePodIdentityAssociation", "DisassociateAccessPolicy", "TagResource", "UntagResource", "UpdateAccessEntry"),
    *("UpdateAddon", "UpdateClusterConfig", "UpdateClusterVersion", "UpdateNodegroupConfig", "UpdateNodegroupVersion"),
    "UpdatePodIdentityAssociation",
]
_BACKUP = [
    *("CreateBackupPlan", "CreateBackupSelection", "CreateBackupVault", "DeleteBackupPlan", "DeleteBackupSelection"),
    *("DeleteBackupVault", "DeleteBackupVaultLockConfiguration", "PutBackupVaultLockConfiguration", "TagResource"),
    *("UntagResource", "UpdateBackupPlan"),
]
_KEYS = [
    "DisableKeyRotation",
    "EnableKeyRotation",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateKeyDescription",
]
_ALIASES = ["CreateAlias", "DeleteAlias", "UpdateAlias"]
_LOGS = [
    "CreateLogGroup",
    "DeleteLogGroup",
    "DeleteRetentionPolicy",
    "PutRetentionPolicy",
    "TagResource",
    "UntagResource",
]

ROLES = ("cluster", "nodes", "cni", "ebs-csi", "autoscaler", "backup")
"""The suffixes of a region's roles: `<region>-cluster`."""
SERVICES = ("backup.amazonaws.com", "ec2.amazonaws.com", "eks.amazonaws.com", "pods.eks.amazonaws.com")
"""The services that may get one of these roles."""
LINKED = ("autoscaling.amazonaws.com", "backup.amazonaws.com", "eks.amazonaws.com", "eks-nodegroup.amazonaws.com")
"""Services that create a role for themselves at their first use in an account."""
ATTACHED = (
    *(
        "AmazonEKSClusterPolicy",
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKS_CNI_Policy",
    ),
    *("service-role/AmazonEBSCSIDriverPolicy", "service-role/AWSBackupServiceRolePolicyForBackup"),
    "service-role/AWSBackupServiceRolePolicyForRestores",
)
"""AWS's own policies that a region's roles have."""
OF_A_REGION = {"Null": {"aws:ResourceTag/region": "false"}}
"""The condition on a resource that a region's program made: it has the tag `region`."""
NEW_OF_A_REGION = {"Null": {"aws:RequestTag/region": "false"}}
BOOTSTRAPPED = {"StringEquals": {"aws:ResourceTag/managed-by": "regions-bootstrap"}}
"""The condition on a resource that bootstrap/ made: the default tag of its provider."""
BY_SERVICES = {"StringLike": {"kms:ViaService": ["backup.*.amazonaws.com", "ec2.*.amazonaws.com"]}}

BOUND_EC2 = [
    *("AssignPrivateIpAddresses", "AttachNetworkInterface", "AttachVolume", "AuthorizeSecurityGroupIngress"),
    *("CopySnapshot", "CopyVolumes", "CreateNetworkInterface", "CreateRoute", "CreateSecurityGroup", "CreateSnapshot"),
    *("CreateTags", "CreateVolume", "DeleteNetworkInterface", "DeleteRoute", "DeleteSecurityGroup", "DeleteSnapshot"),
    *("DeleteTags", "DeleteVolume", "Describe*", "DetachNetworkInterface", "DetachVolume"),
    *("EnableFastSnapshotRestores", "GetInstanceTypesFromInstanceRequirements", "LockSnapshot"),
    *("ModifyInstanceAttribute", "ModifyNetworkInterfaceAttribute", "ModifySnapshotAttribute", "ModifySnapshotTier"),
    *("ModifyVolume", "RestoreSnapshotTier", "RevokeSecurityGroupIngress", "UnassignPrivateIpAddresses"),
]
"""The needs of clusters, nodes, the CNI, the disk driver and backups of volumes in EC2. No machine, no image, no key pair."""
BOUND_BACKUP = [
    *("CopyFromBackupVault", "CopyIntoBackupVault", "DescribeBackupVault", "DescribeRestoreJob"),
    *("ListRecoveryPointsByBackupVault", "ListRestoreJobs", "StartRestoreJob", "TagResource"),
]
BOUND_KEYS = [
    *("CreateGrant", "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
    *("ReEncryptFrom", "ReEncryptTo"),
]


def _of(service: str, actions: Iterable[str]) -> list[str]:
    return [f"{service}:{action}" for action in actions]


def reading() -> list[Statement]:
    """For previews: read all resources, and no contents."""
    return [allow(READS, "*"), deny(CONTENTS, Resource="*")]


def building(account: str) -> list[Statement]:
    """For the deploy role: create, change and delete the resources of a region, except roles."""
    key, eks = f"arn:aws:kms:*:{account}:key/*", f"arn:aws:kms:*:{account}:alias/eks/*"
    by_backup = {"StringLike": {"kms:ViaService": "backup.*.amazonaws.com"}}
    return [
        allow([*READS, *_of("ec2", _EC2), *_of("eks", _EKS), *_of("backup", _BACKUP)], "*"),
        allow(["backup-storage:MountCapsule"], "*"),
        allow(["kms:CreateKey", "kms:TagResource"], "*", Condition=NEW_OF_A_REGION),
        allow(_of("kms", [*_KEYS, *_ALIASES]), key, Condition=OF_A_REGION),
        allow(_of("kms", _ALIASES), eks),
        # EKS makes a grant on the key in the caller's name, and not as a service:
        # docs.aws.amazon.com/eks/latest/userguide/enable-kms.html, kubernetes-sigs/cluster-api-provider-aws, issue 2432.
        allow(["kms:CreateGrant"], key, Condition=OF_A_REGION),
        allow(["kms:Decrypt", "kms:GenerateDataKey", "kms:RetireGrant"], key, Condition=by_backup),
        allow(_of("logs", _LOGS), f"arn:aws:logs:*:{account}:log-group:/aws/eks/*"),
        # A tag can be given to any key: those of the state have another one, which nobody takes from them.
        deny(["kms:*"], Resource=key, Condition=BOOTSTRAPPED),
    ]


def granting(account: str, trusted: Iterable[str]) -> list[Statement]:
    """For the deploy role: roles with a region's own names, within the boundary, with policies of a fixed list.

    `trusted` are the ARNs of the account's roles for CI, which it cannot change.
    """
    roles = [f"arn:aws:iam::{account}:role{ROLE_PATH}*-{name}" for name in ROLES]
    boundary = f"arn:aws:iam::{account}:policy/{BOUNDARY}"
    bounded = {"iam:PermissionsBoundary": boundary}
    attached = {"iam:PolicyARN": [f"arn:aws:iam::aws:policy/{name}" for name in ATTACHED]}
    return [
        allow(["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"], roles,
              Condition={"StringEquals": bounded}),
        allow(["iam:AttachRolePolicy"], roles, Condition={"StringEquals": bounded, "ArnEquals": attached}),
        allow(["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:TagRole", "iam:UntagRole",
               "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"], roles),
        allow(["iam:PassRole"], roles, Condition={"StringEquals": {"iam:PassedToService": list(SERVICES)}}),
        allow(["iam:CreateServiceLinkedRole"], f"arn:aws:iam::{account}:role/aws-service-role/*",
              Condition={"StringEquals": {"iam:AWSServiceName": list(LINKED)}}),
        # Also if such a role has a name like a region's.
        deny(["iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:PassRole", "iam:Put*", "iam:Set*", "iam:Update*"],
             Resource=[*sorted(trusted), boundary]),
    ]  # fmt: skip


def bounding() -> list[Statement]:
    """The most that a role of a region may ever do: the needs of ATTACHED's policies and of the autoscaler.

    Of IAM, only the actions in AWS's own policies. No other role, no secret, no machine, no object, and a key only for a service
    that encrypts a volume or its backup. A test holds the lists to AWS's own policies.
    """
    return [
        allow([*_of("ec2", BOUND_EC2), *_of("backup", BOUND_BACKUP)], "*"),
        allow(["ebs:*Snapshot*", "elasticloadbalancing:*", "tag:GetResources"], "*"),
        allow(["autoscaling:Describe*", "autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup",
               "autoscaling:UpdateAutoScalingGroup"], "*"),
        allow(["ecr:BatchGetImage", "ecr:BatchImportUpstreamImage", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer"],
              "*"),
        allow(["eks:DescribeCluster", "eks:DescribeNodegroup", "eks-auth:AssumeRoleForPodIdentity", "kms:DescribeKey"], "*"),
        allow(_of("kms", BOUND_KEYS), "*", Condition=BY_SERVICES),
        allow(["iam:CreateServiceLinkedRole"], "*",
              Condition={"StringEquals": {"iam:AWSServiceName": ["elasticloadbalancing.amazonaws.com"]}}),
    ]  # fmt: skip
