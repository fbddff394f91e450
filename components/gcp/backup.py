"""Backups of a region on Google Cloud, by Backup for GKE."""

from __future__ import annotations

import pulumi_gcp as gcp

from components.shared.cluster import BACKUP_DAYS, ChildOptions
from fleet import Region


def back_up_daily(region: Region, cluster: gcp.container.Cluster, options: ChildOptions) -> gcp.gkebackup.BackupPlan:
    """Back up all namespaces with their volumes every day. docs/runbooks/restore.md restores them.

    Google Cloud deletes no plan that has a locked backup (terraform-provider-google issue 15309). So a plan outlives its
    region, and Pulumi generates the name, which a later region of the same name does not meet. Google's own keys encrypt
    the backups, and no key of the region.
    """
    return gcp.gkebackup.BackupPlan(
        region.name,
        location=region.settings.location,
        cluster=cluster.id,
        backup_schedule=gcp.gkebackup.BackupPlanBackupScheduleArgs(
            cron_schedule="0 3 * * *",
            # A region on its way out. The plan names its cluster by path, and would back up the next one of that path.
            paused=region.settings.suspended and not region.protected,
        ),
        # Google Cloud refuses to delete a backup before its time, to administrators too.
        retention_policy=gcp.gkebackup.BackupPlanRetentionPolicyArgs(
            backup_delete_lock_days=BACKUP_DAYS, backup_retain_days=BACKUP_DAYS
        ),
        backup_config=gcp.gkebackup.BackupPlanBackupConfigArgs(
            all_namespaces=True, include_volume_data=True, include_secrets=False
        ),
        opts=options.protected(retain_on_delete=True),
    )
