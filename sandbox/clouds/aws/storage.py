"""Rules of the SIMULATED AWS for logs and buckets.

What replaces is `ForceNew` in hashicorp/terraform-provider-aws, internal/service/logs/group.go and
s3/bucket.go.
"""

from __future__ import annotations

from typing import Final

from sandbox.clouds.aws.identity import key
from sandbox.clouds.model import CloudError, Context, Name, Rule, known, see
from sandbox.clouds.store import Transaction

_RETENTION: Final = (
    0,
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""Days that CloudWatch Logs keeps a group's events (API reference, PutRetentionPolicy)."""


@see("docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html")
def _retention(context: Context, tx: Transaction) -> None:
    days = context.inputs.get("retentionInDays")
    if known(days) and days not in _RETENTION:
        raise CloudError(f"expected retention_in_days to be one of {list(_RETENTION)}, got {days}")


def _protected(context: Context, tx: Transaction) -> None:
    if context.get("deletionProtectionEnabled"):
        raise CloudError(f"ValidationException: log group {context.id} has deletion protection enabled")


RULES: Final = (
    Rule(
        "aws:cloudwatch/logGroup:LogGroup",
        source="docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
        spelling={"name": r"[\w./#-]{1,512}"},
        id="{name}",
        name=Name(),
        handles=("arn",),
        exists="ResourceAlreadyExistsException: The specified log group already exists. ({name})",
        replace=("name", "namePrefix", "logGroupClass"),
        defaults={"retentionInDays": 0, "skipDestroy": False},
        outputs={
            "arn": "arn:aws:logs:{region}:{account}:log-group:{name}",
            "logGroupClass": "STANDARD",
            "deletionProtectionEnabled": False,
        },
        references=(
            key(
                "kmsKeyId",
                "InvalidParameterException: The specified KMS Key Id '{value}' could not be found.",
            ),
        ),
        checks=(_retention,),
        protected=(_protected,),
    ),
    Rule(
        "aws:s3/bucket:Bucket",
        source="docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
        spelling={"bucket": r"(?!xn--|sthree-)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]"},
        id="{bucket}",
        name=Name("bucket"),
        scope="",  # bucket names are unique in the world
        handles=("arn",),
        exists="BucketAlreadyExists: The requested bucket name is not available. ({bucket})",
        replace=("bucket", "bucketPrefix", "objectLockEnabled"),
        defaults={"forceDestroy": False},
        outputs={
            "arn": "arn:aws:s3:::{bucket}",
            "bucketDomainName": "{bucket}.s3.amazonaws.com",
            "bucketRegion": "{region}",
            "bucketRegionalDomainName": "{bucket}.s3.{region}.amazonaws.com",
            "hostedZoneId": "Z1BKCTXD74EZPE",
            "objectLockEnabled": False,
            "requestPayer": "BucketOwner",
        },
    ),
)
