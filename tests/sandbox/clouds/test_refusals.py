"""All rules of the simulated clouds: their sources, names, quotas and delays."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.clouds.aws import DIALECT as AWS
from sandbox.clouds.azure import DIALECT as AZURE
from sandbox.clouds.core.crud import Naming
from sandbox.clouds.core.dialect import Dialect
from sandbox.clouds.core.model import CloudError, Pace, ResourceRule
from sandbox.clouds.gcp import DIALECT as GCP
from sandbox.clouds.github import DIALECT as GITHUB
from tests.sandbox.clouds import test_azure as on_azure
from tests.sandbox.clouds.doubles import Account

DOCUMENTATION = {
    "aws": "docs.aws.amazon.com/",
    "gcp": "cloud.google.com/",
    "azure-native": "learn.microsoft.com/azure/",
    "github": "docs.github.com/",
}
NETWORK = "gcp:compute/network:Network"
MEMBER = "gcp:projects/iAMMember:IAMMember"
ROLE = "aws:iam/role:Role"


def rules() -> Iterator[tuple[Dialect, ResourceRule]]:
    for dialect in (AWS, GCP, AZURE, GITHUB):
        for rule in dialect.rules.values():
            yield dialect, rule


@pytest.mark.parametrize(("dialect", "rule"), [pytest.param(dialect, rule, id=rule.token) for dialect, rule in rules()])
def test_every_refusal_carries_the_address_of_the_clouds_own_documentation(
    dialect: Dialect, rule: ResourceRule
) -> None:
    checks = [getattr(check, "source", rule.source) for check in (*rule.checks, *rule.protected)]
    quota = [rule.quota.source] if rule.quota else []
    for address in (rule.source, *checks, *quota):
        assert address.startswith(DOCUMENTATION[dialect.name]), address
        assert " " not in address


@pytest.mark.parametrize(
    ("dialect", "rule"), [pytest.param(dialect, rule, id=rule.token) for dialect, rule in rules() if rule.name_patterns]
)
def test_every_cloud_refuses_invalid_names(dialect: Dialect, rule: ResourceRule, tmp_path: Path) -> None:
    cloud = Account(dialect, tmp_path).cloud
    for path, pattern in rule.name_patterns.items():
        for name in ("", "a|b", "a" * 1000):
            assert not re.fullmatch(pattern, name)
        with pytest.raises(CloudError, match=re.escape(rule.source)):
            cloud.create(rule.token, {path: "a|b"})


def test_a_refusal_names_the_page_that_it_follows(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match=r"MalformedPolicy.*simulated after docs\.aws\.amazon\.com/IAM/.*CreateRole"):
        Account(AWS, tmp_path).make(ROLE, assumeRolePolicy="no JSON")


@pytest.mark.parametrize(
    ("token", "inputs", "error"),
    [
        ("aws:ec2/eip:Eip", {"domain": "vpc"}, "AddressLimitExceeded"),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, "VpcLimitExceeded"),
    ],
)
def test_an_account_has_a_quota_in_each_place(tmp_path: Path, token: str, inputs: dict[str, str], error: str) -> None:
    aws = Account(AWS, tmp_path)
    for number in range(5):
        aws.make(token, f"it-{number}", **inputs)
    with pytest.raises(CloudError, match=error):
        aws.make(token, "one-more", **inputs)
    Account(AWS, tmp_path, {"region": "us-east-1"}).make(token, **inputs)


def test_a_quota_of_a_project_covers_all_its_regions(tmp_path: Path) -> None:
    for number in range(15):
        Account(GCP, tmp_path, {"region": f"europe-west{number % 4 + 1}"}).make(NETWORK, f"it-{number}")
    with pytest.raises(CloudError, match=r"Quota 'NETWORKS' exceeded"):
        Account(GCP, tmp_path).make(NETWORK, "one-more")
    Account(GCP, tmp_path, {"project": "another-project"}).make(NETWORK, "one-more")


def test_an_update_counts_for_no_quota(tmp_path: Path) -> None:
    aws = Account(AWS, tmp_path)
    vpcs = [aws.make("aws:ec2/vpc:Vpc", f"it-{number}", cidrBlock="10.0.0.0/16") for number in range(5)]
    aws.update("aws:ec2/vpc:Vpc", vpcs[0], enableDnsHostnames=True)


def test_one_deletion_removes_a_grant_for_all_its_creators(tmp_path: Path) -> None:
    gcp = Account(GCP, tmp_path)
    grant = {"project": "my-project", "role": "roles/viewer", "member": "group:sre@example.com"}
    first, second = gcp.make(MEMBER, "one", **grant), gcp.make(MEMBER, "two", **grant)
    assert first.id == second.id
    gcp.delete(MEMBER, first)
    assert gcp.cloud.read(MEMBER, second.id, second.inputs) is None


def test_a_provider_retries_until_a_new_role_is_known_everywhere(tmp_path: Path) -> None:
    aws = Account(AWS, tmp_path)
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = aws.cloud.create(ROLE, {"name": "late", "assumeRolePolicy": trust}, pace=Pace(propagation_seconds=1.0))
    start = time.monotonic()
    policy = {"role": role.outputs["name"], "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    aws.make("aws:iam/rolePolicyAttachment:RolePolicyAttachment", **policy)
    assert time.monotonic() - start > 0.5, "it was not known at first"


def test_a_resource_that_is_not_known_everywhere_is_missing_where_no_provider_retries(tmp_path: Path) -> None:
    aws = Account(AWS, tmp_path)
    vpc = aws.cloud.create("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, pace=Pace(propagation_seconds=0.5))
    subnet = {"vpcId": vpc.id, "cidrBlock": "10.0.0.0/24", "availabilityZone": "eu-west-1a"}
    with pytest.raises(CloudError, match=r"InvalidVpcID\.NotFound.*not known everywhere yet"):
        aws.make("aws:ec2/subnet:Subnet", **subnet)
    time.sleep(0.5)
    aws.make("aws:ec2/subnet:Subnet", **subnet)


def test_a_new_identity_gets_a_role_at_once_only_as_a_service_principal(tmp_path: Path) -> None:
    azure = Account(AZURE, tmp_path)
    azure.make(on_azure.GROUP, **on_azure.RG)
    checked, _ = azure.cloud.check(on_azure.IDENTITY, Naming("it"), {}, {**on_azure.RG, "resourceName": "cluster"})
    identity = azure.cloud.create(on_azure.IDENTITY, checked, pace=Pace(propagation_seconds=60.0))
    assignment = {
        "scope": azure.existing()[0],
        "roleAssignmentName": "00000001-0000-4000-8000-000000000000",
        "principalId": identity.outputs["principalId"],
        "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/4d97b98b-1d4f-4787-a291-c67834d212e7",
    }
    with pytest.raises(CloudError, match="PrincipalNotFound"):
        azure.make(on_azure.ASSIGNMENT, **assignment)
    azure.make(on_azure.ASSIGNMENT, **assignment, principalType="ServicePrincipal")
