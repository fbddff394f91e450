"""One region: the stack that is selected. stacks/Pulumi.<region>.yaml has the region's settings."""

import gc
import os
from pathlib import Path

import pulumi

import fleet
from components import git_remote
from components.region import RegionArgs, RegionComponent
from components.shared.secrets import read_secrets

# The program ends within seconds. In that time the collector finds no garbage to speak of: it walks the classes of the clouds'
# SDKs again and again, a third of the program's CPU time.
gc.disable()

root = Path(__file__).resolve().parent
try:
    settings = fleet.read(root).region(pulumi.get_stack())
    origin = git_remote.url(settings.settings.repository, root)
    secrets = read_secrets(settings, os.environ, preview=pulumi.runtime.is_dry_run())
except fleet.FleetError as error:
    raise pulumi.RunError(str(error)) from None
RegionComponent(settings.name, RegionArgs(settings, origin, secrets)).export()
