"""The conditions of the SIMULATED Azure for a new AKS cluster: the names and rights of its surroundings."""

from __future__ import annotations

import re
from typing import Final

from sandbox.clouds.azure import identity
from sandbox.clouds.core.model import CloudError, Context, documented_at, is_known
from sandbox.clouds.core.store import Transaction

_ZONE_CONTRIBUTOR: Final = "b12aa53e-6015-4669-85d0-8515ebb3ae7f"
_CRYPTO_USER: Final = "12338af0-0e69-4776-bea7-57ae8d297424"
_NETWORK_CONTRIBUTOR: Final = "4d97b98b-1d4f-4787-a291-c67834d212e7"
"""Built-in roles: learn.microsoft.com/azure/role-based-access-control/built-in-roles."""


@documented_at("learn.microsoft.com/azure/aks/private-clusters")
def zone_name(context: Context, tx: Transaction) -> None:
    """Refuse a private zone of another name. With API-server VNet integration the name has no `privatelink`."""
    zone = str(context.inputs.get("apiServerAccessProfile", {}).get("privateDNSZone") or "")
    if not zone.startswith("/"):
        return
    word = "private" if context.get("apiServerAccessProfile.enableVnetIntegration") else "privatelink"
    name, place = zone.rsplit("/", 1)[1].lower(), str(context["location"]).lower().replace(" ", "")
    if not re.fullmatch(rf"([a-z0-9-]{{1,32}}\.)?{word}\.{place}\.azmk8s\.io", name):
        raise CloudError(
            f"InvalidPrivateDNSZone: The private DNS zone '{name}' is invalid. Its name has to be"
            f" {word}.{place}.azmk8s.io or <subzone>.{word}.{place}.azmk8s.io."
        )


@documented_at("learn.microsoft.com/azure/aks/use-managed-identity")
def identity_roles(context: Context, tx: Transaction) -> None:
    """Refuse a user-assigned identity that lacks its roles when the cluster is created."""
    if context.old_inputs or context.get("identity.type") != "UserAssigned":
        return
    id_ = next(iter(context.get("identity.userAssignedIdentities") or ()), None)
    row = context.find((identity.IDENTITY,), str(id_)) if id_ else None
    if row is None:
        return
    principal = str(row.outputs["principalId"])
    zone, key = (
        context.get("apiServerAccessProfile.privateDNSZone"),
        context.get("securityProfile.azureKeyVaultKms.keyId"),
    )
    # learn.microsoft.com/azure/aks/private-clusters, "configure a private DNS zone"
    if (
        is_known(zone)
        and str(zone).startswith("/")
        and not identity.granted(context, str(zone), principal, _ZONE_CONTRIBUTOR)
    ):
        raise CloudError(
            "CustomPrivateDNSZoneMissingPermissionError: Service principal or user-assigned identity must be given permission to"
            f" read and write to custom private dns zone {zone}."
        )
    # learn.microsoft.com/azure/aks/use-kms-etcd-encryption
    vault = context.find((identity.KEY,), str(key)) if is_known(key) else None
    folder = vault.id.rsplit("/keys/", 1)[0] if vault is not None else None
    if folder and not identity.granted(context, folder, principal, _CRYPTO_USER):
        raise CloudError(
            f"AzureKeyVaultKmsValidateIdentityPermissionFailed: the identity is not allowed to use key {key}: it needs the role"
            " Key Vault Crypto User."
        )
    # learn.microsoft.com/azure/aks/configure-azure-cni, "prerequisites", and api-server-vnet-integration
    subnets = [pool.get("vnetSubnetID") for pool in context.inputs.get("agentPoolProfiles") or ()]
    for subnet in (str(id_ or "") for id_ in (*subnets, context.get("apiServerAccessProfile.subnetId"))):
        network_id = subnet.rsplit("/subnets/", 1)[0]
        grants = (identity.granted(context, scope, principal, _NETWORK_CONTRIBUTOR) for scope in (subnet, network_id))
        if subnet and not any(grants):
            raise CloudError(
                "LinkedAuthorizationFailed: the identity does not have permission to perform action"
                f" 'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope '{subnet}'."
            )
