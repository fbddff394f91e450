"""The simulated AKS refuses what the real one refuses: overlapping operations, wrong names, rights that are too new."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.clouds.azure import DIALECT
from sandbox.clouds.core.crud import Naming, ResourceState
from sandbox.clouds.core.model import CloudError
from tests.sandbox.clouds import test_azure as on_azure
from tests.sandbox.clouds.doubles import SUBSCRIPTION, Account

ZONE = "azure-native:privatedns:PrivateZone"
VAULT = "azure-native:keyvault:Vault"
KEY = "azure-native:keyvault:Key"
CRYPTO_USER = "12338af0-0e69-4776-bea7-57ae8d297424"
VAULT_PROPERTIES = {"tenantId": SUBSCRIPTION, "sku": {"family": "A", "name": "standard"}}


@pytest.fixture
def azure(tmp_path: Path) -> Account:
    account = Account(DIALECT, tmp_path)
    account.make(on_azure.GROUP, **on_azure.RG)
    return account


def make_pool(azure: Account, name: str) -> ResourceState:
    pool = {"resourceName": "prod", "agentPoolName": name, "vmSize": "Standard_D4ds_v5", "count": 1}
    return azure.make(on_azure.AGENT_POOL, **on_azure.RG, **pool)


def outcomes(*calls: Callable[[], object]) -> list[str]:
    """The errors of calls that start together, and "" for each that succeeds."""

    def outcome(call: Callable[[], object]) -> str:
        try:
            call()
        except CloudError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(len(calls)) as executor:
        return sorted(executor.map(outcome, calls))


def test_a_cluster_refuses_a_second_operation_while_one_runs(azure: Account) -> None:
    on_azure.make_cluster(azure)
    done, refused = outcomes(lambda: make_pool(azure, "general1"), lambda: make_pool(azure, "general2"))
    assert done == ""
    assert "OperationNotAllowed: Operation is not allowed because there's an in progress create AgentPool" in refused


def test_operations_one_after_the_other_are_fine(azure: Account) -> None:
    on_azure.make_cluster(azure)
    pools = [make_pool(azure, name) for name in ("general1", "general2")]
    for pool in pools:
        azure.delete(on_azure.AGENT_POOL, pool)


def test_deletions_overlap_no_better_than_creations(azure: Account) -> None:
    on_azure.make_cluster(azure)
    first, second = make_pool(azure, "general1"), make_pool(azure, "general2")
    done, refused = outcomes(
        lambda: azure.delete(on_azure.AGENT_POOL, first), lambda: azure.delete(on_azure.AGENT_POOL, second)
    )
    assert (done, "OperationNotAllowed" in refused) == ("", True)


def test_an_operation_whose_process_died_does_not_block_the_cluster(azure: Account) -> None:
    cluster = on_azure.make_cluster(azure)
    with azure.store._connect() as db:
        db.execute("INSERT INTO operation VALUES (?, 'create AgentPool', 2147483646)", (cluster.id.lower(),))
    make_pool(azure, "general1")


@pytest.mark.parametrize(
    ("integrated", "name"),
    [(True, "prod.privatelink.westeurope"), (True, "private.eastus"), (False, "private.westeurope")],
)
def test_a_private_zone_of_another_name_is_refused(azure: Account, integrated: bool, name: str) -> None:
    zone = azure.make(ZONE, **on_azure.RG, privateZoneName=f"{name}.azmk8s.io", location="global")
    access = {"enablePrivateCluster": True, "enableVnetIntegration": integrated, "privateDNSZone": zone.id}
    with pytest.raises(CloudError, match="InvalidPrivateDNSZone"):
        on_azure.make_cluster(azure, apiServerAccessProfile=access)


@pytest.mark.parametrize("machine", ["Standard_D2s_v5", "Standard_B4ms"])
def test_a_system_pool_wants_four_cpus_and_no_burstable_machine(azure: Account, machine: str) -> None:
    system = {"name": "system", "mode": "System", "count": 3, "vmSize": machine}
    with pytest.raises(CloudError, match="system node pools require at least 4 vCPUs"):
        on_azure.make_cluster(azure, agentPoolProfiles=[system])


def test_a_deleted_key_vault_keeps_its_name(azure: Account) -> None:
    vault = azure.make(VAULT, **on_azure.RG, vaultName="kv-prod", properties=VAULT_PROPERTIES)
    azure.delete(VAULT, vault)
    with pytest.raises(CloudError, match="already exists in deleted state"):
        azure.make(VAULT, **on_azure.RG, vaultName="kv-prod", properties=VAULT_PROPERTIES)
    azure.make(VAULT, "kv-prod", **on_azure.RG, properties=VAULT_PROPERTIES)


def test_aks_does_not_know_of_a_right_that_is_seconds_old(azure: Account) -> None:
    identity = azure.make(on_azure.IDENTITY, **on_azure.RG, resourceName="cluster")
    vault = azure.make(VAULT, **on_azure.RG, vaultName="kv-prod", properties=VAULT_PROPERTIES)
    key = azure.make(KEY, **on_azure.RG, vaultName="kv-prod", keyName="etcd", properties={"kty": "RSA"})
    assignment = {
        "scope": vault.id,
        "principalId": identity.outputs["principalId"],
        "principalType": "ServicePrincipal",
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{CRYPTO_USER}",
    }
    # Not by `Account.make`, which lets no time pass between a creation and the whole cloud's knowledge of it.
    checked, _ = azure.cloud.check(on_azure.ASSIGNMENT, Naming("it"), {}, assignment)
    azure.cloud.create(on_azure.ASSIGNMENT, checked)
    with pytest.raises(CloudError, match="AzureKeyVaultKmsValidateIdentityPermissionFailed"):
        on_azure.make_cluster(
            azure,
            identity={"type": "UserAssigned", "userAssignedIdentities": [identity.id]},
            securityProfile={"azureKeyVaultKms": {"enabled": True, "keyId": key.outputs["keyUriWithVersion"]}},
        )


def make_scaled_pool(azure: Account, count: int) -> ResourceState:
    """A pool of one to five nodes that the autoscaler has brought to a count."""
    on_azure.make_cluster(azure)
    pool = {"resourceName": "prod", "agentPoolName": "general1", "vmSize": "Standard_D4ds_v5", "mode": "User"}
    scaling = {"enableAutoScaling": True, "minCount": 1, "maxCount": 5}
    resource = azure.make(on_azure.AGENT_POOL, **on_azure.RG, **pool, **scaling, count=1)
    with azure.store.transaction() as tx:
        (row,) = tx.of_type(on_azure.AGENT_POOL, "")
        tx.save(row.uid, row.inputs, row.outputs | {"count": count}, row.usable_from)
    return resource


@pytest.mark.parametrize("edit", [{"tags": {"a": "b"}}, {"minCount": 2}, {"maxCount": 4}])
def test_a_count_from_before_the_autoscaler_is_refused_with_any_edit(azure: Account, edit: dict[str, object]) -> None:
    pool = make_scaled_pool(azure, 3)
    with pytest.raises(CloudError, match="Cannot manually scale AgentPool 'general1'"):
        azure.update(on_azure.AGENT_POOL, pool, **edit)
    assert azure.update(on_azure.AGENT_POOL, pool, **edit, count=3).outputs["count"] == 3


def test_a_higher_minimum_adds_nodes_and_a_lower_maximum_takes_none(azure: Account) -> None:
    pool = make_scaled_pool(azure, 3)
    pool = azure.update(on_azure.AGENT_POOL, pool, count=3, maxCount=2)
    assert pool.outputs["count"] == 3
    pool = azure.update(on_azure.AGENT_POOL, pool, count=3, minCount=4, maxCount=5)
    assert pool.outputs["count"] == 4
    assert len(azure.clusters.pools[f"azure/{SUBSCRIPTION}/rg/prod", "general1"]) == 4


def test_a_read_shows_all_pools_in_the_cluster_and_the_autoscalers_count(azure: Account) -> None:
    pool = make_scaled_pool(azure, 3)
    cluster_id = pool.id.rsplit("/agentPools/", 1)[0]
    cluster, shown = (
        azure.cloud.read(on_azure.CLUSTER, cluster_id, {}),
        azure.cloud.read(on_azure.AGENT_POOL, pool.id, {}),
    )
    assert cluster is not None
    assert shown is not None
    for properties in (cluster.inputs, cluster.outputs):
        assert [(p["name"], p["count"]) for p in properties["agentPoolProfiles"]] == [("system", 2), ("general1", 3)]
    assert shown.inputs["count"] == 3


def test_an_update_of_the_cluster_adds_no_pool(azure: Account) -> None:
    cluster = on_azure.make_cluster(azure)
    pools = [
        *cluster.inputs["agentPoolProfiles"],
        {"name": "more", "mode": "User", "count": 1, "vmSize": "Standard_D4ds_v5"},
    ]
    with pytest.raises(CloudError, match="A new agent pool was introduced"):
        azure.update(on_azure.CLUSTER, cluster, agentPoolProfiles=pools)
