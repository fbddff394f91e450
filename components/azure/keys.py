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
    """The vault and the key in it."""
    vault = azure.keyvault.Vault(
        region.name,
        vault_name=vault_name(account.subscription_id, region.name),
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


def vault_name(subscription: str, region: str) -> str:
    """A key vault's name: unique in all of Azure, 3 to 24 letters, digits and hyphens."""
    return f"kv-{uuid5(NAMESPACE_URL, f'{subscription}/{region}').hex[:20]}"
