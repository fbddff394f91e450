"""Rights on Azure: built-in roles at a scope."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_azure_native as azure

from components.shared.cluster import ChildOptions

ROLES = {
    "Azure Kubernetes Service Cluster User Role": "4abbcc35-e782-43d8-92c5-2d3f1bd2253f",
    "Azure Kubernetes Service RBAC Cluster Admin": "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
    "Azure Kubernetes Service RBAC Reader": "7f6c6a51-bcf8-42ba-9220-52d62157d7db",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Key Vault Crypto User": "12338af0-0e69-4776-bea7-57ae8d297424",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Private DNS Zone Contributor": "b12aa53e-6015-4669-85d0-8515ebb3ae7f",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
}
"""Built-in roles: learn.microsoft.com/azure/role-based-access-control/built-in-roles."""


def grant(
    name: str,
    role: str,
    scope: pulumi.Input[str],
    principal: pulumi.Input[str],
    kind: str,
    options: ChildOptions,
    **more_options: Any,
) -> azure.authorization.RoleAssignment:
    """A built-in role at a scope.

    The provider generates the assignment's GUID. No two assignments of a directory may share one, and an assignment may
    outlive its region: learn.microsoft.com/azure/role-based-access-control/role-assignments.
    """
    return azure.authorization.RoleAssignment(
        name,
        scope=scope,
        principal_id=principal,
        principal_type=kind,
        role_definition_id=f"/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}",
        opts=options.default(**more_options),
    )
