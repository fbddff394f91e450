"""Backups of a region on Google Cloud, by Backup for GKE."""

from __future__ import annotations

import pulumi_gcp as gcp

from components.shared.cluster import BACKUP_DAYS, ChildOptions
from fleet import Region


def back_up_daily(region: Region, cluster: gcp.container.Cluster, options: ChildOptions) -> None:
    """Back up all namespaces with their volumes every day. docs/runbooks/restore.md restores them."""
    gcp.gkebackup.BackupPlan(
        region.name,
        name=region.name,
        location=region.settings.location,
        cluster=cluster.id,
        backup_schedule=gcp.gkebackup.BackupPlanBackupScheduleArgs(cron_schedule="0 3 * * *"),
        # Google Cloud refuses to delete a backup before its time, to administrators too.
        retention_policy=gcp.gkebackup.BackupPlanRetentionPolicyArgs(
            backup_delete_lock_days=BACKUP_DAYS, backup_retain_days=BACKUP_DAYS
        ),
        backup_config=gcp.gkebackup.BackupPlanBackupConfigArgs(
            all_namespaces=True, include_volume_data=True, include_secrets=False
        ),
        opts=options.protected(),
    )
