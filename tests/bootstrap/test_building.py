"""The deploy role has the rights that the components need, and no more. The need is read from each shipped region's resources."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import azure, azure_management, rights
from bootstrap.documents import document
from components.azure.role_assignments import ROLES
from tests.bootstrap.fleets import crowded, plain
from tests.bootstrap.iam import allows, as_list
from tests.components.recording import FLEET, Registered, recorded

ACCOUNT = "333344445555"
DEPLOY = f"arn:aws:iam::{ACCOUNT}:role/regions-deploy"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/regions-boundary"
BOUNDED = {"iam:PermissionsBoundary": BOUNDARY}
CREATES = {
    "aws:backup/plan:Plan": "backup:CreateBackupPlan",
    "aws:backup/selection:Selection": "backup:CreateBackupSelection",
    "aws:backup/vault:Vault": "backup:CreateBackupVault",
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": "backup:PutBackupVaultLockConfiguration",
    "aws:cloudwatch/logGroup:LogGroup": "logs:CreateLogGroup",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "ec2:RevokeSecurityGroupIngress",
    "aws:ec2/eip:Eip": "ec2:AllocateAddress",
    "aws:ec2/internetGateway:InternetGateway": "ec2:CreateInternetGateway",
    "aws:ec2/launchTemplate:LaunchTemplate": "ec2:CreateLaunchTemplate",
    "aws:ec2/natGateway:NatGateway": "ec2:CreateNatGateway",
    "aws:ec2/route:Route": "ec2:CreateRoute",
    "aws:ec2/routeTable:RouteTable": "ec2:CreateRouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "ec2:AssociateRouteTable",
    "aws:ec2/subnet:Subnet": "ec2:CreateSubnet",
    "aws:ec2/vpc:Vpc": "ec2:CreateVpc",
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": "ec2:CreateTransitGatewayVpcAttachment",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "ec2:AuthorizeSecurityGroupIngress",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "ec2:CreateVpcEndpoint",
    "aws:eks/accessEntry:AccessEntry": "eks:CreateAccessEntry",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": "eks:AssociateAccessPolicy",
    "aws:eks/addon:Addon": "eks:CreateAddon",
    "aws:eks/cluster:Cluster": "eks:CreateCluster",
    "aws:eks/nodeGroup:NodeGroup": "eks:CreateNodegroup",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": "eks:CreatePodIdentityAssociation",
    "aws:iam/role:Role": "iam:CreateRole",
    "aws:iam/rolePolicy:RolePolicy": "iam:PutRolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "iam:AttachRolePolicy",
    "aws:kms/alias:Alias": "kms:CreateAlias",
    "aws:kms/key:Key": "kms:CreateKey",
}
"""Type of resource to the action that creates it: docs.aws.amazon.com/service-authorization."""


def resources_on(cloud: str) -> Iterator[Registered]:
    """All resources of the shipped regions on a cloud."""
    for name, region in FLEET.regions.items():
        if region.settings.cloud == cloud:
            yield from recorded(name).resources


def deploy_statements() -> list[dict[str, object]]:
    """All statements of a deploy role."""
    return plain()[1].documents(DEPLOY)


def arn_and_context(registered: Registered) -> tuple[str, dict[str, str]]:
    """The ARN of a resource, and the context of the request."""
    name = registered.inputs.get("role") or registered.inputs.get("name")
    if registered.type.startswith("aws:iam/"):
        attached = {"iam:PolicyARN": registered.inputs["policyArn"]} if "policyArn" in registered.inputs else {}
        return f"arn:aws:iam::{ACCOUNT}:role/regions/{name}", {**BOUNDED, **attached}
    if registered.type == "aws:kms/alias:Alias":
        return f"arn:aws:kms:us-east-1:{ACCOUNT}:{name}", {}
    if registered.type == "aws:cloudwatch/logGroup:LogGroup":
        return f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}", {}
    if registered.type == "aws:kms/key:Key":
        return "*", {"aws:RequestTag/region": "prod-aws-us-east-1"}
    return "*", {}


def test_the_deploy_role_may_create_every_resource_of_a_region_on_aws() -> None:
    statements = deploy_statements()
    resources = [resource for resource in resources_on("aws") if resource.type.startswith("aws:")]
    assert resources
    for resource in resources:
        arn, context = arn_and_context(resource)
        assert allows(statements, CREATES[resource.type], arn, context), (resource.type, resource.name)


def test_the_lists_of_roles_and_policies_are_those_that_regions_have() -> None:
    names = "|".join(re.escape(name) for name in FLEET.regions)
    roles = {
        re.sub(f"^({names})-", "", resource.inputs["name"])
        for resource in resources_on("aws")
        if resource.type == "aws:iam/role:Role"
    }
    assert roles == set(rights.ROLES)
    attached = {
        resource.inputs["policyArn"]
        for resource in resources_on("aws")
        if resource.type == "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    }
    assert attached == {f"arn:aws:iam::aws:policy/{name}" for name in rights.ATTACHED}
    services = {
        json.loads(resource.inputs["assumeRolePolicy"])["Statement"][0]["Principal"]["Service"]
        for resource in resources_on("aws")
        if resource.type == "aws:iam/role:Role"
    }
    assert services == set(rights.SERVICES)


def test_every_role_of_a_region_has_the_boundary() -> None:
    for role in resources_on("aws"):
        if role.type == "aws:iam/role:Role":
            assert role.inputs["permissionsBoundary"].endswith(":policy/regions-boundary"), role.name


NODES = f"arn:aws:iam::{ACCOUNT}:role/regions/prod-aws-us-east-1-nodes"
FOREIGN = f"arn:aws:iam::{ACCOUNT}:role/payments-nodes"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/x"
OWN = {"aws:ResourceTag/region": "prod-aws-us-east-1"}
STATE_KEY = {"aws:ResourceTag/managed-by": "regions-bootstrap"}
ADMIN = {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}


@pytest.mark.parametrize(
    ("action", "where", "context"),
    [
        ("iam:CreateRole", NODES, {}),
        ("iam:CreateRole", NODES, {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/mine"}),
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/backdoor", BOUNDED),
        ("iam:AttachRolePolicy", NODES, {**BOUNDED, **ADMIN}),
        ("iam:AttachRolePolicy", DEPLOY, {**BOUNDED, **ADMIN}),
        ("iam:PutRolePolicy", DEPLOY, {}),
        ("iam:PutRolePolicy", DEPLOY, BOUNDED),
        ("iam:UpdateAssumeRolePolicy", DEPLOY, {}),
        ("iam:UpdateAssumeRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/regions-preview", {}),
        ("iam:DeleteRolePermissionsBoundary", NODES, {}),
        ("iam:CreatePolicyVersion", BOUNDARY, {}),
        ("iam:SetDefaultPolicyVersion", BOUNDARY, {}),
        ("iam:PassRole", NODES, {"iam:PassedToService": "lambda.amazonaws.com"}),
        ("iam:PassRole", DEPLOY, {"iam:PassedToService": "ec2.amazonaws.com"}),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x", {}),
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/x", {}),
        ("iam:CreateOpenIDConnectProvider", f"arn:aws:iam::{ACCOUNT}:oidc-provider/x", {}),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/OrganizationAccountAccessRole", {}),
        ("iam:UpdateAssumeRolePolicy", FOREIGN, {}),
        ("iam:DeleteRole", FOREIGN, {}),
        ("iam:PassRole", FOREIGN, {"iam:PassedToService": "ec2.amazonaws.com"}),
        ("kms:PutKeyPolicy", KEY, OWN),
        ("kms:CreateGrant", KEY, {}),
        ("kms:Decrypt", KEY, OWN),
        ("kms:ScheduleKeyDeletion", KEY, {}),
        ("kms:ScheduleKeyDeletion", KEY, {**OWN, **STATE_KEY}),
        ("kms:TagResource", KEY, {"aws:RequestTag/region": "mine", **STATE_KEY}),
        ("kms:UntagResource", KEY, STATE_KEY),
        ("secretsmanager:GetSecretValue", "*", {}),
        ("s3:GetObject", "arn:aws:s3:::customers-data/x", {}),
        ("backup:DeleteRecoveryPoint", "*", {}),
        ("logs:DeleteLogGroup", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/audit", {}),
    ],
)
def test_the_deploy_role_cannot_extend_its_own_rights(action: str, where: str, context: dict[str, str]) -> None:
    assert not allows(deploy_statements(), action, where, context)


@pytest.mark.parametrize(
    "action", ["kms:CreateGrant", "kms:ScheduleKeyDeletion", "kms:EnableKeyRotation", "kms:TagResource"]
)
def test_the_deploy_role_may_use_the_keys_of_regions(action: str) -> None:
    """EKS's own check of `kms:CreateGrant` has no `kms:GrantIsForAWSResource`: eks/latest/userguide/enable-kms.html."""
    assert allows(deploy_statements(), action, KEY, OWN)


def test_a_ci_role_with_a_name_like_a_regions_is_protected_too() -> None:
    odd = f"arn:aws:iam::{ACCOUNT}:role/regions/ci-nodes"
    statements = rights.granting(ACCOUNT, [odd])
    assert not allows(statements, "iam:PutRolePolicy", odd, BOUNDED)
    assert not allows(statements, "iam:UpdateAssumeRolePolicy", odd)
    assert allows(statements, "iam:UpdateAssumeRolePolicy", NODES)


@pytest.mark.parametrize(
    "action",
    [
        *("iam:CreateRole", "iam:PutRolePolicy", "sts:AssumeRole", "s3:GetObject", "secretsmanager:GetSecretValue"),
        *(
            "kms:Decrypt",
            "ec2:RunInstances",
            "ec2:CreateKeyPair",
            "backup:DeleteRecoveryPoint",
            "backup:DeleteBackupVault",
        ),
    ],
)
def test_the_boundary_leaves_a_regions_role_no_way_to_more(action: str) -> None:
    assert not allows(rights.bounding(), action, "*")


UNUSED = (
    *("ec2:CopyImage", "ec2:CreateImage", "ec2:DeregisterImage", "ec2:ModifyImageAttribute"),  # backups of machines
    *("ec2:RunInstances", "ec2:TerminateInstances"),  # restores of machines, and of whole clusters
    *("iam:GetRole", "iam:ListAttachedRolePolicies", "iam:PassRole"),
)
"""Actions of AWS's policies that a region does not need: it backs up volumes alone."""
SERVICES = (
    "autoscaling",
    "backup",
    "ebs",
    "ec2",
    "ecr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "iam",
    "kms",
    "tag",
)
"""The services that a region uses. AWS's policies for backups name databases and file systems as well."""
BY_EC2 = {"kms:ViaService": "ec2.eu-west-1.amazonaws.com", "iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}


def aws_actions() -> set[str]:
    """The actions that AWS's own policies of a region's roles allow, in the services that a region uses."""
    recorded_policies = json.loads(Path(__file__).with_name("aws_policies.json").read_text())["policies"]
    assert set(recorded_policies) == set(rights.ATTACHED)
    actions = {
        action
        for policy in recorded_policies.values()
        for statement in policy["statements"]
        for action in as_list(statement["Action"])
    }
    return {action for action in actions if action.partition(":")[0] in SERVICES}


def test_the_boundary_has_what_awss_own_policies_need_and_no_more() -> None:
    needed = aws_actions()
    lacking = sorted(action for action in needed if not allows(rights.bounding(), action, "*", BY_EC2))
    assert [action for action in lacking if not action.startswith("eks:")] == sorted(UNUSED)
    by_us = {"ec2:GetInstanceTypesFromInstanceRequirements", "autoscaling:SetDesiredCapacity",
             "autoscaling:TerminateInstanceInAutoScalingGroup"}  # fmt: skip
    named = {action for statement in rights.bounding() for action in statement["Action"] if "*" not in action}
    assert named - needed == by_us, "the autoscaler's"


def test_the_boundary_allows_the_autoscalers_actions() -> None:
    for policy in resources_on("aws"):
        if policy.type == "aws:iam/rolePolicy:RolePolicy":
            for statement in json.loads(policy.inputs["policy"])["Statement"]:
                for action in statement["Action"]:
                    assert allows(rights.bounding(), action, "*"), action


def test_policies_are_within_the_quotas_of_aws() -> None:
    _, registrations = crowded()
    for policy in registrations.of("aws:iam/policy:Policy"):
        assert len(policy.inputs["policy"]) <= 6144, policy.name  # docs.aws.amazon.com/IAM, "quotas"
    inline: dict[str, int] = {}
    for policy in registrations.of("aws:iam/rolePolicy:RolePolicy"):
        inline[policy.parent + policy.inputs["role"]] = inline.get(policy.parent + policy.inputs["role"], 0) + len(
            policy.inputs["policy"]
        )
    assert max(inline.values()) <= 10240
    assert len(document(rights.bounding())) <= 6144


def test_on_azure_the_deploy_identity_grants_the_components_roles_alone() -> None:
    pairs = {(kind, role) for kind, roles in azure.GRANTS.items() for role in roles.values()}
    assert {role for _, role in pairs} == set(ROLES.values())
    assert pairs >= {
        (assignment.inputs["principalType"], assignment.inputs["roleDefinitionId"].rpartition("/")[2])
        for assignment in resources_on("azure")
        if assignment.type.endswith(":RoleAssignment")
    }
    _, registrations = crowded()
    assignments = [
        assignment.inputs
        for assignment in registrations.of("azure-native:authorization:RoleAssignment")
        if assignment.inputs["principalId"] != "azure-preview" and not assignment.name.startswith("azure-management-")
    ]
    assert {assignment["roleDefinitionId"].rpartition("/")[2] for assignment in assignments} == {
        *azure.DEPLOY_ROLES,
        azure.ACCESS_ADMINISTRATOR,
    }
    for assignment in assignments:
        if assignment["roleDefinitionId"].endswith(azure.ACCESS_ADMINISTRATOR):
            assert assignment["conditionVersion"] == "2.0"
            write, delete = assignment["condition"].split(" AND ((!")
            assert allowed(write, "Request") == allowed(delete, "Resource") == pairs


def allowed(half: str, source: str) -> set[tuple[str, str]]:
    """The pairs of principal type and role that one half of the condition lets through."""
    name = re.escape(f"@{source}[{azure.ASSIGNMENTS}:")
    clause = (
        rf"\({name}RoleDefinitionId\] ForAnyOfAnyValues:GuidEquals {{(.*?)}}"
        rf" AND {name}PrincipalType\] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'(\w+)'}}\)"
    )
    return {(kind, role) for roles, kind in re.findall(clause, half) for role in roles.split(", ")}


def test_an_identity_on_azure_reaches_its_own_environments_subscriptions() -> None:
    the_fleet, registrations = crowded()
    actual = {
        (assignment.inputs["principalId"], assignment.inputs["scope"])
        for assignment in registrations.of("azure-native:authorization:RoleAssignment")
        if not assignment.name.startswith("azure-management-")
    }
    expected = {
        (f"azure-{environment}", f"/subscriptions/{region.settings.azure.subscription_id}")
        for region in the_fleet.in_waves()
        if region.settings.azure
        for environment in (region.environment, "preview")
    }
    assert actual == expected


def test_an_identity_on_azure_peers_with_its_own_environments_management_network_alone() -> None:
    the_fleet, registrations = crowded()
    (role,) = registrations.of("azure-native:authorization:RoleDefinition")
    (permission,) = role.inputs["permissions"]
    assert permission["actions"] == azure_management.PEERING
    assert not any("*" in action for action in permission["actions"])
    peering = {
        (assignment.inputs["principalId"], assignment.inputs["scope"])
        for assignment in registrations.of("azure-native:authorization:RoleAssignment")
        if assignment.name.startswith("azure-management-")
    }
    environments = {region.environment for region in the_fleet.in_waves() if region.settings.azure}
    assert peering == {(f"azure-{name}", f"azure-management-{name}-id") for name in environments}
