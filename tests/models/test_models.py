"""What the program and bootstrap ask of the clouds is held to the clouds' own API models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.models import renew
from tests.models.azure import Package, azure
from tests.models.judge import faults
from tests.models.registered import resources
from tests.models.resource_types import NAMES, OPERATIONS, SCHEMAS, UNJUDGED, UNSENT

CLOUDS = ("aws", "azure-native", "gcp")
KINDS = sorted({*OPERATIONS, *SCHEMAS})


def of(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The names and inputs of all resources of a type, as they travel."""
    for resource in resources():
        if resource.type == kind:
            yield resource.name, json.loads(json.dumps(resource.inputs, default=str))


def test_every_type_of_the_program_is_judged_or_has_its_reason() -> None:
    kinds = {resource.type for resource in resources()}
    assert {kind for kind in kinds if kind.partition(":")[0] in CLOUDS} == {*KINDS, *UNJUDGED}


@pytest.mark.parametrize("kind", KINDS)
def test_the_clouds_own_model_takes_all_inputs_of_a_type(
    kind: str, record_property: Callable[[str, object], None]
) -> None:
    assert {name: found for name, inputs in of(kind) if (found := faults(kind, name, inputs))} == {}
    judged = sum(1 for _, inputs in of(kind) for path in places(inputs) if sent(kind, path))
    record_property(f"inputs held to the models of {kind.partition(':')[0]}", judged)


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_error_is_found_in_each_input(kind: str, record_property: Callable[[str, object], None]) -> None:
    missed = {}
    count = 0
    for name, inputs in of(kind):
        for place, planted in errors(kind, inputs):
            count += 1
            if not faults(kind, name, planted):
                missed[place] = planted
    assert list(missed) == []
    record_property(f"planted errors found by the models of {kind.partition(':')[0]}", count)


def errors(kind: str, inputs: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same inputs with one error each: a name with a letter too many, and a value of the wrong type."""
    for path in places(inputs):
        if not sent(kind, path):
            continue
        for label, change in (("name", misspelt), ("type", wrong_type)):
            planted = deepcopy(inputs)
            change(planted, path)
            yield f"{label} of {'.'.join(map(str, path))}", planted


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each key in a value. No model knows the keys of FREE."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            if key not in FREE:
                yield from places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def sent(kind: str, path: tuple[Any, ...]) -> bool:
    """Whether an input is in a request's body."""
    return NAMES.get(kind, {}).get(path[0]) != UNSENT


FREE = {"tags", "labels", "nodeLabels", "configurationSettings", "resourceLabels", "metadata", "attributeMapping"}
"""Mappings whose keys are the user's own."""


def misspelt(inputs: Any, path: tuple[Any, ...]) -> None:
    """Put a letter before the name at a path."""
    for step in path[:-1]:
        inputs = inputs[step]
    inputs[f"x{path[-1]}"] = inputs.pop(path[-1])


def wrong_type(inputs: Any, path: tuple[Any, ...]) -> None:
    """Put a mapping that no model knows in place of the value at a path."""
    for step in path[:-1]:
        inputs = inputs[step]
    inputs[path[-1]] = {"unknown": {"unknown": "unknown"}}


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("aws:backup/vaultLockConfiguration:VaultLockConfiguration", ["backupVaultName"], "a.vault"),
        ("aws:cloudwatch/logGroup:LogGroup", ["name"], "a log group"),
        ("aws:eks/cluster:Cluster", ["name"], "-cluster"),
        ("aws:eks/cluster:Cluster", ["upgradePolicy", "supportType"], "FOREVER"),
        ("aws:eks/cluster:Cluster", ["accessConfig", "authenticationMode"], "IAM"),
        ("aws:eks/nodeGroup:NodeGroup", ["amiType"], "AL2023_X86"),
        ("aws:eks/nodeGroup:NodeGroup", ["scalingConfig", "minSize"], -1),
        ("aws:eks/nodeGroup:NodeGroup", ["updateConfig", "maxUnavailablePercentage"], 101),
        ("aws:iam/role:Role", ["name"], "a" * 65),
        ("aws:kms/alias:Alias", ["name"], "alias/eks prod"),
        ("aws:kms/key:Key", ["deletionWindowInDays"], 366),
        ("aws:s3/bucketVersioning:BucketVersioning", ["versioningConfiguration", "status"], "On"),
        ("azure-native:containerservice:AgentPool", ["osSKU"], "Debian"),
        ("azure-native:containerservice:ManagedCluster", ["networkProfile", "networkDataplane"], "ebpf"),
        ("azure-native:containerservice:ManagedCluster", ["autoUpgradeProfile", "upgradeChannel"], "weekly"),
        ("azure-native:dataprotection:BackupPolicy", ["properties", "objectType"], "Policy"),
        ("azure-native:network:PublicIPAddress", ["publicIPAllocationMethod"], "Fixed"),
        ("azure-native:storage:StorageAccount", ["minimumTlsVersion"], "TLS1_4"),
        ("gcp:compute/network:Network", ["name"], "Upper_case"),
        ("gcp:compute/network:Network", ["routingMode"], "WORLD"),
        ("gcp:compute/routerNat:RouterNat", ["natIpAllocateOption"], "AUTO"),
        ("gcp:container/cluster:Cluster", ["datapathProvider"], "CILIUM"),
        ("gcp:container/cluster:Cluster", ["loggingConfig", "enableComponents"], ["AUDIT"]),
        ("gcp:container/nodePool:NodePool", ["autoscaling", "locationPolicy"], "EVEN"),
    ],
)
def test_a_value_that_the_cloud_refuses_is_found(kind: str, path: list[str], value: Any) -> None:
    name, inputs = next(of(kind))
    assert faults(kind, name, inputs) == []
    target = inputs
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    assert faults(kind, name, inputs)


def test_a_name_that_the_cloud_requires_is_missed() -> None:
    name, inputs = next(of("aws:eks/podIdentityAssociation:PodIdentityAssociation"))
    del inputs["serviceAccount"]
    assert faults("aws:eks/podIdentityAssociation:PodIdentityAssociation", name, inputs) == [
        "$: 'serviceAccount' is a required property"
    ]


def test_a_botocore_shape_becomes_a_schema_that_refuses_as_aws_does() -> None:
    shape = {"type": "string", "min": 1, "max": 3, "pattern": "[a-z]+"}
    models = {"s": {"operations": {"Make": {"input": {"shape": "In"}}}, "shapes": {
        "In": {"type": "structure", "required": ["Names"], "members": {"Names": {"shape": "Names"}}},
        "Names": {"type": "list", "max": 2, "member": {"shape": "Name"}}, "Name": shape}}}  # fmt: skip
    definitions = renew.aws(models, ["s.Make"])
    assert definitions["s.Make"] == {"$ref": "#/$defs/s.In"}
    assert definitions["s.In"]["required"] == ["Names"]
    assert definitions["s.Names"] == {"type": "array", "items": {"$ref": "#/$defs/s.Name"}, "maxItems": 2}
    assert definitions["s.Name"] == {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^(?:[a-z]+)$"}


def test_a_discovered_schema_refuses_values_that_only_google_sets() -> None:
    schema = {"type": "object", "properties": {
        "id": {"type": "string", "readOnly": True}, "size": {"type": "string", "format": "int64"}}}  # fmt: skip
    assert renew.gcp({"api": {"schemas": {"Thing": schema}}}, ["api.Thing"]) == {
        "api.Thing": {
            "type": "object",
            "properties": {"size": {"type": ["string", "integer"]}},
            "additionalProperties": False,
        }
    }


def test_a_class_of_azure_becomes_a_schema_that_refuses_values_of_the_clouds_own() -> None:
    models = """
class Base(_Model):
    kind: str = rest_discriminator(name="kind")

class Disk(Base, discriminator="Disk"):
    kind: Literal["Disk"] = rest_discriminator(name="kind")
    size_gb: int = rest_field(name="sizeGB", visibility=["read", "create"])
    state: Optional[str] = rest_field(visibility=["read"])
    tier: Optional[Union[str, "_models.Tier"]] = rest_field()

class Old(_serialization.Model):
    _validation = {"id": {"readonly": True}, "role": {"required": True, "max_length": 3}}
    _attribute_map = {"id": {"key": "id", "type": "str"}, "role": {"key": "properties.role", "type": "str"}}
"""
    enums = "class Tier(str, Enum):\n    FREE = 'Free'"
    definitions = azure({"p": Package("p", models, enums)}, ["p.Base", "p.Old"])
    assert definitions["p.Base"] == {"oneOf": [{"$ref": "#/$defs/p.Disk"}]}
    assert definitions["p.Disk"] == {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["Disk"]},
            "sizeGB": {"type": "integer"},
            "tier": {"type": "string", "enum": ["Free"]},
        },
        "additionalProperties": False,
        "required": ["kind", "sizeGB"],
    }
    assert definitions["p.Old"]["properties"]["properties"]["properties"] == {
        "role": {"type": "string", "maxLength": 3}
    }
    assert definitions["p.Old"]["properties"]["properties"]["required"] == ["role"]
