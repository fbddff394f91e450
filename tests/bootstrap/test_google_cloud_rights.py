"""On Google Cloud the deploy account has the rights that components/gcp/ needs, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bootstrap import gcp
from bootstrap.plan import DEPLOY
from components.gcp.cluster import APIS as COMPONENT_APIS
from components.gcp.nodes import NODE_ROLES
from tests.bootstrap.fleets import plain
from tests.components.recording import FLEET, Registered, recorded


def resources() -> Iterator[Registered]:
    """All resources of the shipped regions on Google Cloud."""
    for name, region in FLEET.regions.items():
        if region.settings.cloud == "gcp":
            yield from recorded(name).resources


def test_the_deploy_account_grants_the_components_roles_alone() -> None:
    roles = {member.inputs["role"] for member in resources() if member.type == "gcp:projects/iAMMember:IAMMember"}
    assert roles <= set(gcp.GRANTS)
    assert set(gcp.GRANTS) == {*NODE_ROLES, "roles/container.clusterViewer"}
    _, registrations = plain()
    grants = [
        member.inputs
        for member in registrations.of("gcp:projects/iAMMember:IAMMember")
        if member.inputs["role"].endswith("projectIamAdmin")
    ]
    assert len(grants) == 3
    for grant in grants:
        expression = grant["condition"]["expression"]
        assert sorted(re.findall(r"'(roles/[^']+)'", expression)) == sorted(gcp.GRANTS)
        assert expression.endswith("hasOnly(['" + "', '".join(gcp.GRANTS) + "'])")
    broad = {"roles/owner", "roles/editor", "roles/iam.serviceAccountAdmin", "roles/iam.serviceAccountTokenCreator"}
    assert not broad & {member.inputs["role"] for member in registrations.of("gcp:projects/iAMMember:IAMMember")}


GOOGLES = {
    "gcp:compute/network:Network": "compute",
    "gcp:compute/router:Router": "compute",
    "gcp:compute/routerNat:RouterNat": "compute",
    "gcp:compute/subnetwork:Subnetwork": "compute",
    "gcp:container/cluster:Cluster": "container",
    "gcp:container/nodePool:NodePool": "container",
    "gcp:gkebackup/backupPlan:BackupPlan": "gkebackup.backupPlans.create",
    "gcp:kms/cryptoKey:CryptoKey": "cloudkms.cryptoKeys.create",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": "cloudkms.cryptoKeys.setIamPolicy",
    "gcp:kms/keyRing:KeyRing": "cloudkms.keyRings.create",
    "gcp:projects/iAMMember:IAMMember": "resourcemanager",
    "gcp:projects/service:Service": "serviceusage.services.enable",
    "gcp:projects/serviceIdentity:ServiceIdentity": "serviceusage.services.generateServiceIdentity",
    "gcp:serviceaccount/account:Account": "iam.serviceAccounts.create",
}
"""Type of resource to the permission that creates it, or to the service whose administrator creates it."""


def test_the_deploy_account_may_create_each_of_the_components_resources() -> None:
    services = {role.partition("/")[2].partition(".")[0] for role in gcp.ROLES[DEPLOY]} | {"resourcemanager"}
    for resource in resources():
        if resource.type.startswith("gcp:"):
            assert GOOGLES[resource.type] in {*gcp.PERMISSIONS[DEPLOY], *services}, resource.type


def test_the_deploy_account_uses_no_key_and_deletes_no_backup() -> None:
    assert set(gcp.ROLES[DEPLOY]) == {"roles/compute.networkAdmin", "roles/container.admin"}
    for permission in gcp.PERMISSIONS[DEPLOY]:
        assert not permission.startswith(
            ("cloudkms.keyRings.setIam", "cloudkms.cryptoKeyVersions.use", "gkebackup.backups")
        )
        assert not permission.startswith("iam.") or permission.split(".")[2] not in ("setIamPolicy", "getAccessToken")
        assert permission not in ("gkebackup.backupPlans.delete", "serviceusage.services.disable")


def test_default_accounts_are_out_of_reach_in_each_project_with_regions() -> None:
    _, registrations = plain()
    accounts = registrations.of("gcp:projects/defaultServiceAccounts:DefaultServiceAccounts")
    projects = {region.settings.gcp.project for region in FLEET.regions.values() if region.settings.gcp}
    assert {account.inputs["project"] for account in accounts} >= projects
    assert {account.inputs["action"] for account in accounts} == {"DISABLE"}


def test_bootstrap_turns_on_all_apis_that_a_region_calls() -> None:
    assert {*gcp.APIS, *gcp.REGION_APIS} >= set(COMPONENT_APIS)
    _, registrations = plain()
    enabled = {
        (item.inputs["project"], item.inputs["service"]) for item in registrations.of("gcp:projects/service:Service")
    }
    assert {("example-staging", f"{api}.googleapis.com") for api in COMPONENT_APIS} <= enabled
    assert len(enabled) == len(registrations.of("gcp:projects/service:Service"))
