"""A region on Google Cloud: the order of its life, the names that can come again, and the disks of its nodes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet import Region
from tests.components.recording import FLEET, record, recorded

REGIONS = [name for name, region in FLEET.regions.items() if region.settings.cloud == "gcp"]
PRODUCTION = "prod-gcp-europe-west4"
CLUSTER, POOL, PLAN = (
    "gcp:container/cluster:Cluster",
    "gcp:container/nodePool:NodePool",
    "gcp:gkebackup/backupPlan:BackupPlan",
)
OUTLIVE = {
    "gcp:compute/network:Network",
    "gcp:compute/routerNat:RouterNat",
    "gcp:compute/router:Router",
    "gcp:compute/subnetwork:Subnetwork",
    "gcp:kms/cryptoKey:CryptoKey",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
    "gcp:projects/iAMMember:IAMMember",
    "gcp:projects/service:Service",
    "gcp:projects/serviceIdentity:ServiceIdentity",
    "gcp:serviceaccount/account:Account",
}


def changed(name: str, **settings: object) -> Region:
    """A shipped region with other settings."""
    region = FLEET.regions[name]
    return replace(region, settings=region.settings.model_copy(update=settings))


@pytest.mark.parametrize("name", REGIONS)
def test_network_key_and_roles_are_there_before_cluster_and_nodes_and_after_them(name: str) -> None:
    region = recorded(name)
    for resource in (*region.of(CLUSTER), *region.of(POOL)):
        assert region.created_before(resource) >= OUTLIVE


@pytest.mark.parametrize("name", REGIONS)
def test_google_clouds_agent_is_made_before_it_gets_a_grant_and_after_its_api_is_on(name: str) -> None:
    region = recorded(name)
    (grant,) = region.of("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember")
    (agent,) = region.of("gcp:projects/serviceIdentity:ServiceIdentity")
    assert agent.urn in grant.dependencies
    assert region.created_before(agent) == {"gcp:projects/service:Service"}


def test_names_that_google_cloud_keeps_are_generated() -> None:
    region = recorded(PRODUCTION)
    for kind in ("gcp:kms/keyRing:KeyRing", "gcp:kms/cryptoKey:CryptoKey", PLAN):
        assert "name" not in region.one(kind)


def test_a_backup_plan_outlives_its_region_and_makes_no_backup_of_the_next_one() -> None:
    (plan,) = recorded(PRODUCTION).of(PLAN)
    assert plan.retained
    assert plan.protect
    assert plan.inputs["backupSchedule"]["paused"] is False
    leaving = record(changed(PRODUCTION, suspended=True, protect=False))
    assert leaving.one(PLAN)["backupSchedule"]["paused"] is True
    restored = record(changed(PRODUCTION, suspended=True))
    assert restored.one(PLAN)["backupSchedule"]["paused"] is False


@pytest.mark.parametrize("name", REGIONS)
def test_three_nodes_and_the_first_pool_fit_into_a_new_projects_250_gb_of_ssd(name: str) -> None:
    region = recorded(name)
    assert region.one(CLUSTER)["nodeConfig"]["diskType"] == "pd-standard"
    assert region.one(CLUSTER)["nodeConfig"]["machineType"] == "e2-small"
    assert all(3 * pool.inputs["nodeConfig"]["diskSizeGb"] <= 250 for pool in region.of(POOL))


def test_the_clusters_identity_is_an_address_that_no_later_cluster_has() -> None:
    region = recorded(PRODUCTION)
    assert region.cluster["identity"] == region.cluster["endpoint"]
