"""What builds a region may do what the components need, and no more: read from what each shipped region is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from bootstrap import azure, gcp, rights
from bootstrap.documents import document
from components.azure.role_assignments import ROLES
from components.gcp.nodes import NODE_ROLES
from tests.bootstrap.fleets import crowded, plain
from tests.bootstrap.iam import allows
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
"""What makes each kind of resource: docs.aws.amazon.com/service-authorization."""


def made_on(cloud: str) -> Iterator[Registered]:
    """All resources of the shipped regions on a cloud."""
    for name, region in FLEET.regions.items():
        if region.settings.cloud == cloud:
            yield from recorded(name).resources


def deploying() -> list[dict[str, object]]:
    """All statements of a deploy role."""
    return plain()[1].documents(DEPLOY)


def resource(each: Registered) -> tuple[str, dict[str, str]]:
    """The ARN of what is made, and what AWS knows of the request."""
    name = each.inputs.get("role") or each.inputs.get("name")
    if each.type.startswith("aws:iam/"):
        attached = {"iam:PolicyARN": each.inputs["policyArn"]} if "policyArn" in each.inputs else {}
        return f"arn:aws:iam::{ACCOUNT}:role/{name}", {**BOUNDED, **attached}
    if each.type == "aws:kms/alias:Alias":
        return f"arn:aws:kms:us-east-1:{ACCOUNT}:{name}", {}
    if each.type == "aws:cloudwatch/logGroup:LogGroup":
        return f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}", {}
    return "*", {}


def test_what_deploys_may_make_all_that_a_region_on_aws_is_made_of() -> None:
    statements = deploying()
    found = [each for each in made_on("aws") if each.type.startswith("aws:")]
    assert found
    for each in found:
        where, context = resource(each)
        assert allows(statements, CREATES[each.type], where, context), (each.type, each.name)


def test_the_lists_of_roles_and_policies_are_those_that_regions_have() -> None:
    names = "|".join(re.escape(name) for name in FLEET.regions)
    roles = {
        re.sub(f"^({names})-", "", each.inputs["name"]) for each in made_on("aws") if each.type == "aws:iam/role:Role"
    }
    assert roles == set(rights.ROLES)
    attached = {
        e.inputs["policyArn"] for e in made_on("aws") if e.type == "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    }
    assert attached == {f"arn:aws:iam::aws:policy/{name}" for name in rights.ATTACHED}
    taken = {
        json.loads(e.inputs["assumeRolePolicy"])["Statement"][0]["Principal"]["Service"]
        for e in made_on("aws")
        if e.type == "aws:iam/role:Role"
    }
    assert taken == set(rights.SERVICES)


def test_every_role_of_a_region_has_the_boundary() -> None:
    for each in made_on("aws"):
        if each.type == "aws:iam/role:Role":
            assert each.inputs["permissionsBoundary"].endswith(":policy/regions-boundary"), each.name


NODES = f"arn:aws:iam::{ACCOUNT}:role/prod-aws-us-east-1-nodes"
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
        ("kms:PutKeyPolicy", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/x", {}),
        ("kms:CreateGrant", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/x", {}),
        ("kms:Decrypt", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/x", {}),
        ("secretsmanager:GetSecretValue", "*", {}),
        ("s3:GetObject", "arn:aws:s3:::customers-data/x", {}),
        ("backup:DeleteRecoveryPoint", "*", {}),
        ("logs:DeleteLogGroup", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/audit", {}),
    ],
)
def test_what_deploys_cannot_make_itself_more(action: str, where: str, context: dict[str, str]) -> None:
    assert not allows(deploying(), action, where, context)


def test_names_of_ci_roles_that_look_like_a_regions_are_held_all_the_same() -> None:
    odd = f"arn:aws:iam::{ACCOUNT}:role/ci-nodes"
    statements = rights.granting(ACCOUNT, [odd])
    assert not allows(statements, "iam:PutRolePolicy", odd, BOUNDED)
    assert not allows(statements, "iam:UpdateAssumeRolePolicy", odd)
    assert allows(statements, "iam:UpdateAssumeRolePolicy", NODES)


@pytest.mark.parametrize(
    "action", ["iam:CreateRole", "iam:PutRolePolicy", "sts:AssumeRole", "s3:GetObject", "secretsmanager:GetSecretValue"]
)
def test_the_boundary_leaves_a_regions_role_no_way_to_more(action: str) -> None:
    assert not allows(rights.bounding(), action, "*")


def test_the_boundary_has_what_the_autoscaler_asks_for() -> None:
    for each in made_on("aws"):
        if each.type == "aws:iam/rolePolicy:RolePolicy":
            for statement in json.loads(each.inputs["policy"])["Statement"]:
                for action in statement["Action"]:
                    assert allows(rights.bounding(), action, "*"), action


def test_policies_are_as_short_as_aws_takes_them() -> None:
    _, made = crowded()
    for each in made.of("aws:iam/policy:Policy"):
        assert len(each.inputs["policy"]) <= 6144, each.name  # docs.aws.amazon.com/IAM, "quotas"
    inline: dict[str, int] = {}
    for each in made.of("aws:iam/rolePolicy:RolePolicy"):
        inline[each.parent + each.inputs["role"]] = inline.get(each.parent + each.inputs["role"], 0) + len(
            each.inputs["policy"]
        )
    assert max(inline.values()) <= 10240
    assert len(document(rights.bounding())) <= 6144


def test_on_google_cloud_others_are_given_what_the_components_give() -> None:
    given = {e.inputs["role"] for e in made_on("gcp") if e.type == "gcp:projects/iAMMember:IAMMember"}
    assert given <= set(gcp.GRANTS)
    assert set(gcp.GRANTS) == {*NODE_ROLES, "roles/container.clusterViewer"}
    _, made = plain()
    limited = [
        m.inputs for m in made.of("gcp:projects/iAMMember:IAMMember") if m.inputs["role"].endswith("projectIamAdmin")
    ]
    assert len(limited) == 3
    for each in limited:
        expression = each["condition"]["expression"]
        assert sorted(re.findall(r"'(roles/[^']+)'", expression)) == sorted(gcp.GRANTS)
        assert expression.endswith("hasOnly(['" + "', '".join(gcp.GRANTS) + "'])")
    broad = {"roles/owner", "roles/editor", "roles/iam.serviceAccountAdmin", "roles/iam.serviceAccountTokenCreator"}
    assert not broad & {m.inputs["role"] for m in made.of("gcp:projects/iAMMember:IAMMember")}


def test_on_azure_others_are_given_what_the_components_give() -> None:
    assert azure.GRANTS == ROLES
    given = {
        e.inputs["roleDefinitionId"].rpartition("/")[2] for e in made_on("azure") if e.type.endswith(":RoleAssignment")
    }
    assert given <= set(ROLES.values())
    _, made = crowded()
    deploys = [
        e.inputs
        for e in made.of("azure-native:authorization:RoleAssignment")
        if e.inputs["principalId"] != "azure-preview"
    ]
    assert {e["roleDefinitionId"].rpartition("/")[2] for e in deploys} == {
        *azure.BUILDS,
        azure.ACCESS_ADMINISTRATOR,
    }
    for each in deploys:
        if each["roleDefinitionId"].endswith(azure.ACCESS_ADMINISTRATOR):
            for half in each["condition"].split(" AND "):
                assert set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", half)) == set(ROLES.values())
            assert each["conditionVersion"] == "2.0"


def test_an_identity_on_azure_reaches_its_own_environments_subscriptions() -> None:
    known, made = crowded()
    found = {(e.inputs["principalId"], e.inputs["scope"]) for e in made.of("azure-native:authorization:RoleAssignment")}
    wanted = {
        (f"azure-{environment}", f"/subscriptions/{region.settings.azure.subscription_id}")
        for region in known.in_waves()
        if region.settings.azure
        for environment in (region.environment, "preview")
    }
    assert found == wanted
