"""Backups of a region on Azure: daily, by Azure Backup for AKS, whose agent is an extension of the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

import pulumi
import pulumi_azure_native as azure

from components.azure.role_assignments import grant
from components.shared.cluster import BACKUP_DAYS, Children
from fleet import Region

KIND = "Microsoft.ContainerService/managedClusters"
STORE = "OperationalStore"
"""Snapshots in the region's own subscription: the only tier that brings a volume back in minutes."""


@dataclass(frozen=True)
class AzureBackupArgs:
    """What the backups are made from."""

    region: Region
    cluster: azure.containerservice.ManagedCluster
    group: azure.resources.ResourceGroup
    identity: azure.managedidentity.UserAssignedIdentity
    """The cluster's own, which makes the snapshots."""


class AzureBackup(pulumi.ComponentResource):
    """A vault, a plan, the agent in the cluster, and the rights of the three on each other. docs/runbooks/restore.md."""

    def __init__(self, name: str, args: AzureBackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:azure:Backup", name, None, opts)
        region, tags = args.region, args.region.tags
        child = Children(self, None, region.protected)
        account = region.settings.azure
        assert account is not None, "fleet refuses a region on Azure without `azure` settings"
        # Apart from the region's own group: what is deleted with the cluster must not take its backups along.
        snapshots = azure.resources.ResourceGroup(
            f"{name}-backup", resource_group_name=f"{name}-backup", tags=tags, opts=child.kept()
        )
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
            opts=child.kept(),
        )
        container = azure.storage.BlobContainer(
            f"{name}-backup",
            container_name="objects",
            account_name=storage.name,
            resource_group_name=snapshots.name,
            public_access="None",
            opts=child.own(),
        )
        vault = azure.dataprotection.BackupVault(
            name,
            vault_name=name,
            resource_group_name=snapshots.name,
            identity=azure.dataprotection.DppIdentityDetailsArgs(type="SystemAssigned"),
            properties=azure.dataprotection.BackupVaultArgs(
                storage_settings=[
                    azure.dataprotection.StorageSettingArgs(datastore_type="VaultStore", type="ZoneRedundant")
                ],
                security_settings=azure.dataprotection.SecuritySettingsArgs(
                    # Not `Locked`, which no administrator could ever take back.
                    immutability_settings=azure.dataprotection.ImmutabilitySettingsArgs(state="Unlocked"),
                    soft_delete_settings=azure.dataprotection.SoftDeleteSettingsArgs(
                        state="On", retention_duration_in_days=14
                    ),
                ),
            ),
            tags=tags,
            opts=child.kept(),
        )
        agent = azure.kubernetesconfiguration.Extension(
            name,
            extension_name="azure-aks-backup",
            extension_type="Microsoft.DataProtection.Kubernetes",
            release_train="stable",
            cluster_rp="Microsoft.ContainerService",
            cluster_resource_name="managedClusters",
            cluster_name=args.cluster.name,
            resource_group_name=args.group.name,
            configuration_settings={
                "configuration.backupStorageLocation.bucket": container.name,
                "configuration.backupStorageLocation.config.storageAccount": storage.name,
                "configuration.backupStorageLocation.config.resourceGroup": snapshots.name,
                "configuration.backupStorageLocation.config.subscriptionId": account.subscription_id,
                "configuration.backupStorageLocation.config.useAAD": "true",
                "credentials.tenantId": account.directory_id,
            },
            opts=child.own(),
        )
        access = azure.containerservice.TrustedAccessRoleBinding(
            name,
            trusted_access_role_binding_name="backup",
            resource_group_name=args.group.name,
            resource_name_=args.cluster.name,
            roles=["Microsoft.DataProtection/backupVaults/backup-operator"],
            source_resource_id=vault.id,
            opts=child.own(),
        )
        vault_principal = vault.identity.apply(lambda found: found.principal_id if found else "")
        agent_principal = agent.aks_assigned_identity.apply(lambda found: found.principal_id if found else "")
        rights = [
            grant(f"{name}-backup-{what}", role, scope, principal, "ServicePrincipal", child)
            for what, role, scope, principal in (
                ("vault-cluster", "Reader", args.cluster.id, vault_principal),
                ("vault-snapshots", "Reader", snapshots.id, vault_principal),
                ("cluster-snapshots", "Contributor", snapshots.id, args.identity.principal_id),
                ("agent-objects", "Storage Blob Data Contributor", storage.id, agent_principal),
            )
        ]
        self._instance(name, args, snapshots, vault, child, [agent, access, *rights])
        self.register_outputs({})

    @staticmethod
    def _instance(
        name: str,
        args: AzureBackupArgs,
        snapshots: azure.resources.ResourceGroup,
        vault: azure.dataprotection.BackupVault,
        child: Children,
        after: list[pulumi.Resource],
    ) -> None:
        """What is backed up, when, and for how long."""
        store = azure.dataprotection.DataStoreInfoBaseArgs(data_store_type=STORE, object_type="DataStoreInfoBase")
        daily = azure.dataprotection.AzureBackupRuleArgs(
            name="daily",
            object_type="AzureBackupRule",
            data_store=store,
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
        kept = azure.dataprotection.AzureRetentionRuleArgs(
            name="Default",
            object_type="AzureRetentionRule",
            is_default=True,
            lifecycles=[
                azure.dataprotection.SourceLifeCycleArgs(
                    source_data_store=store,
                    delete_after=azure.dataprotection.AbsoluteDeleteOptionArgs(
                        duration=f"P{BACKUP_DAYS}D", object_type="AbsoluteDeleteOption"
                    ),
                )
            ],
        )
        policy = azure.dataprotection.BackupPolicy(
            name,
            backup_policy_name="daily",
            vault_name=vault.name,
            resource_group_name=snapshots.name,
            properties=azure.dataprotection.BackupPolicyArgs(
                datasource_types=[KIND], object_type="BackupPolicy", policy_rules=[daily, kept]
            ),
            opts=child.own(),
        )
        cluster = {
            "resource_id": args.cluster.id,
            "resource_uri": args.cluster.id,
            "resource_type": KIND,
            "datasource_type": KIND,
            "resource_location": args.region.settings.location,
        }
        azure.dataprotection.BackupInstance(
            name,
            backup_instance_name=name,
            vault_name=vault.name,
            resource_group_name=snapshots.name,
            properties=azure.dataprotection.BackupInstanceArgs(
                object_type="BackupInstance",
                friendly_name=name,
                data_source_info=azure.dataprotection.DatasourceArgs(object_type="Datasource", **cluster),
                data_source_set_info=azure.dataprotection.DatasourceSetArgs(object_type="DatasourceSet", **cluster),
                policy_info=azure.dataprotection.PolicyInfoArgs(
                    policy_id=policy.id,
                    policy_parameters=azure.dataprotection.PolicyParametersArgs(
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
                    ),
                ),
            ),
            opts=child.own(depends_on=after),
        )


def account_name(subscription: str, region: str) -> str:
    """A storage account's name: unique in all of Azure, 3 to 24 lower-case letters and digits."""
    return f"bk{uuid5(NAMESPACE_URL, f'{subscription}/{region}/backup').hex[:22]}"
