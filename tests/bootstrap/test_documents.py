"""docs/reference/permissions.md shows the trust policies that the program registers."""

from __future__ import annotations

import json
import re

from bootstrap import azure, gcp
from tests.bootstrap.recording import SETTINGS, shipped
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
    assert len(azure.GRANTS) == 9
    assert "may give others nine roles" in TEXT
    assert f"s3://{SETTINGS.state.bucket('bootstrap')}?region={SETTINGS.state.region}" in TEXT
