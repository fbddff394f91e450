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
POD_IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ZONE = "azure-native:privatedns:PrivateZone"


def test_an_addon_whose_pods_need_nodes_waits_for_them_in_vain(tmp_path: Path) -> None:
    aws = Account(AWS, tmp_path)
    _, subnets, _ = on_aws.make_cluster(aws)
    aws.make(ADDON, clusterName="prod", addonName="kube-proxy")
    with pytest.raises(CloudError, match=r"DEGRADED.*InsufficientNumberOfReplicas"):
        aws.make(ADDON, clusterName="prod", addonName="coredns")
    on_aws.make_node_group(aws, subnets)
    aws.make(ADDON, clusterName="prod", addonName="coredns")


def test_nodes_join_only_with_the_daemon_sets_that_make_them_ready(tmp_path: Path) -> None:
    aws = Account(AWS, tmp_path)
    _, subnets, _ = on_aws.make_cluster(aws, bootstrapSelfManagedAddons=False)
    role = on_aws.make_role(aws, "pods.eks.amazonaws.com")
    association = {"namespace": "kube-system", "serviceAccount": "aws-node", "roleArn": role.outputs["arn"]}
    aws.make(POD_IDENTITY, clusterName="prod", **association)
    for missing, addon in (
        ("no network plugin", "vpc-cni"),
        ("without kube-proxy", "kube-proxy"),
        ("without the Pod Identity agent", "eks-pod-identity-agent"),
    ):
        with pytest.raises(CloudError, match=f"NodeCreationFailure.*{missing}"):
            on_aws.make_node_group(aws, subnets)
        aws.make(ADDON, clusterName="prod", addonName=addon)
    on_aws.make_node_group(aws, subnets)


def test_nodes_join_only_with_their_policies_and_a_way_out(tmp_path: Path) -> None:
    aws = Account(AWS, tmp_path)
    _, subnets, _ = on_aws.make_cluster(aws)
    role = on_aws.make_role(aws, "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
    with pytest.raises(CloudError, match=r"NodeCreationFailure.*may not pull the images"):
        on_aws.make_node_group(aws, subnets, nodeRoleArn=role.outputs["arn"])
    closed = aws.make(on_aws.SUBNET, vpcId=subnets[0].inputs["vpcId"], cidrBlock="10.0.9.0/24")
    with pytest.raises(CloudError, match=rf"NodeCreationFailure.*{closed.id} has no route to the internet"):
        on_aws.make_node_group(aws, [closed])
    on_aws.make_node_group(aws, subnets)


def test_a_cluster_whose_role_has_lost_its_policy_leaves_its_vpc_behind(tmp_path: Path) -> None:
    aws = Account(AWS, tmp_path)
    cluster, _, role = on_aws.make_cluster(aws)
    arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
    attachment = aws.cloud.read(on_aws.ATTACHMENT, f"{role.id}/{arn}", {"role": role.id, "policyArn": arn})
    assert attachment is not None
    aws.delete(on_aws.ATTACHMENT, attachment)
    aws.delete(on_aws.CLUSTER, cluster)
    left = cluster.outputs["vpcConfig"]["clusterSecurityGroupId"]
    with aws.store.reading() as tx:
        (group,) = [row for row in tx.all() if row.id == left]
        vpc = tx.by_handle(on_aws.VPC, group.scope, cluster.outputs["vpcConfig"]["vpcId"])
        assert vpc is not None
        assert group.uid in [holder.uid for holder, _ in tx.holders(vpc.uid)], "the VPC cannot be deleted"


def test_a_cluster_takes_no_zone_that_eks_refuses(tmp_path: Path) -> None:
    aws = Account(AWS, tmp_path, {"region": "us-east-1"})
    vpc = aws.make(on_aws.VPC, cidrBlock="10.0.0.0/16")
    role = on_aws.make_role(aws, "eks.amazonaws.com", "AmazonEKSClusterPolicy")
    subnets = [
        aws.make(on_aws.SUBNET, vpcId=vpc.id, cidrBlock=f"10.0.{number}.0/24", availabilityZoneId=f"use1-az{number}")
        for number in (2, 3, 4)
    ]
    wanted = {"name": "prod", "roleArn": role.outputs["arn"]}
    with pytest.raises(CloudError, match=r"UnsupportedAvailabilityZoneException.*use1-az3"):
        aws.make(on_aws.CLUSTER, vpcConfig={"subnetIds": [subnet.id for subnet in subnets]}, **wanted)
    aws.make(on_aws.CLUSTER, vpcConfig={"subnetIds": [subnets[0].id, subnets[2].id]}, **wanted)


def test_a_zones_letter_is_an_accounts_own(tmp_path: Path) -> None:
    names = set()
    for account in ("123456789012", "123456789013"):
        aws = Account(AWS, tmp_path / account, {"allowedAccountIds": [account]})
        vpc = aws.make(on_aws.VPC, cidrBlock="10.0.0.0/16")
        subnet = aws.make(on_aws.SUBNET, vpcId=vpc.id, cidrBlock="10.0.1.0/24", availabilityZoneId="euw1-az1")
        names.add(subnet.outputs["availabilityZone"])
    assert len(names) == 2


def test_nodes_are_never_ahead_of_their_control_plane(tmp_path: Path) -> None:
    for name in ("aws", "gcp", "azure"):
        (tmp_path / name).mkdir()
    aws = Account(AWS, tmp_path / "aws")
    _, subnets, _ = on_aws.make_cluster(aws, version="1.35")
    with pytest.raises(CloudError, match="must not be greater than cluster version"):
        on_aws.make_node_group(aws, subnets, version="1.36")
    on_aws.make_node_group(aws, subnets, version="1.35")

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
