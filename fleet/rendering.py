"""The arguments of the jsonnet in gitops/: `pulumi up` gives them to Argo CD, and `regions render` uses the same."""

from __future__ import annotations

from fleet.applications import FLIPT
from fleet.duration import text
from fleet.load import Region

STORAGE_CLASS = "regions-ssd"
"""The class of the applications' volumes: encrypted SSD, in every cloud."""


def jsonnet_args(region: Region) -> dict[str, object]:
    """A region's settings for jsonnet, JSON-ready. This function is the only place for further ones."""
    settings = region.settings
    return {
        "name": region.name,
        "cloud": settings.cloud,
        "location": settings.location,
        "wave": region.wave.name,
        "production": region.wave.production,
        "tenant": settings.tenant,
        "size": settings.size,
        "storageClass": STORAGE_CLASS,
        "applications": list(settings.applications),
        "suspended": settings.suspended,
        "pollInterval": text(settings.poll_interval),
        "flagsWriter": FLIPT in settings.applications and settings.github_apps.flags is not None,
    }
