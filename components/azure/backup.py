"""Backups of a region on Azure: daily, by Azure Backup for AKS, whose agent is an extension of the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

import pulumi
import pulumi_azure_native as azure

from components.azure.role_assignments import grant
from components.shared.cluster import BACKUP_DAYS, ChildOptions
from fleet import Region
from fleet.settings import AzureSettings

KIND = "Microsoft.ContainerService/managedClusters"
STORE = "OperationalStore"
"""Snapshots in the region's own subscription: the only tier that restores a volume in minutes."""


@dataclass(frozen=True)
class AzureBackupArgs:
    """The arguments of the backups."""

    region: Region
    cluster: azure.containerservice.ManagedCluster
    group: azure.resources.ResourceGroup
    identity: azure.managedidentity.UserAssignedIdentity
    """The cluster's own identity, which makes the snapshots."""


class AzureBackup(pulumi.ComponentResource):
    """A vault, a policy, the agent in the cluster, and the rights of the three on each other. docs/runbooks/restore.md."""

    def __init__(self, name: str, args: AzureBackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:azure:Backup", name, None, opts)
        self._args = args
        self._options = ChildOptions(self, None, args.region.protected)
        account = args.region.settings.azure
        assert account is not None, "fleet refuses a region on Azure without `azure` settings"

        # Not the region's own group: the deletion of a cluster's group must not delete its backups.
        snapshots = azure.resources.ResourceGroup(
            f"{name}-backup",
            resource_group_name=f"{name}-backup",
            tags=args.region.tags,
            opts=self._options.protected(),
        )
        storage, container = self._store_objects(account, snapshots)
        vault = self._create_vault(snapshots)
        agent = self._install_agent(account, snapshots, storage, container)
        access = self._let_vault_in(vault)
        roles = self._grant_roles(snapshots, storage, vault, agent)
        policy = self._schedule(snapshots, vault)
        self._back_up(snapshots, vault, policy, [agent, access, *roles])
        self.register_outputs({})

    def _store_objects(
        self, account: AzureSettings, snapshots: azure.resources.ResourceGroup
    ) -> tuple[azure.storage.StorageAccount, azure.storage.BlobContainer]:
        """The storage of the cluster's Kubernetes objects."""
        name, tags = self._args.region.name, self._args.region.tags
        storage = azure.storage.StorageAccount(
            f"{name}-backup",
            account_name=account_name(account.subscription_id, name),
            resource_group_name=snapshots.name,
            kind="StorageV2",
            sku=azure.storage.SkuArgs(name="Standard_ZRS"),
            allow_blob_public_access=False,
            allow_shared_key_access=False,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            tags=tags,
            opts=self._options.protected(),
        )
        container = azure.storage.BlobContainer(
            f"{name}-backup",
            container_name="objects",
            account_name=storage.name,
            resource_group_name=snapshots.name,
            public_access="None",
            opts=self._options.default(),
        )
        return storage, container

    def _create_vault(self, snapshots: azure.resources.ResourceGroup) -> azure.dataprotection.BackupVault:
        """The vault, which keeps deleted backups for 14 days more."""
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
            opts=self._options.protected(),
        )

    def _install_agent(
        self,
        account: AzureSettings,
        snapshots: azure.resources.ResourceGroup,
        storage: azure.storage.StorageAccount,
        container: azure.storage.BlobContainer,
    ) -> azure.kubernetesconfiguration.Extension:
        """The agent in the cluster, which writes the Kubernetes objects to the storage."""
        return azure.kubernetesconfiguration.Extension(
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
            opts=self._options.default(),
        )

    def _let_vault_in(self, vault: azure.dataprotection.BackupVault) -> azure.containerservice.TrustedAccessRoleBinding:
        """The vault's access to the cluster's API server."""
        return azure.containerservice.TrustedAccessRoleBinding(
            self._args.region.name,
            trusted_access_role_binding_name="backup",
            resource_group_name=self._args.group.name,
            resource_name_=self._args.cluster.name,
            roles=["Microsoft.DataProtection/backupVaults/backup-operator"],
            source_resource_id=vault.id,
            opts=self._options.default(),
        )

    def _grant_roles(
        self,
        snapshots: azure.resources.ResourceGroup,
        storage: azure.storage.StorageAccount,
        vault: azure.dataprotection.BackupVault,
        agent: azure.kubernetesconfiguration.Extension,
    ) -> list[azure.authorization.RoleAssignment]:
        """The rights in the subscription of vault, cluster and agent."""
        vault_principal = vault.identity.apply(lambda identity: identity.principal_id if identity else "")
        agent_principal = agent.aks_assigned_identity.apply(lambda identity: identity.principal_id if identity else "")
        return [
            grant(
                f"{self._args.region.name}-backup-{purpose}", role, scope, principal, "ServicePrincipal", self._options
            )
            for purpose, role, scope, principal in (
                ("vault-cluster", "Reader", self._args.cluster.id, vault_principal),
                ("vault-snapshots", "Reader", snapshots.id, vault_principal),
                ("cluster-snapshots", "Contributor", snapshots.id, self._args.identity.principal_id),
                ("agent-objects", "Storage Blob Data Contributor", storage.id, agent_principal),
            )
        ]

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
            opts=self._options.default(),
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
            opts=self._options.default(depends_on=depends_on),
        )


def data_store() -> azure.dataprotection.DataStoreInfoBaseArgs:
    """The tier that backups are in."""
    return azure.dataprotection.DataStoreInfoBaseArgs(data_store_type=STORE, object_type="DataStoreInfoBase")


def daily_rule() -> azure.dataprotection.AzureBackupRuleArgs:
    """A backup every day."""
    return azure.dataprotection.AzureBackupRuleArgs(
        name="daily",
        object_type="AzureBackupRule",
        data_store=data_store(),
        backup_parameters=azure.dataprotection.AzureBackupParamsArgs(
            backup_type="Incremental", object_type="AzureBackupParams"
        ),
        trigger=azure.dataprotection.ScheduleBasedTriggerContextArgs(
            object_type="ScheduleBasedTriggerContext",
            schedule=azure.dataprotection.BackupScheduleArgs(
                repeating_time_intervals=["R/2026-01-01T03:00:00+00:00/P1D"], time_zone="UTC"
            ),
            tagging_criteria=[
                azure.dataprotection.TaggingCriteriaArgs(
                    is_default=True,
                    tagging_priority=99,
                    tag_info=azure.dataprotection.RetentionTagArgs(tag_name="Default"),
                )
            ],
        ),
    )


def retention_rule() -> azure.dataprotection.AzureRetentionRuleArgs:
    """A backup's deletion at the end of its retention."""
    return azure.dataprotection.AzureRetentionRuleArgs(
        name="Default",
        object_type="AzureRetentionRule",
        is_default=True,
        lifecycles=[
            azure.dataprotection.SourceLifeCycleArgs(
                source_data_store=data_store(),
                delete_after=azure.dataprotection.AbsoluteDeleteOptionArgs(
                    duration=f"P{BACKUP_DAYS}D", object_type="AbsoluteDeleteOption"
                ),
            )
        ],
    )


def policy_parameters(snapshots: azure.resources.ResourceGroup) -> azure.dataprotection.PolicyParametersArgs:
    """The contents of a backup, and the resource group of its snapshots."""
    return azure.dataprotection.PolicyParametersArgs(
        backup_datasource_parameters_list=[
            azure.dataprotection.KubernetesClusterBackupDatasourceParametersArgs(
                object_type="KubernetesClusterBackupDatasourceParameters",
                include_cluster_scope_resources=True,
                snapshot_volumes=True,
            )
        ],
        data_store_parameters_list=[
            azure.dataprotection.AzureOperationalStoreParametersArgs(
                data_store_type=STORE,
                object_type="AzureOperationalStoreParameters",
                resource_group_id=snapshots.id,
            )
        ],
    )


def account_name(subscription: str, region: str) -> str:
    """A storage account's name: unique in all of Azure, 3 to 24 lower-case letters and digits."""
    return f"bk{uuid5(NAMESPACE_URL, f'{subscription}/{region}/backup').hex[:22]}"
