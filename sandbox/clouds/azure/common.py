"""Common parts of the SIMULATED Azure's rules: resource ids, resource groups, the provider's own outputs.

The `replace` paths are the names in a resource's path, and two lists of pulumi/pulumi-azure-native: `forceNewMap` in
provider/pkg/gen/replacement.go, and `x-ms-mutability` in Azure's API specifications.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.clouds.core.model import Context, Exclusive, Name, Reference, ResourceRule
from sandbox.clouds.core.schema import Sdk

# Azure refuses values that its enumerations do not have, though the SDK types them `str | Enum`.
SDK: Final = Sdk("pulumi_azure_native", closed_enums=True)

GROUP: Final = "azure-native:resources:ResourceGroup"
GROUPS: Final = "/subscriptions/{subscription}/resourceGroups/"
_PROVIDERS: Final = GROUPS + "{resourceGroupName}/providers/"
_NAME_HEX: Final = "{name}{hex8}"
_OPERATION_SECONDS: Final = 0.2
"""An operation on a real AKS cluster takes minutes. Operations that a program starts together have to overlap here, too."""

IN_GROUP: Final = Reference(
    "resourceGroupName",
    GROUP,
    "ResourceGroupNotFound: Resource group '{value}' could not be found.",
    cascade=True,
    value=GROUPS + "{value}",
)


def path(provider: str) -> str:
    """The template of an id: `Microsoft.Network/virtualNetworks/{virtualNetworkName}` in the resource's
    group."""
    return _PROVIDERS + provider


def arm(token: str, provider: str, name: str, *, pattern: str = _NAME_HEX, **rule: Any) -> ResourceRule:
    """A resource in a resource group. `provider` is the part of its id after `providers/`, `name` the input in that part."""
    name_patterns = {name: rule.pop("name_pattern")} if "name_pattern" in rule else {}
    template = path(provider)
    in_path = tuple(part[1:-1] for part in provider.split("/") if part.startswith("{"))
    words = [part for part in provider.split("/") if not part.startswith("{")]
    outputs: Mapping[str, Any] = rule.pop("outputs", {})
    own: dict[str, Any] = {  # `declared_outputs` drops the outputs that the SDK's type does not have
        "name": f"{{{name}}}",
        "type": "/".join(words),
        "azureApiVersion": lambda c: SDK.resource(c.rule.token).api_version,
        "provisioningState": "Succeeded",
        "etag": lambda c: f'W/"{c["uuid"]}"',
        "eTag": "{uuid}",
        "resourceGuid": "{uuid}",
        "systemData": lambda c: {"createdAt": c["now"], "createdByType": "Application"},
    }
    return ResourceRule(
        token,
        id=template,
        name_patterns=name_patterns,
        source=f"learn.microsoft.com/azure/templates/{'/'.join(words).lower()}",
        name=Name(name, pattern),
        exists="cannot create already existing resource '{id}'",
        deletes_first=True,  # provider/pkg/provider/provider.go, Diff, deleteBeforeReplace
        replace=("resourceGroupName", *in_path, *rule.pop("replace", ())),
        outputs=own | dict(outputs),
        references=(IN_GROUP, *rule.pop("references", ())),
        volatile=("etag", "eTag", *rule.pop("volatile", ())),
        **rule,
    )


def cluster_operation(cluster: str) -> dict[str, Any]:
    """For a type whose changes are operations on an AKS cluster, which runs one at a time. `cluster` is the cluster's path.

    azure-native does not retry: its client retries `AnotherOperationInProgress` alone (pulumi/pulumi-azure-native,
    provider/pkg/azure/client_azcore.go, shouldRetryConflict).
    """
    return {
        "seconds": _OPERATION_SECONDS,
        "exclusive": Exclusive(
            path(cluster),
            "OperationNotAllowed: Operation is not allowed because there's an in progress {operation} operation on the managed"
            " cluster. Please wait for it to finish before starting a new operation.",
            "github.com/Azure/telescope/pull/1213",
        ),
    }


def to(
    input_path: str,
    token: str | tuple[str, ...],
    *,
    delete_error: str | None = None,
    cascade: bool = False,
    foreign: tuple[str, ...] = (),
    immediate: bool = False,
    value: str | Callable[[Context, str], str] = "{value}",
) -> Reference:
    """A reference to another resource, by its id unless `value` says how to make that."""
    return Reference(
        input_path,
        token,
        "ResourceNotFound: The Resource '{handle}' was not found.",
        delete_error=delete_error,
        cascade=cascade,
        foreign=foreign,
        immediate=immediate,
        value=value,
    )
