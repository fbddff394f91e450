"""The key on Azure that encrypts the Secrets in etcd, in a key vault of the region's own."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

import pulumi_azure_native as azure

from components.shared.cluster import ChildOptions
from fleet import Region
from fleet.settings import AzureSettings


def etcd_key(
    region: Region, account: AzureSettings, group: azure.resources.ResourceGroup, options: ChildOptions
) -> tuple[azure.keyvault.Vault, azure.keyvault.Key]:
    """The vault and the key in it.

    Purge protection keeps a deleted vault, and its name, for 90 days. So the provider adds a random suffix to the name, and
    a region can be made again: learn.microsoft.com/azure/key-vault/general/soft-delete-overview.
    """
    vault = azure.keyvault.Vault(
        vault_prefix(account.subscription_id, region.name),
        resource_group_name=group.name,
        properties=azure.keyvault.VaultPropertiesArgs(
            tenant_id=account.directory_id,
            sku=azure.keyvault.SkuArgs(family="A", name="standard"),
            enable_rbac_authorization=True,
            enable_purge_protection=True,
            soft_delete_retention_in_days=90,
        ),
        tags=region.tags,
        opts=options.protected(),
    )
    key = azure.keyvault.Key(
        region.name,
        key_name="etcd",
        vault_name=vault.name,
        resource_group_name=group.name,
        properties=azure.keyvault.KeyPropertiesArgs(kty="RSA", key_size=3072),
        opts=options.protected(),
    )
    return vault, key


def vault_prefix(subscription: str, region: str) -> str:
    """A key vault's name without the provider's eight characters: unique in all of Azure, 3 to 24 characters altogether."""
    return f"kv-{uuid5(NAMESPACE_URL, f'{subscription}/{region}').hex[:12]}"
