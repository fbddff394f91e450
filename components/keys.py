"""The private keys of the GitHub apps that a region works with, from the environment of `pulumi up`, as secrets.

They are the same for all regions but private ones, and a copied stack file could not carry them: a `secure:` value is encrypted
for one stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from fleet import FleetError, Problem, Region
from fleet.keys import CONDUCTOR_KEY, FLAGS_KEY, missing, receipts_key, wanted


@dataclass(frozen=True)
class Keys:
    """Private keys in PEM. Each is a Pulumi secret: encrypted in the state, and `[secret]` wherever it would be shown."""

    receipts: pulumi.Output[str]
    conductor: pulumi.Output[str] | None
    """Only where the conductor runs."""
    flags: pulumi.Output[str] | None
    """Only where the page of feature flags may write."""


def read(region: Region, environment: Mapping[str, str]) -> Keys:
    """The keys that this region needs. Raises FleetError that says which is missing, before anything is created."""
    problems = [
        Problem("the environment", name, None, "not set, or no private key in PEM",
                f"Put the private key of the GitHub app {app} into it; in CI it is a secret of that name")
        for name, app in missing(region, environment).items()
    ]  # fmt: skip
    if problems:
        raise FleetError(problems)
    keys = {name: pulumi.Output.secret(environment[name]) for name in wanted(region)}
    return Keys(keys[receipts_key(region)], keys.get(CONDUCTOR_KEY), keys.get(FLAGS_KEY))
