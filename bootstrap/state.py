"""Pulumi's state: a bucket and a key for each environment, and one for this program's own.

Pulumi itself refuses two concurrent updates of one stack, by a lock file in the bucket under `.pulumi/locks/`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from bootstrap import state_rights
from bootstrap.documents import document
from bootstrap.plan import Role, alias
from bootstrap.settings import StateSettings

VERSION_DAYS = 90
"""Retention of an object's older versions in days: long enough to notice a mistake, and to restore."""


class StateBackend(pulumi.ComponentResource):
    """The state of an environment. AWS refuses a policy that names a missing role, so the component depends on all roles."""

    key: pulumi.Output[str]
    """The key's ARN."""

    def __init__(
        self,
        environment: str,
        settings: StateSettings,
        roles: Sequence[Role],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name = f"state-{environment}"
        super().__init__("bootstrap:aws:State", name, None, opts)
        self._default = pulumi.ResourceOptions(parent=self)
        self._protected = pulumi.ResourceOptions(parent=self, protect=True)
        key = aws.kms.Key(
            name,
            description=f"The state of {environment}, and the secrets in it",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=document(state_rights.key(settings.account, settings.region, environment, roles)),
            opts=self._protected,
        )
        aws.kms.Alias(name, name=f"alias/{alias(environment)}", target_key_id=key.key_id, opts=self._default)
        bucket = aws.s3.Bucket(name, bucket=settings.bucket(environment), opts=self._protected)
        configuration = self._configure(name, bucket, key)
        after = pulumi.ResourceOptions(parent=self, depends_on=configuration)
        aws.s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=document(state_rights.bucket(settings.bucket(environment), environment, roles)),
            opts=after,
        )
        # The first run on an empty backend writes this object. A preview has no right to.
        aws.s3.BucketObjectv2(name, bucket=bucket.bucket, key=".pulumi/meta.yaml", content="version: 1\n", opts=after)
        self.key = key.arn
        self.register_outputs({})

    def _configure(self, name: str, bucket: aws.s3.Bucket, key: aws.kms.Key) -> list[pulumi.Resource]:
        """Versions, encryption, and no access from outside of the account's policies."""
        encryption = aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
            bucket_key_enabled=True,
            apply_server_side_encryption_by_default=(
                aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                    sse_algorithm="aws:kms", kms_master_key_id=key.arn
                )
            ),
        )
        expiry = aws.s3.BucketLifecycleConfigurationRuleArgs(
            id="old-versions",
            status="Enabled",
            filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=VERSION_DAYS
            ),
        )
        versioning = aws.s3.BucketVersioning(
            name,
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._default,
        )
        return [
            versioning,
            aws.s3.BucketServerSideEncryptionConfiguration(
                name, bucket=bucket.bucket, rules=[encryption], opts=self._default
            ),
            aws.s3.BucketPublicAccessBlock(
                name,
                bucket=bucket.bucket,
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
                opts=self._default,
            ),
            aws.s3.BucketOwnershipControls(
                name,
                bucket=bucket.bucket,
                rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
                opts=self._default,
            ),
            aws.s3.BucketLifecycleConfiguration(
                name,
                bucket=bucket.bucket,
                rules=[expiry],
                opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
            ),
        ]
