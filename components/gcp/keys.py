"""The key on Google Cloud that encrypts the Secrets in etcd."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from components.shared.cluster import ChildOptions
from fleet import Region

KEY_ROTATION = f"{90 * 24 * 3600}s"


def etcd_key(
    region: Region, project: str, apis: Sequence[gcp.projects.Service], options: ChildOptions
) -> tuple[gcp.kms.CryptoKey, gcp.kms.CryptoKeyIAMMember]:
    """The key, and the grant that lets GKE use it. GKE's own agent encrypts, so the grant comes before the cluster."""
    ring = gcp.kms.KeyRing(
        region.name, name=region.name, location=region.settings.location, opts=options.default(depends_on=apis)
    )
    key = gcp.kms.CryptoKey(
        region.name,
        name=region.name,
        key_ring=ring.id,
        rotation_period=KEY_ROTATION,
        opts=options.protected(),
    )
    grant = gcp.kms.CryptoKeyIAMMember(
        region.name,
        crypto_key_id=key.id,
        role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
        member=pulumi.Output.concat("serviceAccount:", _gke_agent(project, apis, options)),
        opts=options.default(),
    )
    return key, grant


def _gke_agent(project: str, apis: Sequence[gcp.projects.Service], options: ChildOptions) -> pulumi.Output[str]:
    """The e-mail of GKE's own service account in the project. GKE creates it when the project enables GKE's API."""
    number = gcp.organizations.get_project_output(
        project_id=project,
        opts=pulumi.InvokeOutputOptions(parent=options.parent, provider=options.provider, depends_on=apis),
    ).number
    return pulumi.Output.format("service-{0}@container-engine-robot.iam.gserviceaccount.com", number)
