"""What the jsonnet in gitops/ is told of a region: by Argo CD, which `pulumi up` tells it, and by `regions render`."""

from __future__ import annotations

from fleet.checks import FLIPT
from fleet.duration import text
from fleet.load import Region

STORAGE_CLASS = "regions-ssd"
"""The class of the applications' volumes: encrypted SSD, in every cloud."""


def facts(region: Region) -> dict[str, object]:
    """A region as its stack file and its wave say, JSON-ready. What jsonnet needs more of a region is added here alone."""
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
        "asleep": settings.asleep,
        "pollInterval": text(settings.poll_interval),
        "flagsWriter": FLIPT in settings.applications and settings.flags_app is not None,
    }
