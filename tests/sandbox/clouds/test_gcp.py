"""The simulated Google Cloud gives the shapes that Google's API gives, and has its refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.clouds.core.crud import ResourceState
from sandbox.clouds.core.model import CloudError
from sandbox.clouds.gcp import DIALECT
from sandbox.clouds.gcp.identity import robot
from sandbox.clouds.gcp.patches import patch_clusters
from tests.sandbox.clouds.doubles import Account

NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
SERVICE = "gcp:projects/service:Service"
MEMBER = "gcp:projects/iAMMember:IAMMember"
ACCOUNT = "gcp:serviceaccount/account:Account"
CLUSTER = "gcp:container/cluster:Cluster"
NODE_POOL = "gcp:container/nodePool:NodePool"
PLAN = "gcp:gkebackup/backupPlan:BackupPlan"


@pytest.fixture
def gcp(tmp_path: Path) -> Account:
    return Account(DIALECT, tmp_path)


def make_cluster(gcp: Account, **inputs: Any) -> ResourceState:
    defaults = {"name": "prod", "location": "europe-west4", "initialNodeCount": 1, "removeDefaultNodePool": True}
    return gcp.make(CLUSTER, **(defaults | inputs))


def test_ids_self_links_and_labels_have_googles_shapes(gcp: Account) -> None:
    network = gcp.make(NETWORK, name="net", autoCreateSubnetworks=False)
    assert network.id == "projects/my-project/global/networks/net"
    assert network.outputs["selfLink"].endswith("/compute/v1/projects/my-project/global/networks/net")
    cluster = make_cluster(gcp, resourceLabels={"a": "b"})
    assert cluster.id == "projects/my-project/locations/europe-west4/clusters/prod"
    assert cluster.outputs["pulumiLabels"] == {"fleet": "test", "a": "b"}
    assert cluster.outputs["effectiveLabels"] == {"goog-pulumi-provisioned": "true", "fleet": "test", "a": "b"}


def test_a_clusters_endpoint_has_no_scheme(gcp: Account) -> None:
    cluster = make_cluster(gcp, privateClusterConfig={"enablePrivateNodes": True})
    assert cluster.outputs["endpoint"] == "127.0.0.1:40001"
    assert cluster.outputs["privateClusterConfig"]["privateEndpoint"] == "127.0.0.1:40001"
    assert cluster.outputs["masterAuth"]["clusterCaCertificate"] == "UEVN"


def test_a_network_is_found_by_name_path_and_self_link(gcp: Account) -> None:
    network = gcp.make(NETWORK, name="net", autoCreateSubnetworks=False)
    for index, reference in enumerate(("net", network.id, network.outputs["selfLink"])):
        gcp.make(SUBNETWORK, name=f"s{index}", network=reference, ipCidrRange=f"10.{index}.0.0/20")
    with pytest.raises(CloudError, match="projects/my-project/global/networks/other' was not found"):
        gcp.make(SUBNETWORK, name="x", network="other", ipCidrRange="10.9.0.0/20")


def test_a_network_with_subnetworks_stays(gcp: Account) -> None:
    network = gcp.make(NETWORK, name="net", autoCreateSubnetworks=False)
    gcp.make(SUBNETWORK, name="s", network="net", ipCidrRange="10.0.0.0/20")
    with pytest.raises(CloudError, match="is already being used by"):
        gcp.delete(NETWORK, network)


def test_ranges_of_one_network_do_not_overlap(gcp: Account) -> None:
    gcp.make(NETWORK, name="net", autoCreateSubnetworks=False)
    pods = [{"rangeName": "pods", "ipCidrRange": "10.4.0.0/14"}]
    gcp.make(SUBNETWORK, name="a", network="net", ipCidrRange="10.0.0.0/20", secondaryIpRanges=pods)
    with pytest.raises(CloudError, match="Invalid IPCidrRange"):
        gcp.make(SUBNETWORK, name="b", network="net", ipCidrRange="10.5.0.0/20")


def test_a_subnetwork_grows_in_place_and_is_replaced_when_it_shrinks(gcp: Account) -> None:
    gcp.make(NETWORK, name="net", autoCreateSubnetworks=False)
    subnetwork = gcp.make(SUBNETWORK, name="a", network="net", ipCidrRange="10.0.0.0/20")
    assert gcp.changes(SUBNETWORK, subnetwork, ipCidrRange="10.0.0.0/19") == {"ipCidrRange": False}
    assert gcp.changes(SUBNETWORK, subnetwork, ipCidrRange="10.0.0.0/21") == {"ipCidrRange": True}


def test_a_service_may_be_enabled_twice_and_goes_with_the_last_deletion(gcp: Account) -> None:
    services = [gcp.make(SERVICE, service="container.googleapis.com") for _ in range(2)]
    gcp.delete(SERVICE, services[0])
    assert gcp.existing() == ["my-project/container.googleapis.com"]
    gcp.delete(SERVICE, services[1])
    assert gcp.existing() == []


def test_a_grant_needs_its_service_account(gcp: Account) -> None:
    member = "serviceAccount:prod-nodes@my-project.iam.gserviceaccount.com"
    grant = {"project": "my-project", "role": "roles/logging.logWriter", "member": member}
    with pytest.raises(CloudError, match=r"Service account prod-nodes@.* does not exist"):
        gcp.make(MEMBER, **grant)
    assert gcp.make(ACCOUNT, accountId="prod-nodes").outputs["member"] == member
    gcp.make(MEMBER, **grant)


def test_grants_of_two_accounts_to_one_identity_are_two(gcp: Account) -> None:
    member = "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/p/subject/s"
    for name in ("one-account", "two-account"):
        account = gcp.make("gcp:serviceaccount/account:Account", accountId=name)
        grant = {
            "serviceAccountId": account.outputs["name"],
            "role": "roles/iam.workloadIdentityUser",
            "member": member,
        }
        binding = gcp.make("gcp:serviceaccount/iAMMember:IAMMember", **grant)
        assert binding.outputs["serviceAccountId"] == account.outputs["name"]
    assert len([id_ for id_ in gcp.existing() if id_.endswith(member)]) == 2


def test_a_cluster_is_protected_unless_the_program_says_otherwise(gcp: Account) -> None:
    cluster = make_cluster(gcp)
    with pytest.raises(CloudError, match="deletion_protection is set to true"):
        gcp.delete(CLUSTER, cluster)
    gcp.delete(CLUSTER, gcp.update(CLUSTER, cluster, deletionProtection=False))
    assert gcp.existing() == []


def test_a_cluster_encrypts_only_with_a_key_that_its_robot_may_use(gcp: Account) -> None:
    ring = gcp.make("gcp:kms/keyRing:KeyRing", name="ring", location="europe-west4")
    key = gcp.make("gcp:kms/cryptoKey:CryptoKey", name="key", keyRing=ring.id)
    encryption = {"state": "ENCRYPTED", "keyName": key.id}
    with pytest.raises(CloudError, match=r"grant roles/cloudkms.cryptoKeyEncrypterDecrypter"):
        make_cluster(gcp, databaseEncryption=encryption)
    robot = gcp.make("gcp:projects/serviceIdentity:ServiceIdentity", service="container.googleapis.com")
    gcp.make(
        "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
        cryptoKeyId=key.id,
        role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
        member=robot.outputs["member"],
    )
    make_cluster(gcp, databaseEncryption=encryption)


def test_gkes_agent_gets_no_grant_before_a_call_made_it(gcp: Account) -> None:
    ring = gcp.make("gcp:kms/keyRing:KeyRing", name="ring", location="europe-west4")
    key = gcp.make("gcp:kms/cryptoKey:CryptoKey", name="key", keyRing=ring.id)
    gcp.make(SERVICE, service="container.googleapis.com")
    member = "serviceAccount:" + robot("my-project", "container.googleapis.com")
    with pytest.raises(CloudError, match=r"container-engine-robot.* does not exist"):
        gcp.make(
            "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
            cryptoKeyId=key.id,
            role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
            member=member,
        )


def test_the_names_of_key_rings_and_keys_are_not_given_again(gcp: Account) -> None:
    ring = gcp.make("gcp:kms/keyRing:KeyRing", name="ring", location="europe-west4")
    key = gcp.make("gcp:kms/cryptoKey:CryptoKey", name="key", keyRing=ring.id)
    gcp.delete("gcp:kms/cryptoKey:CryptoKey", key)
    with pytest.raises(CloudError, match=r"Error 409: CryptoKey .*/ring/cryptoKeys/key already exists"):
        gcp.make("gcp:kms/cryptoKey:CryptoKey", name="key", keyRing=ring.id)
    gcp.delete("gcp:kms/keyRing:KeyRing", ring)
    assert gcp.existing() == []
    with pytest.raises(CloudError, match=r"Error 409: KeyRing .*/keyRings/ring already exists"):
        gcp.make("gcp:kms/keyRing:KeyRing", name="ring", location="europe-west4")
    names = [gcp.make("gcp:kms/keyRing:KeyRing", "ring", location="europe-west4").id for _ in range(2)]
    assert len(set(names)) == 2


def test_a_plan_with_locked_backups_stays(gcp: Account) -> None:
    cluster = make_cluster(gcp, addonsConfig={"gkeBackupAgentConfig": {"enabled": True}})
    plan = gcp.make(
        PLAN,
        name="plan",
        location="europe-west4",
        cluster=cluster.id,
        backupSchedule={"cronSchedule": "0 3 * * *"},
        retentionPolicy={"backupDeleteLockDays": 35, "backupRetainDays": 35},
    )
    with pytest.raises(CloudError, match="locked against deletion for 35 days"):
        gcp.delete(PLAN, plan)
    unlocked = gcp.make(
        PLAN, name="b", location="europe-west4", cluster=cluster.id, backupSchedule={"cronSchedule": "0 3 * * *"}
    )
    gcp.delete(PLAN, unlocked)


def test_the_standard_scan_of_vulnerabilities_is_gone(gcp: Account) -> None:
    with pytest.raises(CloudError, match="VULNERABILITY_BASIC is no longer supported"):
        make_cluster(gcp, securityPostureConfig={"mode": "BASIC", "vulnerabilityMode": "VULNERABILITY_BASIC"})
    make_cluster(gcp, securityPostureConfig={"mode": "BASIC"})


def test_machines_of_the_fourth_generation_take_no_persistent_disk(gcp: Account) -> None:
    cluster = make_cluster(gcp)
    config = {"machineType": "n4-standard-4", "diskType": "pd-balanced"}
    with pytest.raises(CloudError, match="pd-balanced disk type cannot be used by n4-standard-4"):
        gcp.make(NODE_POOL, name="p", cluster=cluster.id, location="europe-west4", nodeConfig=config)
    config["diskType"] = "hyperdisk-balanced"
    gcp.make(NODE_POOL, name="p", cluster=cluster.id, location="europe-west4", nodeConfig=config)


@pytest.mark.parametrize(("scope", "moves"), [("NO_MINOR_UPGRADES", True), ("NO_MINOR_OR_NODE_UPGRADES", False)])
def test_google_patches_control_planes_and_nodes_unless_an_exclusion_holds_them(
    gcp: Account, scope: str, moves: bool
) -> None:
    exclusion = {"exclusionName": "x", "startTime": "2026-01-01T00:00:00Z", "exclusionOptions": {"scope": scope}}
    cluster = make_cluster(gcp, maintenancePolicy={"maintenanceExclusions": [exclusion]})
    version = cluster.outputs["masterVersion"]
    pool = gcp.make(NODE_POOL, name="p", cluster=cluster.id, location="europe-west4", version=version)
    patch_clusters(gcp.store)
    after = gcp.cloud.read(CLUSTER, cluster.id, cluster.inputs)
    nodes = gcp.cloud.read(NODE_POOL, pool.id, pool.inputs)
    assert after
    assert nodes
    assert after.outputs["masterVersion"] != version
    assert (nodes.inputs["version"] != version) is moves
    assert (
        gcp.update(CLUSTER, cluster, resourceLabels={"a": "b"}).outputs["masterVersion"]
        == after.outputs["masterVersion"]
    )


def test_a_secondary_range_has_to_exist_in_the_subnetwork(gcp: Account) -> None:
    gcp.make(NETWORK, name="net", autoCreateSubnetworks=False)
    gcp.make(SUBNETWORK, name="sub", network="net", ipCidrRange="10.0.0.0/20")
    with pytest.raises(CloudError, match='Pod secondary range "pods" not found'):
        make_cluster(gcp, subnetwork="sub", ipAllocationPolicy={"clusterSecondaryRangeName": "pods"})


def test_a_pool_has_its_nodes_in_every_zone(gcp: Account) -> None:
    make_cluster(gcp)
    autoscaling = {"minNodeCount": 2, "maxNodeCount": 3}
    pool = gcp.make(
        NODE_POOL,
        name="main",
        cluster="prod",
        location="europe-west4",
        autoscaling=autoscaling,
        nodeConfig={"machineType": "e2-standard-4"},
    )
    nodes = gcp.clusters.pools["gcp/my-project/europe-west4/prod", "main"]
    assert sorted(n.labels["topology.kubernetes.io/zone"] for n in nodes) == sorted(
        [f"europe-west4-{zone}" for zone in "abc"] * 2
    )
    assert nodes[0].cpu == "4"
    config = pool.inputs["nodeConfig"]
    bigger = gcp.changes(NODE_POOL, pool, nodeConfig=config | {"machineType": "e2-standard-8"})
    assert bigger == {"nodeConfig.machineType": False}
    assert gcp.changes(NODE_POOL, pool, nodeConfig=config | {"spot": True}) == {"nodeConfig.spot": True}


def test_the_default_pool_joins_unless_it_is_removed(gcp: Account) -> None:
    make_cluster(gcp, removeDefaultNodePool=False)
    assert len(gcp.clusters.pools["gcp/my-project/europe-west4/prod", "default-pool"]) == 3


def test_pools_go_with_their_cluster(gcp: Account) -> None:
    cluster = make_cluster(gcp, deletionProtection=False)
    gcp.make(NODE_POOL, name="main", cluster=cluster.id, location="europe-west4")
    gcp.delete(CLUSTER, cluster)
    assert (gcp.existing(), gcp.clusters.pools) == ([], {})


def test_a_pool_of_identities_is_named_by_the_projects_number_and_takes_its_providers_with_it(gcp: Account) -> None:
    pool_type, provider_type = (
        "gcp:iam/workloadIdentityPool:WorkloadIdentityPool",
        "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
    )
    inputs = {"workloadIdentityPoolId": "github", "workloadIdentityPoolProviderId": "jobs"}
    with pytest.raises(CloudError, match="404"):
        gcp.make(provider_type, **inputs)
    pool = gcp.make(pool_type, workloadIdentityPoolId="github")
    number = pool.outputs["name"].split("/")[1]
    assert number.isdigit()
    provider = gcp.make(provider_type, **inputs)
    assert provider.outputs["name"] == f"projects/{number}/locations/global/workloadIdentityPools/github/providers/jobs"
    gcp.delete(pool_type, pool)
    assert gcp.cloud.read(provider_type, provider.id, provider.inputs) is None


@pytest.mark.parametrize(
    ("hours", "days", "accepted"),
    [(4, "MO", False), (11, "MO", False), (12, "MO", True), (4, "TU,WE,TH", True), (3, "MO,TU,WE,TH", False)],
)
def test_gke_wants_48_hours_of_maintenance_in_32_days(gcp: Account, hours: int, days: str, accepted: bool) -> None:
    window = {
        "startTime": "2026-01-05T03:00:00Z",
        "endTime": f"2026-01-05T{3 + hours:02}:00:00Z",
        "recurrence": f"FREQ=WEEKLY;BYDAY={days}",
    }
    if accepted:
        make_cluster(gcp, maintenancePolicy={"recurringWindow": window})
        return
    with pytest.raises(CloudError, match="32d without 48h maintenance availability"):
        make_cluster(gcp, maintenancePolicy={"recurringWindow": window})
