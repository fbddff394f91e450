"""Backups of a region on Azure: daily, by Azure Backup for AKS, whose agent is an extension of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

import pulumi
import pulumi_azure_native as azure

from components.azure.backup_policy import KIND, daily_rule, policy_parameters, retention_rule
from components.azure.role_assignments import grant
from components.shared.cluster import ChildOptions
from fleet import Region
from fleet.settings import AzureSettings


@dataclass(frozen=True)
class AzureBackupArgs:
    """The arguments of the backups."""

    region: Region
    cluster: azure.containerservice.ManagedCluster
    group: azure.resources.ResourceGroup
    identity: azure.managedidentity.UserAssignedIdentity
    """The cluster's own identity, which makes the snapshots."""
    operations: list[pulumi.CustomResource]
    """The operations on the cluster so far. AKS runs one at a time, so each depends on the last one and goes into the list."""


class AzureBackup(pulumi.ComponentResource):
    """A vault, a policy, the agent in the cluster, and the rights of the three on each other. docs/runbooks/restore.md.

    Pulumi never deletes the backups: group, storage, vault, policy and backup instance outlive the region, until the last
    backup expires (docs/operate/remove-a-region.md). So the provider adds a random suffix to their names, and the next
    region of this name does not meet them.
    """

    group: pulumi.Output[str]
    """The name of the resource group of the backups, which outlives the region."""

    def __init__(self, name: str, args: AzureBackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:azure:Backup", name, None, opts)
        self._args = args
        self._options = ChildOptions(self, None, args.region.protected)
        account = args.region.settings.azure
        assert account is not None, "fleet refuses a region on Azure without `azure` settings"

        # Not the region's own group: the deletion of a cluster's group must not delete its backups.
        snapshots = azure.resources.ResourceGroup(
            f"{name}-backup", tags=args.region.tags, opts=self._options.protected(retain_on_delete=True)
        )
        storage, container = self._store_objects(account, snapshots)
        vault = self._create_vault(snapshots)
        # Azure checks these roles when it takes the backup instance. The agent takes minutes, so Azure knows of them then.
        roles = self._grant_roles(snapshots, vault)
        agent = self._install_agent(account, snapshots, storage, container, roles)
        agent_role = self._let_agent_write(storage, agent)
        access = self._let_vault_in(vault, agent_role)
        policy = self._schedule(snapshots, vault)
        self._back_up(snapshots, vault, policy, [access])
        self.group = snapshots.name
        self.register_outputs({"group": self.group})

    def _store_objects(
        self, account: AzureSettings, snapshots: azure.resources.ResourceGroup
    ) -> tuple[azure.storage.StorageAccount, azure.storage.BlobContainer]:
        """The storage of the cluster's Kubernetes objects."""
        name, tags = self._args.region.name, self._args.region.tags
        storage = azure.storage.StorageAccount(
            account_prefix(account.subscription_id, name),
            resource_group_name=snapshots.name,
            kind="StorageV2",
            sku=azure.storage.SkuArgs(name="Standard_ZRS"),
            allow_blob_public_access=False,
            allow_shared_key_access=False,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            tags=tags,
            opts=self._options.protected(retain_on_delete=True),
        )
        container = azure.storage.BlobContainer(
            f"{name}-backup",
            container_name="objects",
            account_name=storage.name,
            resource_group_name=snapshots.name,
            public_access="None",
            opts=self._options.default(retain_on_delete=True),
        )
        return storage, container

    def _create_vault(self, snapshots: azure.resources.ResourceGroup) -> azure.dataprotection.BackupVault:
        """The vault. Soft delete and immutability are for its own store alone, so no setting here protects a snapshot.

        Source: learn.microsoft.com/azure/backup/backup-azure-enhanced-soft-delete-about, "supported scenarios". Both are on
        all the same, for the day on which a policy copies backups into the vault's store.
        """
        region = self._args.region
        return azure.dataprotection.BackupVault(
            region.name,
            vault_name=region.name,
            resource_group_name=snapshots.name,
            identity=azure.dataprotection.DppIdentityDetailsArgs(type="SystemAssigned"),
            properties=azure.dataprotection.BackupVaultArgs(
                storage_settings=[
                    azure.dataprotection.StorageSettingArgs(datastore_type="VaultStore", type="ZoneRedundant")
                ],
                security_settings=azure.dataprotection.SecuritySettingsArgs(
                    # Not `Locked`, which no administrator could ever undo.
                    immutability_settings=azure.dataprotection.ImmutabilitySettingsArgs(state="Unlocked"),
                    soft_delete_settings=azure.dataprotection.SoftDeleteSettingsArgs(
                        state="On", retention_duration_in_days=14
                    ),
                ),
            ),
            tags=region.tags,
            opts=self._options.protected(retain_on_delete=True),
        )

    def _install_agent(
        self,
        account: AzureSettings,
        snapshots: azure.resources.ResourceGroup,
        storage: azure.storage.StorageAccount,
        container: azure.storage.BlobContainer,
        depends_on: Sequence[pulumi.Resource],
    ) -> azure.kubernetesconfiguration.Extension:
        """The agent in the cluster, which writes the Kubernetes objects to the storage."""
        operations = self._args.operations
        agent = azure.kubernetesconfiguration.Extension(
            self._args.region.name,
            extension_name="azure-aks-backup",
            extension_type="Microsoft.DataProtection.Kubernetes",
            release_train="stable",
            cluster_rp="Microsoft.ContainerService",
            cluster_resource_name="managedClusters",
            cluster_name=self._args.cluster.name,
            resource_group_name=self._args.group.name,
            configuration_settings={
                "configuration.backupStorageLocation.bucket": container.name,
                "configuration.backupStorageLocation.config.storageAccount": storage.name,
                "configuration.backupStorageLocation.config.resourceGroup": snapshots.name,
                "configuration.backupStorageLocation.config.subscriptionId": account.subscription_id,
                "configuration.backupStorageLocation.config.useAAD": "true",
                "credentials.tenantId": account.directory_id,
            },
            opts=self._options.default(depends_on=[*operations[-1:], *depends_on]),
        )
        operations.append(agent)
        return agent

    def _let_vault_in(
        self, vault: azure.dataprotection.BackupVault, agent_role: pulumi.Resource
    ) -> azure.containerservice.TrustedAccessRoleBinding:
        """The vault's access to the cluster's API server. An operation on the cluster, so Azure knows of the agent's role then."""
        operations = self._args.operations
        access = azure.containerservice.TrustedAccessRoleBinding(
            self._args.region.name,
            trusted_access_role_binding_name="backup",
            resource_group_name=self._args.group.name,
            resource_name_=self._args.cluster.name,
            roles=["Microsoft.DataProtection/backupVaults/backup-operator"],
            source_resource_id=vault.id,
            opts=self._options.default(depends_on=[*operations[-1:], agent_role]),
        )
        operations.append(access)
        return access

    def _grant_roles(
        self, snapshots: azure.resources.ResourceGroup, vault: azure.dataprotection.BackupVault
    ) -> list[azure.authorization.RoleAssignment]:
        """The rights of vault and cluster. The vault needs its right on the snapshots as long as there are any."""
        region, cluster = self._args.region, self._args.cluster
        vault_principal = vault.identity.apply(lambda identity: identity.principal_id if identity else "")
        return [
            grant(
                f"{region.name}-backup-{purpose}", role, scope, principal, "ServicePrincipal", self._options,
                retain_on_delete=retained,
            )
            for purpose, role, scope, principal, retained in (
                ("vault-cluster", "Reader", cluster.id, vault_principal, False),
                ("vault-snapshots", "Reader", snapshots.id, vault_principal, True),
                ("cluster-snapshots", "Contributor", snapshots.id, self._args.identity.principal_id, False),
            )
        ]  # fmt: skip

    def _let_agent_write(
        self, storage: azure.storage.StorageAccount, agent: azure.kubernetesconfiguration.Extension
    ) -> azure.authorization.RoleAssignment:
        """The agent's right to write objects. The agent brings its own identity, so the right cannot be there earlier."""
        principal = agent.aks_assigned_identity.apply(lambda identity: identity.principal_id if identity else "")
        return grant(
            f"{self._args.region.name}-backup-agent-objects",
            "Storage Blob Data Contributor",
            storage.id,
            principal,
            "ServicePrincipal",
            self._options,
        )

    def _schedule(
        self, snapshots: azure.resources.ResourceGroup, vault: azure.dataprotection.BackupVault
    ) -> azure.dataprotection.BackupPolicy:
        """The policy: when to back up, and for how long to keep a backup."""
        return azure.dataprotection.BackupPolicy(
            self._args.region.name,
            backup_policy_name="daily",
            vault_name=vault.name,
            resource_group_name=snapshots.name,
            properties=azure.dataprotection.BackupPolicyArgs(
                datasource_types=[KIND], object_type="BackupPolicy", policy_rules=[daily_rule(), retention_rule()]
            ),
            opts=self._options.default(retain_on_delete=True),
        )

    def _back_up(
        self,
        snapshots: azure.resources.ResourceGroup,
        vault: azure.dataprotection.BackupVault,
        policy: azure.dataprotection.BackupPolicy,
        depends_on: list[pulumi.Resource],
    ) -> None:
        """Put the cluster with its volumes under the policy."""
        region, cluster = self._args.region, self._args.cluster
        source = {
            "resource_id": cluster.id,
            "resource_uri": cluster.id,
            "resource_type": KIND,
            "datasource_type": KIND,
            "resource_location": region.settings.location,
        }
        azure.dataprotection.BackupInstance(
            region.name,
            backup_instance_name=region.name,
            vault_name=vault.name,
            resource_group_name=snapshots.name,
            properties=azure.dataprotection.BackupInstanceArgs(
                object_type="BackupInstance",
                friendly_name=region.name,
                data_source_info=azure.dataprotection.DatasourceArgs(object_type="Datasource", **source),
                data_source_set_info=azure.dataprotection.DatasourceSetArgs(object_type="DatasourceSet", **source),
                policy_info=azure.dataprotection.PolicyInfoArgs(
                    policy_id=policy.id, policy_parameters=policy_parameters(snapshots)
                ),
            ),
            opts=self._options.default(depends_on=depends_on, retain_on_delete=True),
        )


def account_prefix(subscription: str, region: str) -> str:
    """A storage account's name without the provider's eight characters: 3 to 24 lower-case letters and digits altogether."""
    return f"bk{uuid5(NAMESPACE_URL, f'{subscription}/{region}/backup').hex[:12]}"
