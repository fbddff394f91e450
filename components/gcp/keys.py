"""The key on Google Cloud that encrypts the Secrets in etcd."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from components.shared.cluster import ChildOptions
from fleet import Region

KEY_ROTATION = f"{90 * 24 * 3600}s"


def etcd_key(
    region: Region, apis: Sequence[pulumi.Resource], options: ChildOptions
) -> tuple[gcp.kms.CryptoKey, gcp.kms.CryptoKeyIAMMember]:
    """The key, and the grant that lets GKE use it. GKE's own agent encrypts, so the grant comes before the cluster.

    The provider deletes no key ring (terraform-provider-google issue 1214), and Google Cloud gives no key's name to a second
    key: cloud.google.com/kms/docs/delete-kms-resources. So Pulumi generates new names for each life of a region.
    """
    ring = gcp.kms.KeyRing(region.name, location=region.settings.location, opts=options.default(depends_on=apis))
    key = gcp.kms.CryptoKey(region.name, key_ring=ring.id, rotation_period=KEY_ROTATION, opts=options.protected())
    # A project may have no agent before its first cluster. This call makes the agent, or finds it:
    # cloud.google.com/iam/docs/create-service-agents. Pulumi's package has Google's beta provider in it, which has the call.
    agent = gcp.projects.ServiceIdentity(
        region.name, service="container.googleapis.com", opts=options.default(depends_on=apis)
    )
    grant = gcp.kms.CryptoKeyIAMMember(
        region.name,
        crypto_key_id=key.id,
        role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
        member=agent.member,
        opts=options.default(),
    )
    return key, grant
