"""The organisation's one stack: `pulumi up -s org` in this folder. Pulumi.org.yaml beside this file has the settings."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import pulumi  # noqa: E402

import fleet  # noqa: E402
from bootstrap import settings  # noqa: E402
from bootstrap.plan import plan  # noqa: E402
from bootstrap.program import build  # noqa: E402

try:
    organisation = plan(fleet.read(HERE.parent), settings.read(HERE, pulumi.get_stack()))
except fleet.FleetError as error:
    raise pulumi.RunError(str(error)) from None
build(organisation)
