"""Rules of the SIMULATED Google Cloud for Backup for GKE: plans are records. Each counts as one that has a backup.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-google,
google/services/gkebackup/resource_gke_backup_backup_plan.go.
"""

from __future__ import annotations

from typing import Final

from sandbox.clouds.core.model import CloudError, Context, Name, ResourceRule, documented_at
from sandbox.clouds.core.store import Transaction
from sandbox.clouds.gcp.node_pools import CLUSTER, CLUSTERS
from sandbox.clouds.gcp.paths import deletion_policy, to


def _retention(context: Context, tx: Transaction) -> None:
    lock, keep = (context.get(f"retentionPolicy.{key}") or 0 for key in ("backupDeleteLockDays", "backupRetainDays"))
    if not 0 <= lock <= 90:
        raise CloudError("googleapi: Error 400: backup_delete_lock_days must be between 0 and 90., badRequest")
    if keep and keep < lock:
        raise CloudError(
            "googleapi: Error 400: backup_retain_days must be no less than backup_delete_lock_days., badRequest"
        )


@documented_at("cloud.google.com/kubernetes-engine/docs/add-on/backup-for-gke/how-to/install")
def _agent(context: Context, tx: Transaction) -> None:
    row = context.find((CLUSTER,), str(context["cluster"]))
    enabled = row and ((row.outputs.get("addonsConfig") or {}).get("gkeBackupAgentConfig") or {}).get("enabled")
    if not enabled:
        raise CloudError(
            f"googleapi: Error 400: Backup for GKE is not enabled in cluster {context['cluster']}., failedPrecondition"
        )


def _no_locked_backup(context: Context, tx: Transaction) -> None:
    """A plan has a backup from its first night on, and nobody deletes a locked one (terraform-provider-google issue 15309)."""
    days = context.get("retentionPolicy.backupDeleteLockDays") or 0
    if days and context.get("backupSchedule.cronSchedule"):
        raise CloudError(
            f"googleapi: Error 400: BackupPlan {context.id} has Backups, which are locked against deletion for {days} days.,"
            " failedPrecondition"
        )


RULES: Final = (
    ResourceRule(
        "gcp:gkebackup/backupPlan:BackupPlan",
        source="cloud.google.com/kubernetes-engine/docs/add-on/backup-for-gke/reference/rest/v1/projects.locations.backupPlans",
        name_patterns={"name": r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"},
        id="projects/{project}/locations/{location}/backupPlans/{name}",
        name=Name(),
        exists="googleapi: Error 409: Resource '{id}' already exists., alreadyExists",
        replace=("name", "location", "project", "cluster"),
        defaults={"deactivated": False},
        outputs={
            "uid": "{uuid}",
            "etag": "{hex12}",
            "state": "READY",
            "protectedPodCount": 0,
        },
        volatile=("etag",),
        references=(to("cluster", CLUSTER, CLUSTERS, blocks_delete=False),),
        checks=(_retention, _agent),
        protected=(_no_locked_backup, deletion_policy),
    ),
)
