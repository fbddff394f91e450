"""The private keys of the GitHub apps that a region works with: which variables of the environment carry them."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.checks import CONDUCTOR, FLIPT
from fleet.load import Region

RECEIPTS_KEY = "REGIONS_RECEIPTS_KEY"
CONDUCTOR_KEY = "REGIONS_CONDUCTOR_KEY"
FLAGS_KEY = "REGIONS_FLAGS_KEY"


def receipts_key(region: Region) -> str:
    """The variable with the key of the app that posts a region's receipts. A private region's ends with its tenant, so that no
    other key can get into it by mistake: REGIONS_RECEIPTS_KEY_ACME."""
    settings = region.settings
    return f"{RECEIPTS_KEY}_{settings.tenant.upper().replace('-', '_')}" if settings.private else RECEIPTS_KEY


def wanted(region: Region) -> dict[str, str]:
    """The variables whose keys `pulumi up` of a region needs, each with the id of its app."""
    settings = region.settings
    apps = {receipts_key(region): settings.receipts_app}
    if CONDUCTOR in settings.applications and settings.conductor_app:
        apps[CONDUCTOR_KEY] = settings.conductor_app
    if FLIPT in settings.applications and settings.flags_app:
        apps[FLAGS_KEY] = settings.flags_app
    return apps


def missing(region: Region, environment: Mapping[str, str]) -> dict[str, str]:
    """Those of them that hold no private key in PEM."""
    return {name: app for name, app in wanted(region).items() if "PRIVATE KEY-----" not in environment.get(name, "")}
