"""The SIMULATED Azure: provider configuration, data sources and the register of resource types."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from sandbox.clouds.azure import agent_pools, aks, backup, identity, monitor, network
from sandbox.clouds.azure.common import GROUP, GROUPS, SDK
from sandbox.clouds.azure.credentials import admin_credentials, user_credentials
from sandbox.clouds.core.crud import Cloud
from sandbox.clouds.core.dialect import Invoke
from sandbox.clouds.core.model import CloudError, Context, ResourceRule, is_known
from sandbox.clouds.core.schema import SchemaError

_NOBODY: Final = "00000000-0000-0000-0000-000000000000"


class AzureDialect:
    """Azure as `sandbox.clouds.core.dialect.Dialect`."""

    name = "azure-native"
    sdk = SDK
    scope = ""  # ids are full paths
    account = "{subscription}"
    rules: Mapping[str, ResourceRule] = {
        rule.token: rule for module in (network, identity, aks, agent_pools, monitor, backup) for rule in module.RULES
    }

    def __init__(self) -> None:
        self.invokes: Mapping[str, Invoke] = {
            "azure-native:authorization:getClientConfig": _client_config,
            "azure-native:containerservice:listManagedClusterUserCredentials": user_credentials,
            "azure-native:containerservice:listManagedClusterAdminCredentials": admin_credentials,
        }

    def settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The subscription, the tenant, who asks, and the default location."""
        subscription = config.get("subscriptionId") or os.environ.get("ARM_SUBSCRIPTION_ID") or _NOBODY
        if not identity.is_guid(subscription):
            raise CloudError(
                f"InvalidSubscriptionId: The provided subscription identifier '{subscription}' is malformed or invalid."
            )
        return {
            "subscription": subscription,
            "tenant": config.get("tenantId") or os.environ.get("ARM_TENANT_ID") or _NOBODY,
            "client": config.get("clientId") or _NOBODY,
            "object": _NOBODY,
            "default_location": config.get("location") or "",
        }

    def normalise(self, handle: str) -> str:
        """Azure's ids and names ignore case."""
        return handle.lower()

    def inherited_outputs(self, context: Context) -> dict[str, Any]:
        """Nothing: azure-native has no default tags."""
        return {}

    def default_inputs(self, context: Context) -> dict[str, Any]:
        """The location: the provider's, else the resource group's, as azure-native does."""
        if "location" not in self.sdk.resource(context.rule.token).inputs or context.inputs.get("location"):
            return {}
        group = context.inputs.get("resourceGroupName")
        row = context.find((GROUP,), context.text(GROUPS) + str(group)) if is_known(group) else None
        location = context["default_location"] or (row.outputs["location"] if row is not None else None)
        return {"location": location} if location else {}

    def invalid_name(self, path: str, value: str, pattern: str) -> str:
        """As Azure Resource Manager puts it."""
        return f"InvalidResourceName: Resource name {value} is invalid. It has to match {pattern}"

    def explain(self, error: SchemaError, token: str, name: str) -> str:
        """A refused input, in the provider's words where it has some."""
        if error.kind == "missing":
            return f"missing required property '{error.path}'"
        if error.kind == "unknown":
            return f"'{error.path}' is not a property of {token}. {error.reason}".rstrip()
        return f"property '{error.path}': {error.reason}"


def _client_config(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "clientId": cloud.settings["client"],
        "objectId": cloud.settings["object"],
        "subscriptionId": cloud.settings["subscription"],
        "tenantId": cloud.settings["tenant"],
    }


DIALECT: Final = AzureDialect()
