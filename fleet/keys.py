"""The secrets that a region's `pulumi up` takes from the environment: which variables carry them, and what they must hold."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.applications import CONDUCTOR, FLIPT, INFLUXDB
from fleet.load import Region

RECEIPTS_KEY = "REGIONS_RECEIPTS_KEY"
CONDUCTOR_KEY = "REGIONS_CONDUCTOR_KEY"
FLAGS_KEY = "REGIONS_FLAGS_KEY"
INFLUXDB_SECRET = "REGIONS_INFLUXDB_SECRET"
SECRET_LENGTH = 32
"""Characters at least, of what passwords are derived from."""


def receipts_key(region: Region) -> str:
    """The variable with the key of the app that posts a region's receipts."""
    return _of_its_own(RECEIPTS_KEY, region)


def influxdb_secret(region: Region) -> str:
    """The variable with what a region's InfluxDB gets its password and token from."""
    return _of_its_own(INFLUXDB_SECRET, region)


def _of_its_own(variable: str, region: Region) -> str:
    """A private region's ends with its tenant, so that no other's can get into it by mistake: REGIONS_RECEIPTS_KEY_ACME."""
    settings = region.settings
    return f"{variable}_{settings.tenant.upper().replace('-', '_')}" if settings.private else variable


def wanted(region: Region) -> dict[str, str]:
    """The variables that `pulumi up` of a region needs, each with what it holds, in words."""
    settings = region.settings
    github = settings.github_apps
    apps = {receipts_key(region): github.status.app_id}
    if CONDUCTOR in settings.applications and github.conductor:
        apps[CONDUCTOR_KEY] = github.conductor.app_id
    if FLIPT in settings.applications and github.flags:
        apps[FLAGS_KEY] = github.flags.app_id
    found = {name: f"the private key (PEM) of the GitHub app {app}" for name, app in apps.items()}
    if INFLUXDB in settings.applications:
        found[influxdb_secret(region)] = f"a random text of {SECRET_LENGTH} characters or more, the same at each run"
    return found


def missing(region: Region, environment: Mapping[str, str]) -> dict[str, str]:
    """Those of them that do not hold it."""
    return {name: what for name, what in wanted(region).items() if not _fit(name, region, environment.get(name, ""))}


def _fit(name: str, region: Region, value: str) -> bool:
    return len(value) >= SECRET_LENGTH if name == influxdb_secret(region) else "PRIVATE KEY-----" in value
