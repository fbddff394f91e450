"""The secrets that a region's `pulumi up` takes from the environment: the variables, and the form of their values."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.applications import CONDUCTOR, FLIPT, INFLUXDB
from fleet.load import Region

RECEIPTS_KEY = "REGIONS_RECEIPTS_KEY"
CONDUCTOR_KEY = "REGIONS_CONDUCTOR_KEY"
FLAGS_KEY = "REGIONS_FLAGS_KEY"
INFLUXDB_SECRET = "REGIONS_INFLUXDB_SECRET"
"""The environment variables of the apps' private keys, and of the secret for InfluxDB."""
SECRET_LENGTH = 32
"""Characters at least, of a secret that passwords are derived from."""


def receipts_key(region: Region) -> str:
    """The variable with the key of the app that posts a region's receipts."""
    return _variable_of(RECEIPTS_KEY, region)


def influxdb_secret(region: Region) -> str:
    """The variable with the secret that a region's InfluxDB derives its password and token from."""
    return _variable_of(INFLUXDB_SECRET, region)


def _variable_of(variable: str, region: Region) -> str:
    """A private region's variable ends with its tenant, such as REGIONS_RECEIPTS_KEY_ACME, so that regions cannot mix them up."""
    settings = region.settings
    return f"{variable}_{settings.tenant.upper().replace('-', '_')}" if settings.private else variable


def required(region: Region) -> dict[str, str]:
    """The variables that `pulumi up` of a region needs, each with a description of its value."""
    settings = region.settings
    github = settings.github_apps
    apps = {receipts_key(region): github.status.app_id}
    if CONDUCTOR in settings.applications and github.conductor:
        apps[CONDUCTOR_KEY] = github.conductor.app_id
    if FLIPT in settings.applications and github.flags:
        apps[FLAGS_KEY] = github.flags.app_id
    purposes = {name: f"the private key (PEM) of the GitHub app {app}" for name, app in apps.items()}
    if INFLUXDB in settings.applications:
        purposes[influxdb_secret(region)] = f"a random text of {SECRET_LENGTH} characters or more, the same at each run"
    return purposes


def missing(region: Region, environment: Mapping[str, str]) -> dict[str, str]:
    """The required variables without a valid value."""
    return {
        name: purpose
        for name, purpose in required(region).items()
        if not _is_valid(name, region, environment.get(name, ""))
    }


def _is_valid(name: str, region: Region, value: str) -> bool:
    return len(value) >= SECRET_LENGTH if name == influxdb_secret(region) else "PRIVATE KEY-----" in value
