"""The simulated Azure has Azure's refusals and shapes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.clouds.azure import DIALECT
from sandbox.clouds.core.crud import ResourceState
from sandbox.clouds.core.model import CloudError
from tests.sandbox.clouds.doubles import SUBSCRIPTION, Account

GROUP = "azure-native:resources:ResourceGroup"
NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
ADDRESS = "azure-native:network:PublicIPAddress"
NAT = "azure-native:network:NatGateway"
IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"
ASSIGNMENT = "azure-native:authorization:RoleAssignment"
CLUSTER = "azure-native:containerservice:ManagedCluster"
AGENT_POOL = "azure-native:containerservice:AgentPool"
CREDENTIALS = "azure-native:containerservice:listManagedCluster{}Credentials"
RG = {"resourceGroupName": "rg"}


@pytest.fixture
def azure(tmp_path: Path) -> Account:
    account = Account(DIALECT, tmp_path)
    account.make(GROUP, **RG)
    return account


def make_subnet(azure: Account) -> ResourceState:
    azure.make(NETWORK, **RG, virtualNetworkName="vn", addressSpace={"addressPrefixes": ["10.0.0.0/8"]})
    return azure.make(SUBNET, **RG, virtualNetworkName="vn", subnetName="nodes", addressPrefix="10.1.0.0/16")


def make_cluster(azure: Account, **inputs: Any) -> ResourceState:
    system = {"name": "system", "mode": "System", "count": 2, "vmSize": "Standard_D4ds_v5"}
    defaults = {
        "resourceName": "prod",
        "dnsPrefix": "prod",
        "identity": {"type": "SystemAssigned"},
        "agentPoolProfiles": [system],
        "oidcIssuerProfile": {"enabled": True},
    }
    return azure.make(CLUSTER, **RG, **(defaults | inputs))


def test_a_value_outside_of_an_enumeration_is_refused(azure: Account) -> None:
    reasons = azure.reasons(CLUSTER, **RG, identity={"type": "SystemAsigned"})
    assert "'SystemAsigned' is not one of SystemAssigned" in reasons["identity.type"]


def test_a_missing_and_an_unknown_property_are_refused_with_their_paths(azure: Account) -> None:
    reasons = azure.reasons(SUBNET, **RG, adressPrefix="10.0.0.0/24")
    assert reasons["virtualNetworkName"] == "missing required property 'virtualNetworkName'"
    assert "Did you mean 'addressPrefix'?" in reasons["adressPrefix"]


def test_ids_and_outputs_have_azures_shapes(azure: Account) -> None:
    identity = azure.make(IDENTITY, **RG, resourceName="control-plane")
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
    assert identity.id == f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/control-plane"
    assert identity.outputs["type"] == "Microsoft.ManagedIdentity/userAssignedIdentities"
    assert identity.outputs["azureApiVersion"] == DIALECT.sdk.resource(IDENTITY).api_version
    assert identity.outputs["location"] == "westeurope"
    cluster = make_cluster(azure)
    assert cluster.outputs["fqdn"] == "127.0.0.1:40001"
    assert cluster.outputs["nodeResourceGroup"] == "MC_rg_prod_westeurope"
    assert cluster.outputs["oidcIssuerProfile"]["issuerURL"].startswith("https://westeurope.oic.prod-aks.azure.com/")


def test_the_provider_makes_up_names_without_a_hyphen(azure: Account) -> None:
    assert len(azure.make(IDENTITY, "cp", **RG).outputs["name"]) == len("cp") + 8


def test_names_and_ids_ignore_case(azure: Account) -> None:
    with pytest.raises(CloudError, match="cannot create already existing resource"):
        azure.make(GROUP, resourceGroupName="RG")
    azure.make(IDENTITY, resourceGroupName="RG", resourceName="control-plane")


def test_a_resource_needs_its_group(azure: Account) -> None:
    with pytest.raises(CloudError, match="Resource group 'other' could not be found"):
        azure.make(IDENTITY, resourceGroupName="other", resourceName="control-plane")


def test_a_group_goes_with_all_that_is_in_it(azure: Account) -> None:
    subnet = make_subnet(azure)
    cluster = make_cluster(azure)
    azure.make(
        AGENT_POOL,
        **RG,
        resourceName="prod",
        agentPoolName="user",
        count=1,
        vmSize="Standard_D4ds_v5",
        vnetSubnetID=subnet.id,
    )
    assert cluster.id in azure.existing()
    azure.cloud.delete(GROUP, f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg", RG)
    assert (azure.existing(), azure.clusters.clusters, azure.clusters.pools) == ([], {}, {})


def test_a_subnet_in_use_stays(azure: Account) -> None:
    subnet = make_subnet(azure)
    pool = {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4ds_v5", "vnetSubnetID": subnet.id}
    make_cluster(azure, agentPoolProfiles=[pool])
    with pytest.raises(CloudError, match="InUseSubnetCannotBeDeleted"):
        azure.delete(SUBNET, subnet)


def test_an_address_in_use_stays(azure: Account) -> None:
    address = azure.make(ADDRESS, **RG, publicIpAddressName="ip", sku={"name": "Standard"})
    azure.make(NAT, **RG, natGatewayName="nat", publicIpAddresses=[{"id": address.id}])
    with pytest.raises(CloudError, match="PublicIPAddressCannotBeDeleted"):
        azure.delete(ADDRESS, address)


def test_a_subnet_lies_inside_its_network(azure: Account) -> None:
    make_subnet(azure)
    with pytest.raises(CloudError, match="outside the IP address range of virtual network 'vn'"):
        azure.make(SUBNET, **RG, virtualNetworkName="vn", subnetName="x", addressPrefix="192.168.0.0/24")


def test_the_same_role_is_assigned_once(azure: Account) -> None:
    identity = azure.make(IDENTITY, **RG, resourceName="control-plane")
    role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{SUBSCRIPTION}"
    grant = {"principalId": identity.outputs["principalId"], "roleDefinitionId": role, "scope": identity.id}
    grant |= {"principalType": "ServicePrincipal"}  # without it Entra may not know of the identity yet
    azure.make(ASSIGNMENT, **grant)
    with pytest.raises(CloudError, match="RoleAssignmentExists"):
        azure.make(ASSIGNMENT, **grant)


def test_networking_of_a_cluster_replaces_property_by_property(azure: Account) -> None:
    cluster = make_cluster(azure, networkProfile={"networkPlugin": "azure"})
    assert azure.changes(CLUSTER, cluster, networkProfile={"networkPlugin": "none"}) == {
        "networkProfile.networkPlugin": True
    }
    advanced = {"networkPlugin": "azure", "advancedNetworking": {"enabled": True}}
    assert azure.changes(CLUSTER, cluster, networkProfile=advanced) == {"networkProfile.advancedNetworking": False}


def test_assigned_identities_come_back_as_a_map(azure: Account) -> None:
    identity = azure.make(IDENTITY, **RG, resourceName="control-plane")
    cluster = make_cluster(azure, identity={"type": "UserAssigned", "userAssignedIdentities": [identity.id]})
    assert cluster.outputs["identity"]["userAssignedIdentities"] == {
        identity.id: {key: identity.outputs[key] for key in ("clientId", "principalId")}
    }


def test_an_identity_of_the_cluster_itself_stays_through_updates(azure: Account) -> None:
    cluster = make_cluster(azure)
    updated = azure.update(CLUSTER, cluster, tags={"a": "b"})
    assert updated.outputs["identity"] == cluster.outputs["identity"]
    assert updated.outputs["identity"]["principalId"]


def test_pools_need_a_count_and_refuse_changes_that_azure_refuses(azure: Account) -> None:
    make_cluster(azure)
    pool = {"resourceName": "prod", "agentPoolName": "user", "vmSize": "Standard_D4ds_v5", "mode": "User"}
    scaling = {"enableAutoScaling": True, "minCount": 1, "maxCount": 3}
    with pytest.raises(CloudError, match=r"Required parameter agentPoolProfile.count is missing"):
        azure.make(AGENT_POOL, **RG, **pool, **scaling)
    agent_pool = azure.make(AGENT_POOL, **RG, **pool, **scaling, count=3, availabilityZones=["1", "2", "3"])
    zones = [
        node.labels["topology.kubernetes.io/zone"]
        for node in azure.clusters.pools[f"azure/{SUBSCRIPTION}/rg/prod", "user"]
    ]
    assert zones == ["westeurope-1", "westeurope-2", "westeurope-3"]
    with pytest.raises(CloudError, match=r"Changing property 'properties.availabilityZones' is not allowed"):
        azure.update(AGENT_POOL, agent_pool, availabilityZones=["1"])
    assert azure.changes(AGENT_POOL, agent_pool, vmSize="Standard_D8ds_v5") == {"vmSize": True}


def test_listed_credentials_sign_in_through_kubelogin(azure: Account) -> None:
    make_cluster(azure)
    answer = azure.cloud.invoke(CREDENTIALS.format("User"), {**RG, "resourceName": "prod"})
    config = yaml.safe_load(base64.b64decode(answer["kubeconfigs"][0]["value"]))
    assert config["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:40001",
        "certificate-authority-data": "UEVN",
    }
    assert config["users"][0]["user"]["exec"]["command"] == "kubelogin"


def test_there_are_no_admin_credentials_without_local_accounts(azure: Account) -> None:
    make_cluster(azure, aadProfile={"managed": True}, disableLocalAccounts=True)
    with pytest.raises(CloudError, match="set to disable local accounts"):
        azure.cloud.invoke(CREDENTIALS.format("Admin"), {**RG, "resourceName": "prod"})


def test_credentials_of_a_cluster_that_is_gone_are_not_found(azure: Account) -> None:
    with pytest.raises(CloudError, match="ResourceNotFound"):
        azure.cloud.invoke(CREDENTIALS.format("User"), {**RG, "resourceName": "prod"})
