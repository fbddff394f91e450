"""The simulated AWS has AWS's refusals and shapes."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.clouds.aws import DIALECT
from sandbox.clouds.core.crud import Naming, ResourceState
from sandbox.clouds.core.model import CloudError
from sandbox.provider_sdk.values import UNKNOWN
from tests.sandbox.clouds.doubles import Account

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ADDON = "aws:eks/addon:Addon"
ACCESS_ENTRY = "aws:eks/accessEntry:AccessEntry"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
ROUTE = "aws:ec2/route:Route"
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


@pytest.fixture
def aws(tmp_path: Path) -> Account:
    return Account(DIALECT, tmp_path)


def trust(service: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}}]}


def make_role(aws: Account, service: str, *policies: str) -> ResourceState:
    role = aws.make(ROLE, assumeRolePolicy=trust(service))
    for policy in policies:
        aws.make(ATTACHMENT, role=role.id, policyArn=f"arn:aws:iam::aws:policy/{policy}")
    return role


def make_subnets(aws: Account) -> list[ResourceState]:
    """A VPC's subnets in three zones, with a way out."""
    vpc = aws.make(VPC, cidrBlock="10.0.0.0/16")
    subnets = [
        aws.make(SUBNET, vpcId=vpc.id, cidrBlock=f"10.0.{i}.0/24", availabilityZone=f"eu-west-1{zone}")
        for i, zone in enumerate("abc")
    ]
    table, gateway = aws.make("aws:ec2/routeTable:RouteTable", vpcId=vpc.id), aws.make(GATEWAY, vpcId=vpc.id)
    aws.make(ROUTE, routeTableId=table.id, destinationCidrBlock="0.0.0.0/0", gatewayId=gateway.id)
    for subnet in subnets:
        aws.make("aws:ec2/routeTableAssociation:RouteTableAssociation", subnetId=subnet.id, routeTableId=table.id)
    return subnets


def make_cluster(aws: Account, **inputs: Any) -> tuple[ResourceState, list[ResourceState], ResourceState]:
    subnets = make_subnets(aws)
    role = make_role(aws, "eks.amazonaws.com", "AmazonEKSClusterPolicy")
    defaults = {"name": "prod", "roleArn": role.outputs["arn"], "vpcConfig": {"subnetIds": [s.id for s in subnets]}}
    return aws.make(CLUSTER, **(defaults | inputs)), subnets, role


def make_node_group(aws: Account, subnets: list[ResourceState], **inputs: Any) -> ResourceState:
    role = make_role(aws, "ec2.amazonaws.com", *NODE_POLICIES) if "nodeRoleArn" not in inputs else None
    defaults = {
        "clusterName": "prod",
        "nodeGroupName": "main",
        **({"nodeRoleArn": role.outputs["arn"]} if role else {}),
        "subnetIds": [s.id for s in subnets],
        "instanceTypes": ["m6i.large"],
        "scalingConfig": {"minSize": 1, "desiredSize": 4, "maxSize": 6},
    }
    return aws.make(NODE_GROUP, **(defaults | inputs))


def test_an_unknown_property_is_refused_with_its_path_and_a_hint(aws: Account) -> None:
    reasons = aws.reasons(CLUSTER, roleArn="arn", vpcConfig={"subnetIds": ["a"], "endpointPrivate_access": True})
    assert list(reasons) == ["vpcConfig.endpointPrivate_access"]
    assert "Did you mean 'endpointPrivateAccess'?" in reasons["vpcConfig.endpointPrivate_access"]


def test_a_missing_property_is_named_as_the_provider_names_it(aws: Account) -> None:
    assert 'The argument "vpc_id" is required' in aws.reasons(SUBNET, cidrBlock="10.0.0.0/24")["vpcId"]


def test_a_value_of_the_wrong_type_is_refused_at_its_place_in_a_list(aws: Account) -> None:
    reasons = aws.reasons(CLUSTER, roleArn="arn", vpcConfig={"subnetIds": ["a", 7]})
    assert "Expected string type, got number type" in reasons["vpcConfig.subnetIds[1]"]


def test_unknown_values_of_a_preview_pass_the_check(aws: Account) -> None:
    assert aws.reasons(SUBNET, vpcId=UNKNOWN, tags={"a": UNKNOWN}) == {}


def test_a_type_that_is_not_simulated_says_where_to_add_it(aws: Account) -> None:
    with pytest.raises(
        CloudError, match=r"aws does not simulate aws:sqs/queue:Queue yet\. Add it in sandbox/clouds/aws/"
    ):
        aws.reasons("aws:sqs/queue:Queue")


def test_outputs_have_the_shapes_that_aws_gives_them(aws: Account) -> None:
    cluster, subnets, role = make_cluster(aws)
    assert re.fullmatch(r"subnet-[0-9a-f]{17}", subnets[0].id)
    assert subnets[1].outputs["availabilityZoneId"] == "euw1-az2"
    assert role.outputs["arn"] == f"arn:aws:iam::123456789012:role/{role.id}"
    assert cluster.outputs["arn"] == "arn:aws:eks:eu-west-1:123456789012:cluster/prod"
    assert cluster.outputs["endpoint"] == "https://127.0.0.1:40001"
    assert base64.b64decode(cluster.outputs["certificateAuthority"]["data"]) == b"PEM"
    assert cluster.outputs["identities"][0]["oidcs"][0]["issuer"].startswith("https://oidc.eks.eu-west-1.")
    assert cluster.outputs["vpcConfig"]["vpcId"] == subnets[0].inputs["vpcId"]
    assert cluster.outputs["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-")


def test_every_output_of_the_sdk_comes_back_set_or_null(aws: Account) -> None:
    vpc = aws.make(VPC, cidrBlock="10.0.0.0/16")
    assert set(vpc.outputs) == DIALECT.sdk.resource(VPC).outputs


def test_default_tags_lie_under_the_resources_own(aws: Account) -> None:
    vpc = aws.make(VPC, cidrBlock="10.0.0.0/16", tags={"fleet": "mine", "a": "b"})
    assert vpc.outputs["tags"] == {"fleet": "mine", "a": "b"}
    assert aws.make(VPC, cidrBlock="10.1.0.0/16").outputs["tagsAll"] == {"fleet": "test"}
    assert vpc.outputs["tagsAll"] == {"fleet": "mine", "a": "b"}


def test_a_change_of_default_tags_updates_the_resources_that_carry_them(aws: Account, tmp_path: Path) -> None:
    vpc = aws.make(VPC, cidrBlock="10.0.0.0/16")
    other = Account(DIALECT, tmp_path, {"defaultTags": {"tags": {"fleet": "new"}}})
    assert other.changes(VPC, vpc) == {"tagsAll": False}


def test_a_generated_name_stays_and_a_program_may_set_its_own(aws: Account) -> None:
    role = aws.make(ROLE, "cluster", assumeRolePolicy=trust("eks.amazonaws.com"))
    assert re.fullmatch(r"cluster-[0-9a-f]{7}", role.outputs["name"])
    assert aws.changes(ROLE, role, name=None) == {}
    assert aws.make(ROLE, name="mine", assumeRolePolicy=trust("x")).id == "mine"


def test_the_same_seed_generates_the_same_name(aws: Account) -> None:
    names = [aws.cloud.check(ROLE, Naming("r", b"seed"), {}, {"assumeRolePolicy": "{}"})[0]["name"] for _ in range(2)]
    assert names[0] == names[1]


def test_a_taken_name_is_refused_in_its_scope_only(aws: Account, tmp_path: Path) -> None:
    aws.make(ROLE, name="mine", assumeRolePolicy=trust("x"))
    with pytest.raises(CloudError, match="EntityAlreadyExists: Role with name mine already exists"):
        aws.make(ROLE, name="mine", assumeRolePolicy=trust("x"))
    Account(DIALECT, tmp_path, {"allowedAccountIds": ["210987654321"]}).make(
        ROLE, name="mine", assumeRolePolicy=trust("x")
    )


@pytest.mark.parametrize(
    ("news", "expected"),
    [
        ({"version": "1.35"}, {"version": False}),
        ({"name": "other"}, {"name": True}),
        ({"bootstrapSelfManagedAddons": True}, {}),  # the provider's default
        ({"bootstrapSelfManagedAddons": False}, {"bootstrapSelfManagedAddons": True}),
        ({"accessConfig": {"bootstrapClusterCreatorAdminPermissions": False}}, {"accessConfig": True}),
        ({"accessConfig": {"authenticationMode": "API"}}, {"accessConfig": False}),
        ({"kubernetesNetworkConfig": {"ipFamily": "ipv6"}}, {"kubernetesNetworkConfig": True}),
        ({"tags": {"a": "b"}}, {"tags": False, "tagsAll": False}),
    ],
)
def test_a_cluster_is_replaced_by_the_same_changes_as_in_aws(
    aws: Account, news: dict[str, Any], expected: dict[str, bool]
) -> None:
    cluster, _, _ = make_cluster(aws, version="1.34")
    assert aws.changes(CLUSTER, cluster, **news) == expected


def test_subnets_of_a_cluster_change_in_place_and_their_order_is_no_change(aws: Account) -> None:
    cluster, subnets, _ = make_cluster(aws)
    ids = [s.id for s in subnets]
    assert aws.changes(CLUSTER, cluster, vpcConfig={"subnetIds": ids[::-1]}) == {}
    assert aws.changes(CLUSTER, cluster, vpcConfig={"subnetIds": ids[:2]}) == {"vpcConfig.subnetIds[2]": False}


def test_taking_encryption_away_replaces_a_cluster_and_adding_it_does_not(aws: Account) -> None:
    config = {"provider": {"keyArn": "arn"}, "resources": ["secrets"]}
    cluster, _, _ = make_cluster(aws)
    assert aws.changes(CLUSTER, cluster, encryptionConfig=config) == {"encryptionConfig": False}
    encrypted = ResourceState(cluster.id, cluster.outputs, cluster.inputs | {"encryptionConfig": config})
    assert aws.changes(CLUSTER, encrypted, encryptionConfig=None) == {"encryptionConfig": True}


def test_an_explicit_name_makes_a_replacement_delete_first(aws: Account) -> None:
    cluster, _, _ = make_cluster(aws)
    news = cluster.inputs | {"bootstrapSelfManagedAddons": False}
    assert aws.cloud.diff(CLUSTER, cluster.inputs, cluster.outputs, news)[1] is True


def test_a_reference_to_nothing_is_refused(aws: Account) -> None:
    with pytest.raises(CloudError, match=r"InvalidVpcID.NotFound: The vpc ID 'vpc-1' does not exist"):
        aws.make(SUBNET, vpcId="vpc-1", cidrBlock="10.0.0.0/24")


def test_a_subnet_lies_inside_its_vpc_and_overlaps_no_other(aws: Account) -> None:
    vpc = aws.make(VPC, cidrBlock="10.0.0.0/16")
    aws.make(SUBNET, vpcId=vpc.id, cidrBlock="10.0.0.0/20")
    with pytest.raises(CloudError, match=r"InvalidSubnet.Range"):
        aws.make(SUBNET, vpcId=vpc.id, cidrBlock="10.1.0.0/24")
    with pytest.raises(CloudError, match=r"InvalidSubnet.Conflict"):
        aws.make(SUBNET, vpcId=vpc.id, cidrBlock="10.0.15.0/24")


def test_a_vpc_with_subnets_stays(aws: Account) -> None:
    vpc = aws.make(VPC, cidrBlock="10.0.0.0/16")
    subnet = aws.make(SUBNET, vpcId=vpc.id, cidrBlock="10.0.0.0/20")
    with pytest.raises(CloudError, match="DependencyViolation"):
        aws.delete(VPC, vpc)
    aws.delete(SUBNET, subnet)
    aws.delete(VPC, vpc)
    assert aws.existing() == []


def test_a_role_with_policies_stays_unless_it_detaches_them(aws: Account) -> None:
    policy = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
    for force in (False, True):
        role = aws.make(ROLE, name="mine", assumeRolePolicy=trust("x"), forceDetachPolicies=force)
        attached = aws.make(ATTACHMENT, role="mine", policyArn=policy)
        if not force:
            with pytest.raises(CloudError, match="DeleteConflict: Cannot delete entity, must detach all policies"):
                aws.delete(ROLE, role)
            aws.delete(ATTACHMENT, attached)
        aws.delete(ROLE, role)
    assert aws.existing() == []


def test_a_cluster_starts_and_stops_a_real_one(aws: Account) -> None:
    cluster, _, _ = make_cluster(aws, version="1.34")
    assert aws.clusters.clusters == {"aws/123456789012/eu-west-1/prod": "1.34"}
    with aws.store.reading() as tx:
        row = next(r for r in tx.all() if r.id == "prod")
    assert (row.sandbox_cluster, row.endpoint) == ("aws/123456789012/eu-west-1/prod", "https://127.0.0.1:40001")
    aws.delete(CLUSTER, cluster)
    assert aws.clusters.clusters == {}


def test_a_cluster_that_does_not_start_leaves_nothing_behind(aws: Account) -> None:
    aws.clusters.broken = CloudError("the sandbox is not up")
    with pytest.raises(CloudError, match="the sandbox is not up"):
        make_cluster(aws)
    assert "prod" not in aws.existing()


def test_a_protected_cluster_stays(aws: Account) -> None:
    cluster, _, _ = make_cluster(aws, deletionProtection=True)
    with pytest.raises(CloudError, match="deletion protection is enabled"):
        aws.delete(CLUSTER, cluster)
    aws.delete(CLUSTER, aws.update(CLUSTER, cluster, deletionProtection=False))
    assert "prod" not in aws.existing()


def test_a_cluster_with_node_groups_stays_and_one_with_addons_takes_them_along(aws: Account) -> None:
    cluster, subnets, _ = make_cluster(aws)
    group = make_node_group(aws, subnets)
    aws.make(ADDON, clusterName="prod", addonName="vpc-cni")
    with pytest.raises(CloudError, match="Cluster has nodegroups attached"):
        aws.delete(CLUSTER, cluster)
    aws.delete(NODE_GROUP, group)
    aws.delete(CLUSTER, cluster)
    assert not [id_ for id_ in aws.existing() if id_.startswith("prod")]


def test_control_planes_go_up_one_minor_version_at_a_time(aws: Account) -> None:
    cluster, _, _ = make_cluster(aws, version="1.32")
    aws.update(CLUSTER, cluster, version="1.33")
    for version in ("1.34", "1.31"):
        with pytest.raises(CloudError, match="Unsupported Kubernetes minor version update"):
            aws.update(CLUSTER, cluster, version=version)


def test_nodes_spread_over_the_zones_of_the_subnets(aws: Account) -> None:
    _, subnets, _ = make_cluster(aws)
    taints = [{"key": "dedicated", "value": "x", "effect": "NO_SCHEDULE"}]
    make_node_group(aws, subnets, labels={"team": "a"}, taints=taints)
    nodes = aws.clusters.pools["aws/123456789012/eu-west-1/prod", "main"]
    zones = [node.labels["topology.kubernetes.io/zone"] for node in nodes]
    assert zones == ["eu-west-1a", "eu-west-1b", "eu-west-1c", "eu-west-1a"]
    assert nodes[0].labels["team"] == "a"
    assert nodes[0].labels["eks.amazonaws.com/nodegroup"] == "main"
    assert nodes[0].taints == [{"key": "dedicated", "value": "x", "effect": "NoSchedule"}]
    assert (nodes[0].cpu, nodes[0].memory) == ("2", "8192Mi")
    assert len({node.name for node in nodes}) == 4


def test_a_machine_type_that_aws_does_not_have_is_refused(aws: Account) -> None:
    _, subnets, _ = make_cluster(aws)
    with pytest.raises(CloudError, match="instance types do not exist"):
        make_node_group(aws, subnets, instanceTypes=["m6i.lrage"])


def test_a_launch_template_gets_a_new_version_with_each_change(aws: Account) -> None:
    template = aws.make(TEMPLATE, description="one")
    assert template.outputs["latestVersion"] == 1
    assert aws.update(TEMPLATE, template, description="two").outputs["latestVersion"] == 2


def test_access_policies_need_an_entry_of_the_principal(aws: Account) -> None:
    make_cluster(aws, accessConfig={"authenticationMode": "API"})
    principal = "arn:aws:iam::123456789012:role/admin"
    association = {
        "clusterName": "prod",
        "principalArn": principal,
        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
        "accessScope": {"type": "cluster"},
    }
    token = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
    with pytest.raises(CloudError, match="The specified principalArn could not be found"):
        aws.make(token, **association)
    aws.make(ACCESS_ENTRY, clusterName="prod", principalArn=principal)
    assert aws.make(token, **association).id == f"prod#{principal}#{association['policyArn']}"


def test_the_account_is_the_allowed_one_and_never_a_forbidden_one(aws: Account, tmp_path: Path) -> None:
    identity = aws.cloud.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})
    assert identity["accountId"] == "123456789012"
    with pytest.raises(CloudError, match="AWS account ID not allowed: 123456789012"):
        Account(DIALECT, tmp_path, {"forbiddenAccountIds": ["123456789012"]})


def test_a_preview_creates_nothing_and_knows_only_the_inputs(aws: Account) -> None:
    inputs, _ = aws.cloud.check(CLUSTER, Naming("c"), {}, {"roleArn": UNKNOWN, "vpcConfig": {"subnetIds": [UNKNOWN]}})
    outputs = aws.cloud.create(CLUSTER, inputs, preview=True).outputs
    assert (outputs["endpoint"], outputs["arn"]) == (UNKNOWN, UNKNOWN)
    assert outputs["certificateAuthority"] == {"data": UNKNOWN}
    assert outputs["name"] == inputs["name"]
    assert aws.existing() == []


def test_a_preview_of_an_update_keeps_the_outputs_that_stay(aws: Account) -> None:
    cluster, _, _ = make_cluster(aws, version="1.34")
    news = cluster.inputs | {"version": "1.35"}
    planned = aws.cloud.update(CLUSTER, cluster, news, preview=True).outputs
    assert planned["endpoint"] == cluster.outputs["endpoint"]
    assert planned["vpcConfig"] == cluster.outputs["vpcConfig"]
    assert planned["version"] == "1.35"


def test_a_deleted_resource_reads_as_gone(aws: Account) -> None:
    vpc = aws.make(VPC, cidrBlock="10.0.0.0/16")
    read = aws.cloud.read(VPC, vpc.id, vpc.inputs)
    assert read is not None
    assert read.outputs == vpc.outputs
    aws.delete(VPC, vpc)
    assert aws.cloud.read(VPC, vpc.id, vpc.inputs) is None
    aws.delete(VPC, vpc)


BUCKET = "aws:s3/bucket:Bucket"


@pytest.mark.parametrize(
    ("kind", "inputs", "error"),
    [
        ("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "state-of-it"}, "MalformedPolicy: Invalid principal in policy"),
        ("aws:kms/key:Key", {}, "MalformedPolicyDocumentException: .* invalid principals"),
    ],
)
def test_a_policy_names_only_existing_roles_of_any_account(
    tmp_path: Path, kind: str, inputs: dict[str, str], error: str
) -> None:
    aws, other = Account(DIALECT, tmp_path), Account(DIALECT, tmp_path, {"allowedAccountIds": ["999988887777"]})
    aws.make(BUCKET, bucket="state-of-it")
    arn = "arn:aws:iam::999988887777:role/deploy"
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Principal": {"AWS": [arn]}}]}
    with pytest.raises(CloudError, match=f"{error}: {arn}"):
        aws.make(kind, policy=policy, **inputs)
    other.make(ROLE, name="deploy", assumeRolePolicy=trust("ec2.amazonaws.com"))
    aws.make(kind, policy=policy, **inputs)


def test_a_bucket_with_objects_stays_and_its_settings_go_with_it(aws: Account) -> None:
    bucket = aws.make(BUCKET, bucket="state-of-it")
    enabled = {"versioningConfiguration": {"status": "Enabled"}}
    aws.make("aws:s3/bucketVersioning:BucketVersioning", bucket="state-of-it", **enabled)
    with pytest.raises(CloudError, match="already exists"):
        aws.make("aws:s3/bucketVersioning:BucketVersioning", bucket="state-of-it", **enabled)
    document = aws.make("aws:s3/bucketObjectv2:BucketObjectv2", bucket="state-of-it", key="a/b", content="x")
    with pytest.raises(CloudError, match="BucketNotEmpty"):
        aws.delete(BUCKET, bucket)
    aws.delete("aws:s3/bucketObjectv2:BucketObjectv2", document)
    aws.delete(BUCKET, bucket)
    assert aws.cloud.read("aws:s3/bucketVersioning:BucketVersioning", "state-of-it", {"bucket": "state-of-it"}) is None


def test_an_account_knows_an_issuer_of_tokens_once(aws: Account) -> None:
    kind, inputs = "aws:iam/openIdConnectProvider:OpenIdConnectProvider", {"clientIdLists": ["sts.amazonaws.com"]}
    issuer = aws.make(kind, url="https://token.example.com", **inputs)
    assert issuer.outputs["arn"] == "arn:aws:iam::123456789012:oidc-provider/token.example.com"
    with pytest.raises(CloudError, match="EntityAlreadyExists"):
        aws.make(kind, url="https://token.example.com", **inputs)
