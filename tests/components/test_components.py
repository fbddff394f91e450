"""Every component's registrations: a staging and a production region on each cloud."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from ipaddress import IPv4Network
from typing import Any

import pytest

import fleet
from components.argo import argocd
from tests.components.recording import FLEET, REPOSITORY, RecordedRegion, record, recorded
from tests.repository import ROOT

STAGING = {"aws": "staging-aws-eu-west-1", "gcp": "staging-gcp-us-central1", "azure": "staging-azure-eastus"}
PRODUCTION = {"aws": "prod-aws-us-east-1", "gcp": "prod-gcp-europe-west4", "azure": "prod-azure-westeurope"}
PRIVATE = "acme-gcp-europe-west4"
EVERY = [*STAGING.values(), *PRODUCTION.values(), PRIVATE]
CLUSTER = {
    "aws": "aws:eks/cluster:Cluster",
    "gcp": "gcp:container/cluster:Cluster",
    "azure": "azure-native:containerservice:ManagedCluster",
}


def with_open_api(name: str) -> RecordedRegion:
    """A shipped region, with its API open to one range."""
    region = FLEET.regions[name]
    settings = region.settings.model_copy(update={"api_allowed_cidrs": [IPv4Network("203.0.113.0/24")]})
    return record(fleet.Region(**{**vars(region), "settings": settings}))


@pytest.mark.parametrize("name", EVERY)
def test_every_resource_is_inside_of_the_region_and_only_its_own_clouds(name: str) -> None:
    region = recorded(name)
    cloud = FLEET.regions[name].settings.cloud
    packages = {"aws": "aws", "gcp": "gcp", "azure": "azure-native"}
    allowed = {packages[cloud], "kubernetes", "pulumi", "regions"}
    assert {resource.type.split(":")[0] for resource in region.resources} <= allowed
    (root,) = region.of("regions:region:Region")
    known = {resource.urn for resource in region.resources}
    outside = [r.urn for r in region.resources if r is not root and r.parent not in known]
    assert outside == [], "a resource has no parent below the Region"


@pytest.mark.parametrize("name", EVERY)
def test_the_kubeconfig_signs_in_by_the_clouds_plugin_and_holds_no_credential(name: str) -> None:
    cluster = recorded(name).cluster
    user = json.loads(cluster["kubeconfig"])["users"][0]["user"]
    plugins = {"aws": "aws", "gcp": "gke-gcloud-auth-plugin", "azure": "kubelogin"}
    assert set(user) == {"exec"}
    assert user["exec"]["command"] == plugins[FLEET.regions[name].settings.cloud]
    assert cluster["endpoint"] == "https://mock"
    authority = json.loads(cluster["kubeconfig"])["clusters"][0]["cluster"].get("certificate-authority-data")
    # A GKE cluster's DNS endpoint has a certificate of Google's, which every machine trusts.
    assert authority == (None if FLEET.regions[name].settings.cloud == "gcp" else "Q0E=")
    assert cluster["identity"]
    assert recorded(name).secret_outputs == []


@pytest.mark.parametrize("cloud", CLUSTER)
def test_production_is_protected_and_staging_is_not(cloud: str) -> None:
    protected = {resource.type for resource in recorded(PRODUCTION[cloud]).resources if resource.protect}
    assert CLUSTER[cloud] in protected
    assert {"kubernetes:argoproj.io/v1alpha1:Application", "kubernetes:core/v1:Namespace"} <= protected
    assert any("key" in kind.lower() for kind in protected), "the key of the secrets"
    assert not [resource for resource in recorded(STAGING[cloud]).resources if resource.protect]


@pytest.mark.parametrize("name", EVERY)
def test_node_pools_have_the_settings_machines_and_sizes(name: str) -> None:
    pools = FLEET.regions[name].settings.pools
    region = recorded(name)
    actual: dict[str, tuple[str, int, int]] = {}
    for resource in region.resources:
        inputs = resource.inputs
        pool = resource.name.removeprefix(f"{name}-")
        if resource.type == "aws:eks/nodeGroup:NodeGroup":
            scaling, pool = inputs["scalingConfig"], inputs["labels"]["regions/pool"]
            _, least, most = actual.get(pool, ("", 0, 0))
            actual[pool] = (inputs["instanceTypes"][0], least + scaling["minSize"], most + scaling["maxSize"])
        elif resource.type == "gcp:container/nodePool:NodePool":
            scaling = inputs["autoscaling"]
            machine = inputs["nodeConfig"]["machineType"]
            actual[pool] = (machine, scaling["totalMinNodeCount"], scaling["totalMaxNodeCount"])
        elif resource.type == "azure-native:containerservice:AgentPool":
            pool = inputs["nodeLabels"]["regions/pool"]
            _, least, most = actual.get(pool, ("", 0, 0))
            actual[pool] = (inputs["vmSize"], least + inputs["minCount"], most + inputs["maxCount"])
    assert actual == {key: (pool.machine_type, pool.min_nodes, pool.max_nodes) for key, pool in pools.items()}


@pytest.mark.parametrize("name", EVERY)
def test_tags_name_region_wave_and_tenant(name: str) -> None:
    region = FLEET.regions[name]
    tenant = "acme" if name == PRIVATE else "shared"
    expected = {"region": name, "wave": region.wave.name, "tenant": tenant, "managed-by": "pulumi"}
    tags: list[dict[str, str]] = []
    for resource in recorded(name).resources:
        inputs = resource.inputs
        if resource.type.startswith("azure-native:") and "tags" in inputs:
            tags.append(inputs["tags"])
        elif resource.type == "pulumi:providers:aws":
            tags.append(_decoded(inputs["defaultTags"])["tags"])
        elif resource.type == "pulumi:providers:gcp":
            tags.append(_decoded(inputs["defaultLabels"]))
    assert tags
    assert all(expected.items() <= resource_tags.items() for resource_tags in tags)


def _decoded(value: Any) -> Any:
    """A provider's input as a mapping. The engine sends such inputs as JSON in strings."""
    return json.loads(value) if isinstance(value, str) else value


@pytest.mark.parametrize("name", [STAGING["aws"], PRODUCTION["aws"]])
def test_eks_is_private_encrypted_logged_and_has_no_static_credential(name: str) -> None:
    region = recorded(name)
    cluster = region.one(CLUSTER["aws"])
    assert cluster["vpcConfig"]["endpointPublicAccess"] is False
    assert cluster["vpcConfig"]["endpointPrivateAccess"] is True
    assert cluster["encryptionConfig"]["resources"] == ["secrets"]
    assert {"audit", "authenticator", "api"} <= set(cluster["enabledClusterLogTypes"])
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert cluster["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] is False
    assert all(key.inputs["enableKeyRotation"] is True for key in region.of("aws:kms/key:Key"))
    for template in region.of("aws:ec2/launchTemplate:LaunchTemplate"):
        assert template.inputs["metadataOptions"] == {"httpTokens": "required", "httpPutResponseHopLimit": 1}
        assert template.inputs["blockDeviceMappings"][0]["ebs"]["encrypted"] == "true"
    assert not region.of("aws:iam/accessKey:AccessKey")
    assert not region.of("aws:iam/user:User")
    entries = region.of("aws:eks/accessEntry:AccessEntry")
    roles = sorted(entry.inputs["principalArn"].rpartition("/")[2] for entry in entries)
    assert roles == ["regions-deploy", "regions-preview"]
    grants = {association.inputs["principalArn"].rpartition("/")[2]: association.inputs["policyArn"].rpartition("/")[2]
              for association in region.of("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")}  # fmt: skip
    assert grants == {"regions-deploy": "AmazonEKSClusterAdminPolicy", "regions-preview": "AmazonEKSViewPolicy"}
    subnets = [IPv4Network(subnet.inputs["cidrBlock"]) for subnet in region.of("aws:ec2/subnet:Subnet")]
    assert len(subnets) == 6
    assert all(subnet.subnet_of(FLEET.regions[name].settings.network) for subnet in subnets)


@pytest.mark.parametrize("name", [STAGING["aws"], PRODUCTION["aws"]])
def test_the_autoscaler_on_aws_may_move_the_nodes_of_its_own_cluster_alone(name: str) -> None:
    region = recorded(name)
    (policy,) = [policy.inputs for policy in region.of("aws:iam/rolePolicy:RolePolicy")]
    reads, writes = json.loads(policy["policy"])["Statement"]
    assert not [action for action in reads["Action"] if not re.match(r"\w+:(Describe|Get)", action)]
    assert writes["Condition"] == {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{name}": "owned"}}
    objects = {
        manifest["kind"]: manifest
        for manifest in region.objects
        if manifest["metadata"]["name"] == "cluster-autoscaler"
    }
    assert set(objects) == {
        *("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Deployment"),
    }
    (container,) = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert any(part.endswith(f"k8s.io/cluster-autoscaler/{name}") for part in container["command"])
    version = FLEET.regions[name].settings.kubernetes_version
    assert re.search(rf":v{re.escape(version)}\.\d+$", container["image"]), "of the cluster's own minor version"
    assert not [rule for rule in objects["ClusterRole"]["rules"] if "*" in (*rule["verbs"], *rule["resources"])]


@pytest.mark.parametrize("name", [STAGING["gcp"], PRODUCTION["gcp"]])
def test_gke_is_private_encrypted_and_uses_workload_identity(name: str) -> None:
    region = recorded(name)
    cluster = region.one(CLUSTER["gcp"])
    assert cluster["privateClusterConfig"]["enablePrivateNodes"] is True
    assert cluster["privateClusterConfig"]["enablePrivateEndpoint"] is True
    assert cluster["masterAuthorizedNetworksConfig"].get("cidrBlocks", []) == []
    assert cluster["databaseEncryption"]["state"] == "ENCRYPTED"
    assert cluster["workloadIdentityConfig"]["workloadPool"].endswith(".svc.id.goog")
    assert cluster["masterAuth"]["clientCertificateConfig"]["issueClientCertificate"] is False
    assert cluster["enableLegacyAbac"] is False
    assert cluster["enableShieldedNodes"] is True
    assert cluster["deletionProtection"] is FLEET.regions[name].protected
    for pool in region.of("gcp:container/nodePool:NodePool"):
        node = pool.inputs["nodeConfig"]
        assert node["workloadMetadataConfig"]["mode"] == "GKE_METADATA"
        assert node["serviceAccount"] == f"{name}-nodes@mock"
        assert node["shieldedInstanceConfig"]["enableSecureBoot"] is True
    assert not region.of("gcp:serviceaccount/key:Key")
    agent = region.one("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember")["member"]
    assert agent == "serviceAccount:service-123456789012@container-engine-robot.iam.gserviceaccount.com"


@pytest.mark.parametrize("name", [STAGING["azure"], PRODUCTION["azure"]])
def test_aks_is_private_encrypted_and_has_no_local_account(name: str) -> None:
    region = recorded(name)
    cluster = region.one(CLUSTER["azure"])
    assert cluster["disableLocalAccounts"] is True
    assert cluster["aadProfile"]["enableAzureRBAC"] is True
    assert cluster["apiServerAccessProfile"]["enablePrivateCluster"] is True
    assert cluster["apiServerAccessProfile"]["disableRunCommand"] is True
    assert cluster["oidcIssuerProfile"] == {"enabled": True}
    assert cluster["securityProfile"]["workloadIdentity"] == {"enabled": True}
    assert cluster["securityProfile"]["azureKeyVaultKms"]["enabled"] is True
    vault = region.one("azure-native:keyvault:Vault")["properties"]
    assert (vault["enableRbacAuthorization"], vault["enablePurgeProtection"]) == (True, True)
    admins = [
        grant for grant in region.of("azure-native:authorization:RoleAssignment") if grant.name.endswith("-admin")
    ]
    azure = FLEET.regions[name].settings.azure
    assert azure is not None
    assert [(grant.inputs["principalId"], grant.inputs["principalType"]) for grant in admins] == [
        (azure.deploy_group_id, "Group")
    ]


@pytest.mark.parametrize("cloud", CLUSTER)
def test_api_access_opens_the_api_to_the_given_range_alone(cloud: str) -> None:
    cluster = with_open_api(STAGING[cloud]).one(CLUSTER[cloud])
    if cloud == "aws":
        assert cluster["vpcConfig"]["endpointPublicAccess"] is True
        assert cluster["vpcConfig"]["publicAccessCidrs"] == ["203.0.113.0/24"]
    elif cloud == "gcp":
        assert cluster["privateClusterConfig"]["enablePrivateEndpoint"] is False
        assert cluster["masterAuthorizedNetworksConfig"]["cidrBlocks"] == [{"cidrBlock": "203.0.113.0/24"}]
    else:
        assert cluster["apiServerAccessProfile"]["enablePrivateCluster"] is False
        assert cluster["apiServerAccessProfile"]["authorizedIPRanges"] == ["203.0.113.0/24"]


@pytest.mark.parametrize("name", EVERY)
def test_argo_cd_is_highly_available_in_production_alone_and_has_no_password(name: str) -> None:
    region = recorded(name)
    names = {manifest["metadata"]["name"] for manifest in region.objects}
    assert ("argocd-redis-ha-server" in names) is FLEET.regions[name].wave.production
    assert not [object_name for object_name in names if object_name.startswith(argocd.UNUSED)]
    kinds = {
        group.name: {manifest["kind"] for manifest in group.inputs["objs"]}
        for group in region.of("kubernetes:yaml/v2:ConfigGroup")
    }
    for name in ("argocd", "argo-workflows"):  # a pod starts without a missing optional config map
        assert kinds[name] & {"Deployment", "StatefulSet", "Service"} == set()
        assert kinds[f"{name}-running"] <= {"Deployment", "StatefulSet", "Service"}
    config = next(manifest for manifest in region.objects if manifest["metadata"]["name"] == "argocd-cm")
    assert (config["data"]["admin.enabled"], config["data"]["users.anonymous.enabled"]) == ("false", "false")


@pytest.mark.parametrize("name", EVERY)
def test_the_controllers_of_argo_workflows_and_their_steps_fit_a_restricted_namespace(name: str) -> None:
    region = recorded(name)
    config = next(m for m in region.objects if m["metadata"]["name"] == "workflow-controller-configmap")
    for key in ("executor", "mainContainer"):
        context = json.loads(config["data"][key])["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
    pod = json.loads(config["data"]["workflowDefaults"])["spec"]["securityContext"]
    assert (pod["runAsNonRoot"], pod["seccompProfile"]) == (True, {"type": "RuntimeDefault"})


@pytest.mark.parametrize("name", EVERY)
def test_the_application_is_labelled_and_follows_the_regions_branch(name: str) -> None:
    region = FLEET.regions[name]
    application = recorded(name).one("kubernetes:argoproj.io/v1alpha1:Application")
    assert application["metadata"]["labels"] == {
        "region": name,
        "cloud": region.settings.cloud,
        "wave": region.wave.name,
        "tenant": "acme" if name == PRIVATE else "shared",
    }
    source = application["spec"]["source"]
    assert (source["repoURL"], source["targetRevision"]) == (REPOSITORY, f"region/{name}")
    project = recorded(name).one("kubernetes:argoproj.io/v1alpha1:AppProject")
    assert project["spec"]["sourceRepos"] == [REPOSITORY]
    volumes = recorded(name).one("kubernetes:storage.k8s.io/v1:StorageClass")
    assert volumes["reclaimPolicy"] == ("Retain" if region.wave.production else "Delete")


@pytest.mark.parametrize("cloud", CLUSTER)
def test_only_the_regions_own_cloud_sdk_is_imported(cloud: str) -> None:
    program = (
        "import gc, sys, fleet, pathlib; gc.disable(); from tests.components.recording import record; "
        f"record(fleet.read(pathlib.Path()).regions[{STAGING[cloud]!r}]); "
        "print(sorted({m.split('.')[0] for m in sys.modules if m.startswith('pulumi_')} - {'pulumi_kubernetes'}))"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    sdks = {"aws": "pulumi_aws", "gcp": "pulumi_gcp", "azure": "pulumi_azure_native"}
    assert result.stdout.strip() == str([sdks[cloud]])
