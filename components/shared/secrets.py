"""The secrets that a region's `pulumi up` takes from its environment: keys of GitHub apps, and the source of passwords.

All regions but private ones have the same secrets. A copied stack file could not carry them: a `secure:` value is encrypted for
one stack.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from fleet import FleetError, Problem, Region
from fleet.keys import CONDUCTOR_KEY, FLAGS_KEY, influxdb_secret, missing, receipts_key, required

NOT_KNOWN = "not known in this preview"


@dataclass(frozen=True)
class RegionSecrets:
    """Private keys in PEM, and passwords. Each is a Pulumi secret: encrypted in the state, and printed as `[secret]`."""

    receipts: pulumi.Output[str]
    conductor: pulumi.Output[str] | None
    """Only if the conductor runs in the region."""
    flags: pulumi.Output[str] | None
    """Only if the page of feature flags may write."""
    influxdb: Mapping[str, pulumi.Output[str]] | None
    """InfluxDB's first password and its operator token, this region's alone. Only if InfluxDB runs in the region."""
    known: bool = True
    """Whether the values are real. A preview without real values does not compare the contents of the cluster's Secrets."""

    def options(self, **options: Any) -> pulumi.ResourceOptions:
        """The options of a Secret that holds one of these values."""
        # The provider turns `stringData` into `data`, so the state has `data` alone.
        return pulumi.ResourceOptions(**options, ignore_changes=[] if self.known else ["data", "stringData"])


def read_secrets(region: Region, environment: Mapping[str, str], preview: bool = False) -> RegionSecrets:
    """The region's secrets. Raises FleetError that lists the missing variables, before Pulumi creates a resource.

    A preview runs without them: a value that a pull request's job may read is no secret any more.
    """
    lacking = missing(region, environment)
    problems = [
        Problem("the environment", name, None, f"not set, or not {content}",
                f"Set the variable to {content}. In CI, add a secret of that name")
        for name, content in lacking.items()
    ]  # fmt: skip
    if problems and not preview:
        raise FleetError(problems)
    values = {name: NOT_KNOWN if name in lacking else environment[name] for name in required(region)}
    keys = {name: pulumi.Output.secret(value) for name, value in values.items()}
    secret = values.get(influxdb_secret(region))
    influxdb = secret and {
        purpose: pulumi.Output.secret(derive_password(secret, region.name, purpose))
        for purpose in ("password", "token")
    }
    return RegionSecrets(
        keys[receipts_key(region)], keys.get(CONDUCTOR_KEY), keys.get(FLAGS_KEY), influxdb or None, not lacking
    )


def derive_password(secret: str, region: str, purpose: str) -> str:
    """A password for one purpose in one region, as 64 hex digits (HMAC-SHA256). A password reveals no other, nor the secret."""
    return hmac.new(secret.encode(), f"{region}/{purpose}".encode(), hashlib.sha256).hexdigest()
