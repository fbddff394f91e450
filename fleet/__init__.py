"""The fleet's model: regions and waves, read from their files and held to their rules. No Pulumi, no network.

Everything else imports this package, and it imports nothing of the project.
"""

from fleet.base import IMAGES, PREVIEW, Cloud
from fleet.checks import CONDUCTOR, FLIPT, INFLUXDB
from fleet.errors import FleetError, Problem, UserError
from fleet.load import PLACES, Fleet, Region, files, load, read
from fleet.settings import RegionSettings
from fleet.sizes import MAIN_POOL, NodePool
from fleet.versions import KUBERNETES
from fleet.waves import Wave
from fleet.windows import Window

__all__ = [
    "CONDUCTOR",
    "FLIPT",
    "IMAGES",
    "INFLUXDB",
    "KUBERNETES",
    "MAIN_POOL",
    "PLACES",
    "PREVIEW",
    "Cloud",
    "Fleet",
    "FleetError",
    "NodePool",
    "Problem",
    "Region",
    "RegionSettings",
    "UserError",
    "Wave",
    "Window",
    "files",
    "load",
    "read",
]
