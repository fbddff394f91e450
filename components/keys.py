"""What a region's `pulumi up` takes from its environment: private keys of GitHub apps, and what passwords are derived from.

They are the same for all regions but private ones, and a copied stack file could not carry them: a `secure:` value is encrypted
for one stack.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from fleet import FleetError, Problem, Region
from fleet.keys import CONDUCTOR_KEY, FLAGS_KEY, influxdb_secret, missing, receipts_key, wanted

NOT_KNOWN = "not known in this preview"


@dataclass(frozen=True)
class Keys:
    """Private keys in PEM, and passwords. Each is a Pulumi secret: encrypted in the state, `[secret]` where it would be shown."""

    receipts: pulumi.Output[str]
    conductor: pulumi.Output[str] | None
    """Only where the conductor runs."""
    flags: pulumi.Output[str] | None
    """Only where the page of feature flags may write."""
    influxdb: Mapping[str, pulumi.Output[str]] | None
    """InfluxDB's first password and its operator token, this region's alone. Only where it runs."""
    known: bool = True
    """Whether these are the real ones. In a preview without them what the cluster's Secrets hold is not compared."""

    def options(self, **options: Any) -> pulumi.ResourceOptions:
        """The options of a Secret with one of these in it."""
        # The provider turns `stringData` into `data`, so the state knows that alone.
        return pulumi.ResourceOptions(**options, ignore_changes=[] if self.known else ["data", "stringData"])


def read(region: Region, environment: Mapping[str, str], preview: bool = False) -> Keys:
    """What this region needs. Raises FleetError that says which is missing, before anything is created.

    A preview does without: what a pull request's job may read is no secret any more, so it gets none.
    """
    lacking = missing(region, environment)
    problems = [
        Problem("the environment", name, None, f"not set, or not {what}",
                f"Put {what}, into it; in CI it is a secret of that name")
        for name, what in lacking.items()
    ]  # fmt: skip
    if problems and not preview:
        raise FleetError(problems)
    given = {name: NOT_KNOWN if name in lacking else environment[name] for name in wanted(region)}
    keys = {name: pulumi.Output.secret(value) for name, value in given.items()}
    secret = given.get(influxdb_secret(region))
    influxdb = secret and {
        purpose: pulumi.Output.secret(derived(secret, region.name, purpose)) for purpose in ("password", "token")
    }
    return Keys(keys[receipts_key(region)], keys.get(CONDUCTOR_KEY), keys.get(FLAGS_KEY), influxdb or None, not lacking)


def derived(secret: str, region: str, purpose: str) -> str:
    """A password for one purpose in one region, as 64 hex digits (HMAC-SHA256). Whoever has it knows no other, nor the secret."""
    return hmac.new(secret.encode(), f"{region}/{purpose}".encode(), hashlib.sha256).hexdigest()
