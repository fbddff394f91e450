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
    cluster = on_azure.make_cluster(azure)
    pool = make_pool(azure, "general1")
    done, refused = outcomes(
        lambda: azure.delete(on_azure.AGENT_POOL, pool), lambda: azure.delete(on_azure.CLUSTER, cluster)
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
