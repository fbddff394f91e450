"""Pulumi's state: a bucket and a key for each environment, and one for this program's own.

Two updates of one stack at once are kept apart by Pulumi itself: by a lock file in the bucket, under `.pulumi/locks/`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from bootstrap import state_rights
from bootstrap.documents import document
from bootstrap.plan import Role, alias
from bootstrap.settings import State as Place

OLD_DAYS = 90
"""How long an object's older versions are kept: long enough to notice, and to go back."""


class State(pulumi.ComponentResource):
    """The state of an environment. AWS refuses policies that name a role which is not there: it depends on all of them."""

    key: pulumi.Output[str]
    """The ARN."""

    def __init__(
        self, environment: str, place: Place, roles: Sequence[Role], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        name = f"state-{environment}"
        super().__init__("bootstrap:aws:State", name, None, opts)
        self._own = pulumi.ResourceOptions(parent=self)
        self._kept = pulumi.ResourceOptions(parent=self, protect=True)
        key = aws.kms.Key(
            name,
            description=f"The state of {environment}, and the secrets in it",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=document(state_rights.key(place.account, place.region, environment, roles)),
            opts=self._kept,
        )
        aws.kms.Alias(name, name=f"alias/{alias(environment)}", target_key_id=key.key_id, opts=self._own)
        bucket = aws.s3.Bucket(name, bucket=place.named(environment), opts=self._kept)
        settled = self._settle(name, bucket, key)
        after = pulumi.ResourceOptions(parent=self, depends_on=settled)
        aws.s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=document(state_rights.bucket(place.named(environment), environment, roles)),
            opts=after,
        )
        # Whoever looks at an empty backend first writes this, and a preview may not.
        aws.s3.BucketObjectv2(name, bucket=bucket.bucket, key=".pulumi/meta.yaml", content="version: 1\n", opts=after)
        self.key = key.arn
        self.register_outputs({})

    def _settle(self, name: str, bucket: aws.s3.Bucket, key: aws.kms.Key) -> list[pulumi.Resource]:
        """Versions, encryption, and nobody's but the account's."""
        encryption = aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
            bucket_key_enabled=True,
            apply_server_side_encryption_by_default=(
                aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                    sse_algorithm="aws:kms", kms_master_key_id=key.arn
                )
            ),
        )
        old = aws.s3.BucketLifecycleConfigurationRuleArgs(
            id="old-versions",
            status="Enabled",
            filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=OLD_DAYS
            ),
        )
        versioning = aws.s3.BucketVersioning(
            name,
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._own,
        )
        return [
            versioning,
            aws.s3.BucketServerSideEncryptionConfiguration(
                name, bucket=bucket.bucket, rules=[encryption], opts=self._own
            ),
            aws.s3.BucketPublicAccessBlock(
                name,
                bucket=bucket.bucket,
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
                opts=self._own,
            ),
            aws.s3.BucketOwnershipControls(
                name,
                bucket=bucket.bucket,
                rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
                opts=self._own,
            ),
            aws.s3.BucketLifecycleConfiguration(
                name,
                bucket=bucket.bucket,
                rules=[old],
                opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
            ),
        ]
