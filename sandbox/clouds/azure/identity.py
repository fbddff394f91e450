"""Rules of the SIMULATED Azure for resource groups, identities, role assignments, key vaults and
workspaces."""

from __future__ import annotations

import re
from typing import Any, Final

from sandbox.clouds.azure.common import GROUP, GROUPS, SDK, arm, path, to
from sandbox.clouds.core import property_paths
from sandbox.clouds.core.model import (
    CloudError,
    Context,
    KeptName,
    Name,
    NotUsableYetError,
    Quota,
    ResourceRule,
    documented_at,
    is_known,
)
from sandbox.clouds.core.store import Transaction

IDENTITY: Final = "azure-native:managedidentity:UserAssignedIdentity"
VAULT: Final = "azure-native:keyvault:Vault"
KEY: Final = "azure-native:keyvault:Key"
WORKSPACE: Final = "azure-native:operationalinsights:Workspace"
ROLE_ASSIGNMENT: Final = "azure-native:authorization:RoleAssignment"

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_IDENTITIES: Final = "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"
_VAULTS: Final = "Microsoft.KeyVault/vaults/{vaultName}"


def is_guid(text: object) -> bool:
    """Whether a text is a GUID, as Azure writes identities."""
    return isinstance(text, str) and bool(_GUID.fullmatch(text))


def _has_location(context: Context, tx: Transaction) -> None:
    if not context.get("location"):
        raise CloudError("LocationRequired: The location property is required for this definition.")


@documented_at("learn.microsoft.com/azure/role-based-access-control/troubleshooting")
def _assignment(context: Context, tx: Transaction) -> None:
    principal, definition = context["principalId"], str(context["roleDefinitionId"])
    if not is_guid(principal):
        raise CloudError(
            f"InvalidPrincipalId: A valid principal ID must be provided for role assignment. ({principal})"
        )
    identity = context.find((IDENTITY,), str(principal))
    if identity is not None and not identity.usable and context.inputs.get("principalType") != "ServicePrincipal":
        raise NotUsableYetError(
            f"PrincipalNotFound: Principal {principal} does not exist in the directory. If you are creating this principal and"
            " then immediately assigning a role, this error might be related to a replication delay. In this case, set the role"
            " assignment principalType property to a value, such as ServicePrincipal, User, or Group.",
            retried=False,
        )
    if not is_guid(definition.rsplit("/", 1)[-1]) or "/roleDefinitions/" not in definition:
        raise CloudError(
            f"RoleDefinitionDoesNotExist: The specified role definition with ID '{definition}' does not exist."
        )
    scope = str(context["scope"]).lower()
    if "/resourcegroups/" in scope and not any(row.id.lower() == scope for row in tx.all()):
        raise CloudError(f"ResourceNotFound: The Resource '{context['scope']}' was not found.")


def _key_uri(context: Context) -> str:
    return f"https://{str(context['vaultName']).lower()}.vault.azure.net/keys/{context['keyName']}"


def _property(name: str) -> Any:
    return lambda context: property_paths.get(context.inputs, f"properties.{name}")


def granted(context: Context, scope: str, principal: str, role: str) -> bool:
    """Whether a principal can use a built-in role at a scope. A role that is inherited from above does not count."""
    grant = f"{scope}|/providers/Microsoft.Authorization/roleDefinitions/{role}|{principal}"
    row = context.find((ROLE_ASSIGNMENT,), grant)
    return row is not None and row.usable


_LIMITS: Final = "learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits"


RULES: Final = (
    ResourceRule(
        GROUP,
        source="learn.microsoft.com/azure/azure-resource-manager/management/manage-resource-groups-portal",
        id=GROUPS + "{resourceGroupName}",
        name_patterns={"resourceGroupName": r"[\w().-]{0,89}[\w()-]"},
        quota=Quota(
            980,
            "ResourceGroupQuotaExceeded: Creating the resource group '{resourceGroupName}' would exceed the quota of '980'.",
            _LIMITS,
        ),
        name=Name("resourceGroupName", "{name}{hex8}"),
        exists="cannot create already existing resource '{id}'",
        replace=("resourceGroupName", "location"),
        outputs={
            "name": "{resourceGroupName}",
            "type": "Microsoft.Resources/resourceGroups",
            "properties": {"provisioningState": "Succeeded"},
            "azureApiVersion": lambda c: SDK.resource(c.rule.token).api_version,
        },
        checks=(_has_location,),
    ),
    arm(
        IDENTITY,
        _IDENTITIES,
        "resourceName",
        propagation_seconds=0.3,  # learn.microsoft.com/azure/role-based-access-control/troubleshooting: Entra learns of it later
        name_pattern=r"[A-Za-z0-9][\w-]{2,127}",
        handles=("principalId", "clientId"),
        replace=("location",),
        outputs={"principalId": "{uuid}", "clientId": "{uuid}", "tenantId": "{tenant}"},
    ),
    arm(
        "azure-native:managedidentity:FederatedIdentityCredential",
        f"{_IDENTITIES}/federatedIdentityCredentials/{{federatedIdentityCredentialResourceName}}",
        "federatedIdentityCredentialResourceName",
        references=(to("resourceName", IDENTITY, cascade=True, immediate=True, value=path(_IDENTITIES)),),
    ),
    ResourceRule(
        ROLE_ASSIGNMENT,
        source="learn.microsoft.com/azure/templates/microsoft.authorization/roleassignments",
        id="{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        name=Name("roleAssignmentName", "{hex8}-0000-4000-8000-{hex12}"),
        exists="RoleAssignmentExists: The role assignment already exists.",
        quota=Quota(
            4000,
            "RoleAssignmentLimitExceeded: No more role assignments can be created.",
            "learn.microsoft.com/azure/role-based-access-control/troubleshoot-limits",
        ),
        # learn.microsoft.com/azure/role-based-access-control/troubleshooting: up to ten minutes. Where the service does not wait,
        # something slow has to come between the assignment and its use.
        propagation_seconds=0.2,
        handles=("grant",),
        replace=("principalId", "scope", "roleAssignmentName"),
        outputs={
            "grant": "{scope}|{roleDefinitionId}|{principalId}",
            "name": "{roleAssignmentName}",
            "type": "Microsoft.Authorization/roleAssignments",
            "azureApiVersion": lambda c: SDK.resource(c.rule.token).api_version,
            "createdOn": "{now}",
            "updatedOn": "{now}",
            "createdBy": "{object}",
            "updatedBy": "{object}",
            "principalType": "ServicePrincipal",
        },
        volatile=("updatedOn",),
        checks=(_assignment,),
    ),
    arm(
        WORKSPACE,
        "Microsoft.OperationalInsights/workspaces/{workspaceName}",
        "workspaceName",
        name_pattern=r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
        seconds=0.3,
        replace=("location",),
        outputs={
            "customerId": "{uuid}",
            "createdDate": "{now}",
            "modifiedDate": "{now}",
            "retentionInDays": 30,
            "sku": {"name": "PerGB2018"},
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
        },
    ),
    # Here keys go with their vault, so that an empty cloud is empty.
    ResourceRule(
        "azure-native:authorization:RoleDefinition",
        source="learn.microsoft.com/azure/role-based-access-control/custom-roles",
        id="{scope}/providers/Microsoft.Authorization/roleDefinitions/{roleDefinitionId}",
        name=Name("roleDefinitionId", "{hex8}"),
        exists="RoleDefinitionWithSameNameExists: A custom role with the same name already exists in this directory.",
        replace=("scope", "roleDefinitionId"),
        outputs={
            "name": "{roleDefinitionId}",
            "type": "Microsoft.Authorization/roleDefinitions",
            "azureApiVersion": lambda c: SDK.resource(c.rule.token).api_version,
        },
    ),
    arm(
        VAULT,
        _VAULTS,
        "vaultName",
        name_pattern=r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]",
        seconds=0.2,
        handles=("properties.vaultUri",),
        # learn.microsoft.com/azure/key-vault/general/soft-delete-overview
        keeps_name=KeptName(
            "{vaultName}",
            "ConflictError: A vault with the same name already exists in deleted state. You need to either recover or purge"
            " existing key vault.",
        ),
        replace=("location", "properties.tenantId"),
        outputs={
            "properties.vaultUri": lambda c: f"https://{str(c['vaultName']).lower()}.vault.azure.net/",
            "properties.provisioningState": "Succeeded",
            "properties.enableSoftDelete": True,
            "properties.softDeleteRetentionInDays": 90,
        },
    ),
    arm(
        KEY,
        f"{_VAULTS}/keys/{{keyName}}",
        "keyName",
        name_pattern=r"[A-Za-z0-9-]{1,127}",
        handles=("keyUriWithVersion",),
        outputs={
            "keyUri": _key_uri,
            "keyUriWithVersion": lambda c: f"{_key_uri(c)}/{c['hex32']}",
            "kty": _property("kty"),
            "keySize": _property("keySize"),
            "keyOps": _property("keyOps"),
            "curveName": _property("curveName"),
            "rotationPolicy": _property("rotationPolicy"),
            "attributes": {"enabled": True},
            "location": lambda c: _vault_location(c),
        },
        references=(to("vaultName", VAULT, cascade=True, value=path(_VAULTS)),),
    ),
)


def _vault_location(context: Context) -> Any:
    row = context.find((VAULT,), context.text(path(_VAULTS)))
    return row.outputs.get("location") if row is not None and is_known(row.outputs.get("location")) else None
