"""docs/reference/permissions.md shows the trust policies that the program registers."""

from __future__ import annotations

import json
import re

from bootstrap import azure, gcp
from sandbox.clouds.azure import DIALECT
from tests.bootstrap.recording import SETTINGS, shipped
from tests.bootstrap.test_building import resources_on
from tests.repository import ROOT

TEXT = (ROOT / "docs/reference/permissions.md").read_text().split("## Credentials", 1)[1]


def test_the_documents_trust_policies_are_the_registered_ones() -> None:
    on_aws, on_azure = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))
    registrations = shipped()
    role = registrations.named("aws:iam/role:Role", "aws-111122223333-regions-deploy").inputs
    assert on_aws == json.loads(role["assumeRolePolicy"])
    credential = registrations.named("azure-native:managedidentity:FederatedIdentityCredential", "azure-staging").inputs
    assert on_azure == {key: credential[key] for key in on_azure}
    provider = registrations.named("gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider", "gcp").inputs
    assert f"\n{provider['attributeCondition']}\n" in TEXT
    member = registrations.named("gcp:serviceaccount/iAMMember:IAMMember", "gcp-example-staging-deploy-staging").inputs
    assert f"\n{member['member']}\n" in TEXT


def test_numbers_and_names_in_the_document_are_the_programs() -> None:
    assert len(gcp.GRANTS) == 3
    assert "may give others three roles" in TEXT
    assert {kind: len(roles) for kind, roles in azure.GRANTS.items()} == {"Group": 3, "ServicePrincipal": 6}
    assert "may give groups three roles and service principals six" in TEXT
    assert f"s3://{SETTINGS.state.bucket('bootstrap')}?region={SETTINGS.state.region}" in TEXT


def test_the_document_registers_each_resource_provider_that_a_region_on_azure_needs() -> None:
    (names,) = re.findall(r"for namespace in (.*?); do", (ROOT / "docs/operate/bootstrap.md").read_text(), re.DOTALL)
    registered = {f"Microsoft.{name}" for name in names.replace("\\", "").split()}
    paths = [DIALECT.rules[resource.type].id for resource in resources_on("azure") if resource.type in DIALECT.rules]
    used = {name for path in paths for name in re.findall(r"providers/(Microsoft\.\w+)", str(path))}
    # Every subscription has these two: learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types.
    assert used - {"Microsoft.Authorization", "Microsoft.Resources"} <= registered
    assert {"Microsoft.Compute", "Microsoft.ContainerService", "Microsoft.Network"} <= registered
