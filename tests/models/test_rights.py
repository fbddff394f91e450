"""The deploy role on AWS has the rights that AWS's own CloudFormation needs for the same resources, and no others."""

from __future__ import annotations

from collections.abc import Callable

from bootstrap import rights
from tests.bootstrap.iam import as_list, is_one_of
from tests.bootstrap.test_building import ACCOUNT, deploy_statements, resources_on
from tests.models.handlers import TYPES, actions

NOT_CALLED = {
    "backup-storage:Mount": "CreateBackupVault needs MountCapsule: docs.aws.amazon.com/aws-backup, 'access control'",
    "backup:*BackupVaultAccessPolicy": "no vault has a policy of its own",
    "backup:*BackupVaultNotifications": "no vault sends notifications",
    "ec2:*NatGatewayAddress": "a NAT gateway keeps the address that it is made with",
    "ec2:*SubnetCidrBlock": "no subnet gets a second range",
    "ec2:*VpnGateway": "no region has a VPN gateway",
    "ec2:AcceptAddressTransfer": "no address comes from another account",
    "ec2:AssociateAddress": "the NAT gateway takes the address itself",
    "ec2:CreateSecurityGroup": "the VPC comes with its default group",
    "ec2:CreateVpcEncryptionControl": "no VPC has encryption controls",
    "ec2:DeleteSecurityGroup": "the default group goes with the VPC",
    "ec2:ModifyVpcTenancy": "every VPC has the default tenancy",
    "ec2:UpdateSecurityGroupRuleDescriptions*": "the provider uses ModifySecurityGroupRules",
    "ec2:AuthorizeSecurityGroupEgress": "the default group loses all rules and gets none",
    "eks:ActivateCertificateAuthority": "no cluster changes its certificate authority",
    "firehose:*": "logs stay in their group",
    "iam:*InstanceProfile": "only EKS Auto Mode has an instance profile of the caller's",
    "iam:DeleteRolePermissionsBoundary": "no role loses its boundary",
    "iam:UpdateRoleDescription": "no role has a description",
    "kms:DisableKey": "keys are on until they are deleted",
    "kms:EnableKey": "keys are on until they are deleted",
    "kms:PutKeyPolicy": "every key keeps AWS's default policy: docs.aws.amazon.com/kms, 'default key policy'",
    "logs:*KmsKey": "log groups have AWS's own key",
    "logs:*DataProtectionPolicy": "log groups have no policy on the data in them",
    "logs:*IndexPolic*": "log groups have no indexes",
    "logs:*ResourcePolic*": "no other account or service writes to a log group",
    "logs:CreateLogDelivery": "logs stay in their group",
    "logs:PutBearerTokenAuthentication": "nobody writes to a log group by token",
    "logs:PutLogGroupDeletionProtection": "Pulumi protects the log group",
    "s3:REST.PUT.OBJECT": "logs stay in their group",
    "vpc-lattice:*": "the endpoint is a gateway, to S3",
    "vpce:AllowMultiRegion": "the endpoint is of the region's own location",
}
"""Actions that CloudFormation's handlers name for inputs that the program does not set, with the reason."""

ALSO_CALLED = {
    "ec2:ModifyLaunchTemplate": "`updateDefaultVersion`: hashicorp/terraform-provider-aws, ec2_launch_template.go",
    "ec2:ModifySecurityGroupRules": "a changed range: hashicorp/terraform-provider-aws, vpc_security_group_ingress_rule.go",
    "iam:ListInstanceProfilesForRole": "before a role's deletion: hashicorp/terraform-provider-aws, iam/role.go",
    "iam:ListRoleTags": "a role's tags: hashicorp/terraform-provider-aws, iam/service_package_gen.go",
    "servicequotas:GetServiceQuota": "`regions doctor`",
}
"""Actions that the provider or a command calls and that no handler of CloudFormation names, with the source."""


def needed() -> set[str]:
    """The actions that CloudFormation's handlers need for the resources of the shipped regions."""
    kinds = {resource.type for resource in resources_on("aws") if resource.type.startswith("aws:")}
    assert kinds == {*TYPES}
    return {action for kind in kinds for action in actions(kind)}


def granted() -> set[str]:
    """The actions that the deploy role may do to a region's resources."""
    statements = [*rights.building(ACCOUNT), *rights.granting(ACCOUNT, [])]
    allowed = {action for entry in statements if entry["Effect"] == "Allow" for action in as_list(entry["Action"])}
    assert allowed <= {action for entry in deploy_statements() for action in as_list(entry["Action"])}
    return allowed


def test_every_action_of_a_resources_life_is_granted_or_has_its_reason() -> None:
    missing = {action for action in needed() | {*ALSO_CALLED} if not is_one_of(action, [*granted()])}
    assert {action for action in missing if not is_one_of(action, [*NOT_CALLED])} == set()


def test_every_granted_action_is_in_a_resources_life_or_has_its_reason(
    record_property: Callable[[str, object], None],
) -> None:
    known = {action for action in needed() if not is_one_of(action, [*NOT_CALLED])} | {*ALSO_CALLED}
    assert {pattern for pattern in granted() if not any(is_one_of(action, [pattern]) for action in known)} == set()
    record_property("actions of AWS's deploy role that a resource's life needs", len(granted()))


def test_no_reason_is_for_nothing() -> None:
    named = needed()
    assert [pattern for pattern in NOT_CALLED if not any(is_one_of(action, [pattern]) for action in named)] == []
    assert [action for action in ALSO_CALLED if action in named] == []
