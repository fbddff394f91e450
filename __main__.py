"""One region: the stack that is selected. Its settings are in stacks/Pulumi.<region>.yaml."""

import os
from pathlib import Path

import pulumi

import fleet
from components import keys, repository
from components.region import Region, RegionArgs

root = Path(__file__).resolve().parent
try:
    settings = fleet.read(root).region(pulumi.get_stack())
    origin = repository.url(settings.settings.repository, root)
    secrets = keys.read(settings, os.environ, preview=pulumi.runtime.is_dry_run())
except fleet.FleetError as error:
    raise pulumi.RunError(str(error)) from None
Region(settings.name, RegionArgs(settings, origin, secrets)).export()
