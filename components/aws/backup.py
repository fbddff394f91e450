"""Backups of a region's volumes on AWS: daily snapshots by AWS Backup, in a vault of their own."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.iam import service_role
from components.shared.cluster import BACKUP_DAYS, ChildOptions
from fleet import Region

BACKUP_POLICIES = [
    "service-role/AWSBackupServiceRolePolicyForBackup",
    "service-role/AWSBackupServiceRolePolicyForRestores",
]
BACKUP_TAG = "backup"
"""The tag of volumes that hold data: its value is the region. The nodes' own disks do not have it."""


@dataclass(frozen=True)
class AwsBackupArgs:
    """The arguments of the backups."""

    region: Region


class AwsBackup(pulumi.ComponentResource):
    """A vault, and a plan that fills it from the volumes of pods. docs/runbooks/restore.md brings one back.

    AWS deletes no vault with recovery points, and locks these until their time. So a destroy leaves the vault, its lock and its
    key in AWS. The vault's name has a suffix, so that a later region of the same name has another.
    Source: docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault.html.
    """

    vault: pulumi.Output[str]
    """The vault's name."""

    def __init__(self, name: str, args: AwsBackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:aws:Backup", name, None, opts)
        options = ChildOptions(self, None, args.region.protected)
        account = args.region.settings.aws
        assert account is not None, "fleet refuses a region on AWS without `aws` settings"
        key = aws.kms.Key(
            f"{name}-backup",
            description=f"Backups of region {name}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            opts=options.protected(retain_on_delete=True),
        )
        vault = aws.backup.Vault(name, kms_key_arn=key.arn, opts=options.protected(retain_on_delete=True))
        self.vault = vault.name
        # AWS refuses to delete a recovery point before its time, to administrators too. Without a cooling-off time an
        # administrator can still remove the lock itself (governance mode): docs.aws.amazon.com/aws-backup, "vault lock".
        aws.backup.VaultLockConfiguration(
            name,
            backup_vault_name=vault.name,
            min_retention_days=BACKUP_DAYS,
            opts=options.default(retain_on_delete=True),
        )
        plan = aws.backup.Plan(
            name,
            name=name,
            rules=[
                aws.backup.PlanRuleArgs(
                    rule_name="daily",
                    target_vault_name=vault.name,
                    schedule="cron(0 3 * * ? *)",
                    start_window=60,
                    completion_window=600,
                    lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=BACKUP_DAYS),
                )
            ],
            opts=options.default(),
        )
        backup = service_role(f"{name}-backup", "backup.amazonaws.com", BACKUP_POLICIES, account.boundary, options)
        aws.backup.Selection(
            name,
            name=name,
            plan_id=plan.id,
            iam_role_arn=backup.role.arn,
            resources=[f"arn:aws:ec2:{args.region.settings.location}:{account.account_id}:volume/*"],
            conditions=[
                aws.backup.SelectionConditionArgs(
                    string_equals=[
                        aws.backup.SelectionConditionStringEqualArgs(key=f"aws:ResourceTag/{BACKUP_TAG}", value=name)
                    ]
                )
            ],
            opts=options.default(depends_on=backup.policies),
        )
        self.register_outputs({"vault": self.vault})
