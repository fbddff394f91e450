"""Rules of the SIMULATED AWS for logs and buckets.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/logs/group.go and
internal/service/s3. Each setting of a bucket (its versions, its encryption, …) is a resource of its own.
A bucket has one of each.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.clouds.aws.identity import key, principals
from sandbox.clouds.core.model import CloudError, Context, Name, Reference, ResourceRule, documented_at, is_known
from sandbox.clouds.core.store import Transaction

BUCKET: Final = "aws:s3/bucket:Bucket"
_NO_BUCKET: Final = "NoSuchBucket: The specified bucket does not exist ({value})"
_PRINCIPALS: Final = documented_at(
    "docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html"
)(principals("MalformedPolicy: Invalid principal in policy"))

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


@documented_at("docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html")
def _retention(context: Context, tx: Transaction) -> None:
    days = context.inputs.get("retentionInDays")
    if is_known(days) and days not in _RETENTION:
        raise CloudError(f"expected retention_in_days to be one of {list(_RETENTION)}, got {days}")


def _protected(context: Context, tx: Transaction) -> None:
    if context.get("deletionProtectionEnabled"):
        raise CloudError(f"ValidationException: log group {context.id} has deletion protection enabled")


def _of_bucket(token: str, api: str, **rule: Any) -> ResourceRule:
    """A setting of a bucket, which goes with the bucket."""
    return ResourceRule(
        token,
        source=f"docs.aws.amazon.com/AmazonS3/latest/API/API_{api}.html",
        id="{bucket}",
        scope="",
        exists="{token} of {bucket} already exists: the provider takes no second one",
        replace=("bucket", "expectedBucketOwner"),
        references=(Reference("bucket", BUCKET, _NO_BUCKET, cascade=True),),
        **rule,
    )


RULES: Final = (
    ResourceRule(
        "aws:cloudwatch/logGroup:LogGroup",
        source="docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
        name_patterns={"name": r"[\w./#-]{1,512}"},
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
    ResourceRule(
        BUCKET,
        source="docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
        name_patterns={"bucket": r"(?!xn--|sthree-)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]"},
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
    _of_bucket(
        "aws:s3/bucketVersioning:BucketVersioning",
        "PutBucketVersioning",
        outputs={"versioningConfiguration.mfaDelete": ""},
    ),
    _of_bucket(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", "PutBucketEncryption"
    ),
    _of_bucket(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "PutPublicAccessBlock",
        defaults=dict.fromkeys(
            ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), False
        ),
    ),
    _of_bucket("aws:s3/bucketOwnershipControls:BucketOwnershipControls", "PutBucketOwnershipControls"),
    _of_bucket(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "PutBucketLifecycleConfiguration",
        defaults={"transitionDefaultMinimumObjectSize": "all_storage_classes_128K"},
    ),
    _of_bucket("aws:s3/bucketPolicy:BucketPolicy", "PutBucketPolicy", checks=(_PRINCIPALS,), json=("policy",)),
    ResourceRule(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        source="docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html",
        id="{bucket}/{key}",
        scope="",
        replace=("bucket", "key"),
        defaults={"forceDestroy": False},
        outputs={
            "arn": "arn:aws:s3:::{bucket}/{key}",
            "etag": "{hex32}",
            "versionId": "{hex32}",
            "storageClass": "STANDARD",
            "serverSideEncryption": "aws:kms",
            "contentType": "application/octet-stream",
        },
        volatile=("versionId",),
        references=(
            Reference(
                "bucket",
                BUCKET,
                _NO_BUCKET,
                delete_error="BucketNotEmpty: The bucket you tried to delete is not empty ({target})",
            ),
        ),
    ),
)
