"""The key on AWS that encrypts the Secrets in etcd."""

from __future__ import annotations

import pulumi_aws as aws

from components.shared.cluster import ChildOptions
from fleet import Region


def etcd_key(region: Region, options: ChildOptions) -> aws.kms.Key:
    """The key, under the alias `eks/<region>`."""
    key = aws.kms.Key(
        region.name,
        description=f"Secrets of the Kubernetes cluster {region.name}",
        enable_key_rotation=True,
        deletion_window_in_days=30,
        opts=options.protected(),
    )
    aws.kms.Alias(region.name, name=f"alias/eks/{region.name}", target_key_id=key.key_id, opts=options.default())
    return key
