"""The clouds' refusals that depend on the order of creation."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.clouds.aws import DIALECT as AWS
from sandbox.clouds.azure import DIALECT as AZURE
from sandbox.clouds.core.model import CloudError
from sandbox.clouds.gcp import DIALECT as GCP
from tests.sandbox.clouds import test_aws as on_aws
from tests.sandbox.clouds import test_azure as on_azure
from tests.sandbox.clouds import test_gcp as on_gcp
from tests.sandbox.clouds.doubles import SUBSCRIPTION, Account

ADDON = "aws:eks/addon:Addon"
ZONE = "azure-native:privatedns:PrivateZone"


def test_an_addon_whose_pods_need_nodes_waits_for_them_in_vain(tmp_path: Path) -> None:
    aws = Account(AWS, tmp_path)
    _, subnets, role = on_aws.make_cluster(aws)
    aws.make(ADDON, clusterName="prod", addonName="kube-proxy")
    with pytest.raises(CloudError, match=r"DEGRADED.*InsufficientNumberOfReplicas"):
        aws.make(ADDON, clusterName="prod", addonName="coredns")
    on_aws.make_node_group(aws, subnets, role)
    aws.make(ADDON, clusterName="prod", addonName="coredns")


def test_nodes_do_not_join_a_cluster_without_a_network_plugin(tmp_path: Path) -> None:
    aws = Account(AWS, tmp_path)
    _, subnets, role = on_aws.make_cluster(aws, bootstrapSelfManagedAddons=False)
    with pytest.raises(CloudError, match="NodeCreationFailure"):
        on_aws.make_node_group(aws, subnets, role)
    aws.make(ADDON, clusterName="prod", addonName="vpc-cni")
    on_aws.make_node_group(aws, subnets, role)


def test_nodes_are_never_ahead_of_their_control_plane(tmp_path: Path) -> None:
    for name in ("aws", "gcp", "azure"):
        (tmp_path / name).mkdir()
    aws = Account(AWS, tmp_path / "aws")
    _, subnets, role = on_aws.make_cluster(aws, version="1.35")
    with pytest.raises(CloudError, match="must not be greater than cluster version"):
        on_aws.make_node_group(aws, subnets, role, version="1.36")
    on_aws.make_node_group(aws, subnets, role, version="1.35")

    gcp = Account(GCP, tmp_path / "gcp")
    cluster = on_gcp.make_cluster(gcp, minMasterVersion="1.35")
    pool = {"name": "general", "cluster": cluster.id, "location": "europe-west4", "nodeCount": 1}
    with pytest.raises(CloudError, match="greater minor version than master version"):
        gcp.make(on_gcp.NODE_POOL, **pool, version="1.36.1-gke.1")
    gcp.make(on_gcp.NODE_POOL, **pool, version=cluster.outputs["masterVersion"])

    azure = Account(AZURE, tmp_path / "azure")
    azure.make(on_azure.GROUP, **on_azure.RG)
    on_azure.make_cluster(azure, kubernetesVersion="1.35")
    nodes = {
        **on_azure.RG,
        "resourceName": "prod",
        "agentPoolName": "general",
        "count": 1,
        "vmSize": "Standard_D4ds_v5",
    }
    with pytest.raises(CloudError, match="NodePoolMcVersionIncompatible"):
        azure.make(on_azure.AGENT_POOL, **nodes, orchestratorVersion="1.36")
    azure.make(on_azure.AGENT_POOL, **nodes, orchestratorVersion="1.35")


def test_an_aks_cluster_wants_its_identitys_roles_first(tmp_path: Path) -> None:
    azure = Account(AZURE, tmp_path)
    azure.make(on_azure.GROUP, **on_azure.RG)
    subnet = on_azure.make_subnet(azure)
    network = subnet.id.rsplit("/subnets/", 1)[0]
    identity = azure.make(on_azure.IDENTITY, **on_azure.RG, resourceName="cluster")
    zone = azure.make(ZONE, **on_azure.RG, privateZoneName="a.privatelink.westeurope.azmk8s.io", location="global")
    system = {"name": "system", "mode": "System", "count": 2, "vmSize": "Standard_D4ds_v5", "vnetSubnetID": subnet.id}

    def cluster() -> None:
        on_azure.make_cluster(
            azure,
            identity={"type": "UserAssigned", "userAssignedIdentities": [identity.id]},
            apiServerAccessProfile={"enablePrivateCluster": True, "privateDNSZone": zone.id},
            agentPoolProfiles=[system],
        )

    def grant(number: int, scope: str, role: str) -> None:
        azure.make(
            on_azure.ASSIGNMENT,
            scope=scope,
            roleAssignmentName=f"{number:08d}-0000-4000-8000-000000000000",
            principalId=identity.outputs["principalId"],
            principalType="ServicePrincipal",
            roleDefinitionId=f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
        )

    with pytest.raises(CloudError, match="CustomPrivateDNSZoneMissingPermissionError"):
        cluster()
    grant(1, zone.id, "b12aa53e-6015-4669-85d0-8515ebb3ae7f")
    with pytest.raises(CloudError, match="LinkedAuthorizationFailed"):
        cluster()
    grant(2, network, "4d97b98b-1d4f-4787-a291-c67834d212e7")
    cluster()
    assert SUBSCRIPTION in zone.id
