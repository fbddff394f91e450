"""The policy of the backups on Azure: their time, their contents, and their retention."""

from __future__ import annotations

import pulumi_azure_native as azure

from components.shared.cluster import BACKUP_DAYS

KIND = "Microsoft.ContainerService/managedClusters"
STORE = "OperationalStore"
"""Snapshots in the region's own subscription: the only tier that restores a volume in minutes."""


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
