"""Rules of the SIMULATED AWS for AWS Backup: vaults, plans and selections are records without a backup.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/backup (the file is named at
each rule).
"""

from __future__ import annotations

from typing import Final

from sandbox.clouds.aws.identity import key, role
from sandbox.clouds.core.model import CloudError, Context, Name, Reference, ResourceRule, documented_at
from sandbox.clouds.core.store import Transaction

VAULT: Final = "aws:backup/vault:Vault"
PLAN: Final = "aws:backup/plan:Plan"
_ARN: Final = "arn:aws:backup:{region}:{account}:"


def _retention_in_bounds(context: Context, tx: Transaction) -> None:
    minimum, maximum = context.get("minRetentionDays"), context.get("maxRetentionDays")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise CloudError("InvalidParameterValueException: MinRetentionDays must not be more than MaxRetentionDays")
    if context.get("changeableForDays") is not None and context.get("changeableForDays") < 3:
        raise CloudError("InvalidParameterValueException: ChangeableForDays must be at least 3")


@documented_at("docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html")
def _cold_storage(context: Context, tx: Transaction) -> None:
    for rule in context.get("rules") or ():
        lifecycle = rule.get("lifecycle") or {}
        archival, deletion = lifecycle.get("coldStorageAfter"), lifecycle.get("deleteAfter")
        if archival is not None and deletion is not None and deletion < archival + 90:
            raise CloudError(
                "InvalidParameterValueException: DeleteAfterDays cannot be less than 90 days apart from MoveToColdStorageAfterDays"
            )


RULES: Final = (
    ResourceRule(  # vault.go
        VAULT,
        source="docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupVault.html",
        name_patterns={"name": r"[\w-]{2,50}"},
        id="{name}",
        name=Name(),
        handles=("arn",),
        exists="AlreadyExistsException: Backup vault with the same name already exists",
        replace=("name", "kmsKeyArn"),
        defaults={"forceDestroy": False},
        outputs={"arn": _ARN + "backup-vault:{name}", "recoveryPoints": 0},
        references=(key("kmsKeyArn", "InvalidParameterValueException: The KMS key {value} does not exist"),),
    ),
    ResourceRule(  # vault_lock_configuration.go
        "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
        source="docs.aws.amazon.com/aws-backup/latest/devguide/API_PutBackupVaultLockConfiguration.html",
        id="{backupVaultName}",
        replace=("backupVaultName", "changeableForDays", "maxRetentionDays", "minRetentionDays"),
        outputs={"backupVaultArn": _ARN + "backup-vault:{backupVaultName}"},
        references=(
            Reference(
                "backupVaultName", VAULT, "ResourceNotFoundException: Backup vault {value} does not exist", cascade=True
            ),
        ),
        checks=(_retention_in_bounds,),
    ),
    ResourceRule(  # plan.go
        PLAN,
        source="docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupPlan.html",
        name_patterns={"name": r"[\w.-]{1,50}"},
        id="{uuid}",
        name=Name(),
        exists="AlreadyExistsException: Backup plan with the same plan document already exists",
        outputs={"arn": _ARN + "backup-plan:{id}", "version": "{hex32}"},
        volatile=("version",),
        references=(
            Reference(
                "rules.targetVaultName",
                VAULT,
                "InvalidParameterValueException: Backup vault {value} does not exist",
            ),
        ),
        checks=(_cold_storage,),
    ),
    ResourceRule(  # selection.go
        "aws:backup/selection:Selection",
        source="docs.aws.amazon.com/aws-backup/latest/devguide/API_CreateBackupSelection.html",
        name_patterns={"name": r"[\w.-]{1,50}"},
        id="{uuid}",
        name=Name(),
        replace=("name", "planId", "iamRoleArn", "resources", "notResources", "conditions", "selectionTags"),
        references=(
            Reference(
                "planId",
                PLAN,
                "ResourceNotFoundException: Backup plan {value} does not exist",
                delete_error="InvalidRequestException: Related backup plan selections must be deleted prior to backup"
                " plan deletion",
            ),
            role("iamRoleArn", "InvalidParameterValueException: IAM role {value} does not exist"),
        ),
    ),
)
