"""Two fleets to plan for: the shipped one, and one in which waves share accounts and customers are on every cloud."""

from __future__ import annotations

from functools import cache

import fleet
from tests.bootstrap.recording import Registrations, register, shipped
from tests.repository import ROOT

OWN = """config:
  regions:wave: external
  regions:tenant: {tenant}
  regions:cloud: {cloud}
  regions:location: {location}
  regions:size: small
  regions:network: 10.{network}.0.0/16
  regions:githubApps:
    status: {{ appId: "7{network}", installationId: "8{network}", login: "{tenant}-{network}[bot]" }}
  regions:{cloud}: {account}
"""
AZURE = (
    "{{subscriptionId: 44444444-aaaa-4bbb-8ccc-00000000000{0}, directoryId: 99999999-aaaa-4bbb-8ccc-000000000000, "
    "deployGroupId: 66666666-aaaa-4bbb-8ccc-00000000000{0}}}"
)
MORE = {
    "stacks/Pulumi.globex-aws-eu-west-1.yaml": OWN.format(
        tenant="globex", cloud="aws", location="eu-west-1", network=200, account='{accountId: "444455556666"}'
    ),
    "stacks/Pulumi.globex-azure-eastus.yaml": OWN.format(
        tenant="globex", cloud="azure", location="eastus", network=201, account=AZURE.format(1)
    ),
    "stacks/Pulumi.initech-aws-eu-west-1.yaml": OWN.format(
        tenant="initech", cloud="aws", location="eu-west-1", network=202, account='{accountId: "555566667777"}'
    ),
    "stacks/Pulumi.initech-azure-eastus.yaml": OWN.format(
        tenant="initech", cloud="azure", location="eastus", network=203, account=AZURE.format(2)
    ),
    "stacks/Pulumi.tools-aws-eu-west-1.yaml": """config:
  regions:wave: internal
  regions:cloud: aws
  regions:location: eu-west-1
  regions:size: small
  regions:network: 10.204.0.0/16
  regions:aws: {accountId: "111122223333"}
""",
    "stacks/Pulumi.tools-gcp-us-central1.yaml": """config:
  regions:wave: internal
  regions:cloud: gcp
  regions:location: us-central1
  regions:size: small
  regions:network: 10.205.0.0/16
  regions:gcp: {project: example-staging}
""",
}


def crowded_files() -> dict[str, str]:
    """Staging's AWS account and Google project have an internal region too. Globex and initech are on AWS and Azure."""
    files = {**fleet.files(ROOT), **MORE}
    files["policy/residency.yaml"] += 'globex: ["*"]\ninitech: ["*"]\n'
    return files


@cache
def crowded() -> tuple[fleet.Fleet, Registrations]:
    """The crowded fleet, and its registrations."""
    the_fleet = fleet.load(crowded_files())
    return the_fleet, register(the_fleet)


@cache
def plain() -> tuple[fleet.Fleet, Registrations]:
    """The shipped fleet, and its registrations."""
    return fleet.read(ROOT), shipped()
