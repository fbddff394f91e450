"""Each policy fires on what it is there for, says so at the right resource, and leaves every shipped region alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

import fleet
from policy.catalogue import AKS, EKS, GKE, RULES
from policy.rules import Resource
from tests.components.recording import FLEET, recorded

STAGING, PRODUCTION = FLEET.regions["staging-aws-eu-west-1"], FLEET.regions["prod-aws-us-east-1"]
BY_NAME = {rule.name: rule for rule in RULES}
LOGS = {"enabledClusterLogTypes": ["api", "audit", "authenticator"]}


@dataclass(frozen=True)
class Case:
    """A resource that a policy refuses, and the nearest that it takes."""

    rule: str
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
NARROW = {"cidrBlocks": [{"cidrBlock": "203.0.113.0/24"}]}
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
STORAGE = "kubernetes:storage.k8s.io/v1:StorageClass"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
CASES = [
    Case("api-endpoint", EKS, {"vpcConfig": {"endpointPublicAccess": True}},
         {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}}, "publicAccessCidrs"),
    Case("api-endpoint", EKS, {"vpcConfig": {"publicAccessCidrs": ["203.0.113.0/24", "0.0.0.0/0"]}},
         {"vpcConfig": {"endpointPublicAccess": False}}, "anybody"),
    Case("api-endpoint", GKE, _gke(), _gke(masterAuthorizedNetworksConfig=NARROW), "enablePrivateEndpoint"),
    Case("api-endpoint", GKE, _gke(masterAuthorizedNetworksConfig=OPEN), _gke(masterAuthorizedNetworksConfig={}), "whole world"),
    Case("api-endpoint", AKS, _aks(), _aks(enablePrivateCluster=True), "enablePrivateCluster"),
    Case("api-endpoint", AKS, _aks(authorizedIPRanges=["0.0.0.0/0"]), _aks(authorizedIPRanges=["203.0.113.0/24"]), "anybody"),
    Case("open-ports", "aws:ec2/securityGroup:SecurityGroup", {"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]},
         {"ingress": [{"cidrBlocks": ["10.0.0.0/8"]}]}, "whole world"),
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
    Case("encrypted-disks", TEMPLATE, {}, _disks("true"), "name one"),
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
         {"tagSpecifications": [{"tags": STAGING.tags}]}, "not tagged"),
    Case("tagged", AKS, {"tags": {**STAGING.tags, "wave": "external"}}, {"tags": STAGING.tags}, "wave"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.rule}" for n, case in enumerate(CASES)])
def test_a_policy_fires_on_what_is_wrong_and_not_on_what_is_right(case: Case) -> None:
    rule = BY_NAME[case.rule]
    wrong = Resource(case.type, "it", case.wrong, case.protect[0])
    (found,) = rule.violations([wrong], case.region)
    assert found.resource is wrong
    assert case.words in found.message
    assert list(rule.violations([Resource(case.type, "it", case.right, case.protect[1])], case.region)) == []


@pytest.mark.parametrize("kind", ["aws:iam/accessKey:AccessKey", "aws:iam/user:User", "gcp:serviceaccount/key:Key"])
def test_a_credential_that_does_not_end_is_refused_whatever_its_inputs(kind: str) -> None:
    (found,) = BY_NAME["static-credentials"].violations([Resource(kind, "it", {})], STAGING)
    assert "role or workload identity" in found.message


def test_aks_logs_need_a_setting_that_asks_for_audit() -> None:
    cluster, rule = Resource(AKS, "it", {}), BY_NAME["control-plane-logs"]
    setting = "azure-native:monitor:DiagnosticSetting"
    without = Resource(setting, "it", {"logs": [{"category": "guard", "enabled": True}]})
    asks = Resource(setting, "it", {"logs": [{"category": "kube-audit-admin", "enabled": True}]})
    assert [found.resource for found in rule.violations([cluster, without], STAGING)] == [cluster]
    assert list(rule.violations([cluster, asks], STAGING)) == []


def test_an_unprotected_region_may_go_and_the_record_of_that_is_its_stack_file() -> None:
    cluster = Resource(EKS, "it", {"deletionProtection": False})
    for name in ("protected", "deletion-protection"):
        assert list(BY_NAME[name].violations([cluster], STAGING)) == []
        assert len(list(BY_NAME[name].violations([cluster], PRODUCTION))) == 1


def test_a_tenants_data_stays_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy.catalogue.residency_of", lambda: {"shared": ["aws:eu-*"]})
    rule = BY_NAME["residency"]
    inside, outside = (
        Resource("pulumi:providers:aws", "it", {"region": place}) for place in ("eu-west-1", "us-east-1")
    )
    (found,) = rule.violations([inside, outside], STAGING)
    assert found.resource is outside
    assert "aws:us-east-1" in found.message
    monkeypatch.setattr("policy.catalogue.residency_of", lambda: {})
    (found,) = rule.violations([inside], STAGING)
    assert "allows nothing" in found.message


def test_the_shipped_customers_data_stays_in_the_places_that_were_agreed() -> None:
    region, rule = FLEET.regions["acme-gcp-europe-west4"], BY_NAME["residency"]
    inside, outside = (
        Resource("gcp:kms/keyRing:KeyRing", "it", {"location": place}) for place in ("europe-west1", "us-central1")
    )
    (found,) = rule.violations([inside, outside], region)
    assert found.resource is outside
    assert found.message == (
        "tenant acme may not be in gcp:us-central1: residency.yaml allows gcp:europe-west1, gcp:europe-west4"
    )
    assert list(rule.violations([outside], FLEET.regions["staging-gcp-us-central1"])) == []


def test_a_region_has_no_more_nodes_than_its_size() -> None:
    rule, kind = BY_NAME["node-ceiling"], "aws:eks/nodeGroup:NodeGroup"
    pools = [Resource(kind, f"pool-{n}", {"scalingConfig": {"maxSize": 6}}) for n in range(3)]
    (found,) = rule.violations(pools, STAGING)
    assert "18 nodes at most, and a small region may have 12" in found.message
    assert list(rule.violations(pools[:2], STAGING)) == []


def test_every_policy_has_a_case(record_property: Callable[[str, object], None]) -> None:
    alone = {"residency", "node-ceiling"}
    assert {case.rule for case in CASES} | alone == set(BY_NAME)
    record_property("policies", len(BY_NAME))


@pytest.mark.parametrize("name", FLEET.regions)
def test_no_policy_fires_on_a_shipped_region(name: str) -> None:
    resources = [
        Resource(each.type, each.name, each.inputs, each.protect, each.urn) for each in recorded(name).resources
    ]
    region = FLEET.regions[name]
    found = [
        (rule.name, each.resource.urn, each.message) for rule in RULES for each in rule.violations(resources, region)
    ]
    assert found == []
    looked_at = {rule.name for rule in RULES if rule.together or any(rule.applies(each) for each in resources)}
    assert len(looked_at) >= 10, "a policy that looks at nothing holds nobody to anything"
