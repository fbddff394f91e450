"""Each policy fires on a violation and names its resource. No policy fires on a shipped region."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

import fleet
from policy.catalogue import AKS, EKS, GKE, POLICIES
from policy.rules import Resource
from tests.components.recording import FLEET, recorded

STAGING, PRODUCTION = FLEET.regions["staging-aws-eu-west-1"], FLEET.regions["prod-aws-us-east-1"]
BY_NAME = {policy.name: policy for policy in POLICIES}
LOGS = {"enabledClusterLogTypes": ["api", "audit", "authenticator"]}


@dataclass(frozen=True)
class Case:
    """A resource that a policy refuses, and the nearest that the policy accepts."""

    policy: str
    type: str
    wrong: Mapping[str, Any]
    right: Mapping[str, Any]
    words: str
    region: fleet.Region = STAGING
    protect: tuple[bool, bool] = (False, False)
    """Whether the wrong and the right one are protected."""


def _disks(encrypted: str) -> dict[str, Any]:
    return {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": encrypted}}]}


def _aks(**profile: Any) -> dict[str, Any]:
    return {"apiServerAccessProfile": profile}


def _gke(**more: Any) -> dict[str, Any]:
    return {"privateClusterConfig": {"enablePrivateEndpoint": False, "enablePrivateNodes": True}, **more}


NODES = "azure-native:containerservice:AgentPool"
OPEN = {"cidrBlocks": [{"cidrBlock": "0.0.0.0/0"}]}
HALVES = {"cidrBlocks": [{"cidrBlock": "0.0.0.0/1"}, {"cidrBlock": "128.0.0.0/1"}]}
NARROW = {"cidrBlocks": [{"cidrBlock": "203.0.113.0/24"}]}
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
STORAGE = "kubernetes:storage.k8s.io/v1:StorageClass"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
CASES = [
    Case("api-endpoint", EKS, {"vpcConfig": {"endpointPublicAccess": True}},
         {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}}, "publicAccessCidrs"),
    Case("api-endpoint", EKS, {"vpcConfig": {"publicAccessCidrs": ["203.0.113.0/24", "0.0.0.0/0"]}},
         {"vpcConfig": {"endpointPublicAccess": False}}, "open to"),
    Case("api-endpoint", GKE, _gke(), _gke(masterAuthorizedNetworksConfig=NARROW), "enablePrivateEndpoint"),
    Case("api-endpoint", GKE, _gke(masterAuthorizedNetworksConfig=OPEN), _gke(masterAuthorizedNetworksConfig={}), "whole world"),
    Case("api-endpoint", AKS, _aks(), _aks(enablePrivateCluster=True), "enablePrivateCluster"),
    Case("api-endpoint", AKS, _aks(authorizedIPRanges=["0.0.0.0/0"]), _aks(authorizedIPRanges=["203.0.113.0/24"]), "open to"),
    Case("open-ports", "aws:ec2/securityGroup:SecurityGroup", {"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]},
         {"ingress": [{"cidrBlocks": ["10.0.0.0/8"]}]}, "whole world"),
    Case("api-endpoint", GKE, _gke(masterAuthorizedNetworksConfig=HALVES), _gke(masterAuthorizedNetworksConfig={}), "whole world"),
    Case("open-ports", INGRESS, {"cidrIpv4": "64.0.0.0/2"}, {"cidrIpv4": "10.0.0.0/8"}, "whole world"),
    Case("open-ports", INGRESS, {"cidrIpv6": "::/0"}, {"cidrIpv4": "10.0.0.0/8"}, "whole world"),
    Case("open-ports", "gcp:compute/firewall:Firewall", {"sourceRanges": ["0.0.0.0/0"], "allows": [{"protocol": "tcp"}]},
         {"sourceRanges": ["0.0.0.0/0"], "denies": [{"protocol": "all"}]}, "whole world"),
    Case("open-ports", "azure-native:network:SecurityRule",
         {"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": "*"},
         {"direction": "Inbound", "access": "Deny", "sourceAddressPrefix": "*"}, "whole world"),
    Case("private-nodes", "aws:ec2/subnet:Subnet", {"mapPublicIpOnLaunch": True}, {}, "public"),
    Case("private-nodes", GKE, {}, {"privateClusterConfig": {"enablePrivateNodes": True}}, "public"),
    Case("private-nodes", NODES, {"enableNodePublicIP": True}, {"enableNodePublicIP": False}, "public"),
    Case("encrypted-secrets", EKS, {}, {"encryptionConfig": {"resources": ["secrets"]}}, "not encrypted"),
    Case("encrypted-secrets", GKE, {"databaseEncryption": {"state": "DECRYPTED"}},
         {"databaseEncryption": {"state": "ENCRYPTED"}}, "not encrypted"),
    Case("encrypted-secrets", AKS, {}, {"securityProfile": {"azureKeyVaultKms": {"enabled": True}}}, "not encrypted"),
    Case("encrypted-disks", TEMPLATE, {}, _disks("true"), "name at least one"),
    Case("encrypted-disks", TEMPLATE, _disks("false"), _disks("true"), "not encrypted"),
    Case("encrypted-disks", "aws:ebs/volume:Volume", {}, {"encrypted": True}, "not encrypted"),
    Case("encrypted-disks", STORAGE, {"provisioner": "ebs.csi.aws.com"},
         {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true"}}, "not encrypted"),
    Case("rotated-keys", "aws:kms/key:Key", {}, {"enableKeyRotation": True}, "never rotated"),
    Case("rotated-keys", "gcp:kms/cryptoKey:CryptoKey", {}, {"rotationPeriod": "7776000s"}, "never rotated"),
    Case("control-plane-logs", EKS, {"enabledClusterLogTypes": ["api"]}, LOGS, "logs are off"),
    Case("control-plane-logs", GKE, {}, {"loggingConfig": {"enableComponents": ["APISERVER"]}}, "logs are off"),
    Case("control-plane-logs", "aws:cloudwatch/logGroup:LogGroup", {}, {"retentionInDays": 30}, "for ever"),
    Case("static-credentials", AKS, {}, {"disableLocalAccounts": True}, "local accounts"),
    Case("static-credentials", GKE, {"masterAuth": {"clientCertificateConfig": {"issueClientCertificate": True}}}, {},
         "certificate"),
    Case("static-credentials", "pulumi:providers:aws", {"accessKey": "AKIA"}, {"region": "eu-west-1"}, "accessKey"),
    Case("deletion-protection", EKS, {}, {"deletionProtection": True}, "protected", PRODUCTION),
    Case("deletion-protection", GKE, {"deletionProtection": False}, {}, "protected", PRODUCTION),
    Case("protected", EKS, {}, {}, "regions:protect: false", PRODUCTION, (False, True)),
    Case("tagged", "pulumi:providers:aws", {"defaultTags": '{"tags": {"region": "other"}}'},
         {"defaultTags": {"tags": STAGING.tags}}, "region, wave"),
    Case("tagged", "pulumi:providers:gcp", {}, {"defaultLabels": STAGING.tags}, "cost-centre"),
    Case("tagged", TEMPLATE, {"tagSpecifications": [{"tags": STAGING.tags}, {"tags": {}}]},
         {"tagSpecifications": [{"tags": {"region": STAGING.name}}]}, "not tagged"),
    Case("tagged", AKS, {"tags": {**STAGING.tags, "wave": "external"}}, {"tags": STAGING.tags}, "wave"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.policy}" for n, case in enumerate(CASES)])
def test_a_policy_fires_on_a_violation_and_not_on_its_remedy(case: Case) -> None:
    policy = BY_NAME[case.policy]
    wrong = Resource(case.type, "it", case.wrong, case.protect[0])
    (violation,) = policy.violations([wrong], case.region)
    assert violation.resource is wrong
    assert case.words in violation.message
    assert list(policy.violations([Resource(case.type, "it", case.right, case.protect[1])], case.region)) == []


@pytest.mark.parametrize("kind", ["aws:iam/accessKey:AccessKey", "aws:iam/user:User", "gcp:serviceaccount/key:Key"])
def test_a_credential_without_expiry_is_refused_with_any_inputs(kind: str) -> None:
    (violation,) = BY_NAME["static-credentials"].violations([Resource(kind, "it", {})], STAGING)
    assert "role or workload identity" in violation.message


def test_aks_logs_need_a_setting_that_asks_for_audit() -> None:
    cluster, policy = Resource(AKS, "it", {}), BY_NAME["control-plane-logs"]
    setting = "azure-native:monitor:DiagnosticSetting"
    without = Resource(setting, "it", {"logs": [{"category": "guard", "enabled": True}]})
    asks = Resource(setting, "it", {"logs": [{"category": "kube-audit-admin", "enabled": True}]})
    assert [violation.resource for violation in policy.violations([cluster, without], STAGING)] == [cluster]
    assert list(policy.violations([cluster, asks], STAGING)) == []


def test_an_unprotected_region_may_go_and_the_record_of_that_is_its_stack_file() -> None:
    cluster = Resource(EKS, "it", {"deletionProtection": False})
    for name in ("protected", "deletion-protection"):
        assert list(BY_NAME[name].violations([cluster], STAGING)) == []
        assert len(list(BY_NAME[name].violations([cluster], PRODUCTION))) == 1


def test_a_tenants_data_stays_in_its_allowed_locations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy.catalogue.residency_of", lambda: {"shared": ["aws:eu-*"]})
    policy = BY_NAME["residency"]
    inside, outside = (
        Resource("pulumi:providers:aws", "it", {"region": place}) for place in ("eu-west-1", "us-east-1")
    )
    (violation,) = policy.violations([inside, outside], STAGING)
    assert violation.resource is outside
    assert "aws:us-east-1" in violation.message
    monkeypatch.setattr("policy.catalogue.residency_of", lambda: {})
    (violation,) = policy.violations([inside], STAGING)
    assert "allows nothing" in violation.message


def test_the_shipped_customers_data_stays_in_the_places_that_were_agreed() -> None:
    region, policy = FLEET.regions["acme-gcp-europe-west4"], BY_NAME["residency"]
    inside, outside = (
        Resource("gcp:kms/keyRing:KeyRing", "it", {"location": place}) for place in ("europe-west1", "us-central1")
    )
    (violation,) = policy.violations([inside, outside], region)
    assert violation.resource is outside
    assert violation.message == (
        "tenant acme may not be in gcp:us-central1: residency.yaml allows gcp:europe-west1, gcp:europe-west4"
    )
    assert list(policy.violations([outside], FLEET.regions["staging-gcp-us-central1"])) == []


def test_a_region_has_no_more_nodes_than_its_size() -> None:
    policy, kind = BY_NAME["node-ceiling"], "aws:eks/nodeGroup:NodeGroup"
    pools = [Resource(kind, f"pool-{n}", {"scalingConfig": {"maxSize": 6}}) for n in range(3)]
    (violation,) = policy.violations(pools, STAGING)
    assert "18 nodes at most, and a small region may have 12" in violation.message
    assert list(policy.violations(pools[:2], STAGING)) == []


def test_every_policy_has_a_case(record_property: Callable[[str, object], None]) -> None:
    alone = {"residency", "node-ceiling"}
    assert {case.policy for case in CASES} | alone == set(BY_NAME)
    record_property("policies", len(BY_NAME))


@pytest.mark.parametrize("name", FLEET.regions)
def test_no_policy_fires_on_a_shipped_region(name: str) -> None:
    resources = [
        Resource(registered.type, registered.name, registered.inputs, registered.protect, registered.urn)
        for registered in recorded(name).resources
    ]
    region = FLEET.regions[name]
    violations = [
        (policy.name, violation.resource.urn, violation.message)
        for policy in POLICIES
        for violation in policy.violations(resources, region)
    ]
    assert violations == []
    applicable = {
        policy.name
        for policy in POLICIES
        if policy.check_stack or any(policy.applies(resource) for resource in resources)
    }
    assert len(applicable) >= 10, "too few policies apply to a resource of the region"
