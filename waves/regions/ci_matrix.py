"""The matrix of a CI workflow: each job's regions, and the identity that the job signs in as.

Regions share a job if they share an account. So a job has the credentials of one account alone: docs/reference/permissions.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

import fleet
from fleet.keys import RECEIPTS_KEY, receipts_key

MAX_JOBS = 256
"""Jobs of a matrix that GitHub accepts: docs.github.com, "Running variations of jobs in a workflow"."""
REGIONS_PER_JOB = 10
"""Regions per job, unless there would be more than MAX_JOBS jobs."""


class Purpose(StrEnum):
    """The purpose of a job, which decides the permissions of the job's identity."""

    PREVIEW = "preview"
    """A pull request's job, which can only read."""
    DEPLOY = "deploy"


@dataclass(frozen=True)
class Job:
    """One job of the matrix. The fields of other clouds are empty."""

    regions: str
    """Names, with blanks between them."""
    cloud: fleet.Cloud
    environment: str
    """The GitHub environment that the cloud trusts: the wave's, or a customer's own. `preview` for pull requests."""
    state: str
    """The suffix of the state bucket's name: the regions' own environment, also for a preview."""
    account: str
    """The AWS account, Google Cloud project or Azure subscription."""
    runner: str = ""
    """The label of the runners in the regions' management network. Empty: the repository's own choice."""
    suffix: str = ""
    """The suffix of the secrets' names: a customer's, or empty."""
    aws_role: str = ""
    aws_region: str = ""
    gcp_service_account: str = ""
    azure_directory: str = ""


def group_into_jobs(regions: Iterable[fleet.Region], purpose: Purpose) -> list[Job]:
    """Group regions into jobs. Raises FleetError if there are more accounts than jobs."""
    groups: dict[Job, list[str]] = {}
    for region in regions:
        groups.setdefault(_identity(region, purpose), []).append(region.name)
    if len(groups) > MAX_JOBS:
        raise fleet.FleetError(
            [fleet.Problem("stacks/", "accounts", len(groups), f"more than the {MAX_JOBS} jobs of a matrix",
                           "Split the change, or the fleet: docs/operate/ci.md, \"Regions beyond the matrix limit\"")]
        )  # fmt: skip
    size = REGIONS_PER_JOB
    while sum(-(-len(names) // size) for names in groups.values()) > MAX_JOBS:
        size += 1
    return [
        Job(**{**asdict(identity), "regions": " ".join(names[start : start + size])})
        for identity, names in groups.items()
        for start in range(0, len(names), size)
    ]


def _identity(region: fleet.Region, purpose: Purpose) -> Job:
    """The identity of a region's job, with the names of roles that bootstrap/ makes."""
    settings = region.settings
    state = region.environment
    environment = fleet.PREVIEW if purpose is Purpose.PREVIEW else state
    suffix = receipts_key(region).removeprefix(RECEIPTS_KEY)
    network = settings.management_network
    runner = network.runner or "" if network else ""
    if settings.aws:
        role = settings.aws.preview_role if purpose is Purpose.PREVIEW else settings.aws.deploy_role
        account = settings.aws.account_id
        role_arn = f"arn:aws:iam::{account}:role/{role}"
        return Job("", "aws", environment, state, account, runner, suffix, role_arn, settings.location)
    if settings.gcp:
        project = settings.gcp.project
        return Job("", "gcp", environment, state, project, runner, suffix,
                   gcp_service_account=f"regions-{purpose}@{project}.iam.gserviceaccount.com")  # fmt: skip
    assert settings.azure is not None, "fleet refuses a region without its cloud's settings"
    account, directory = settings.azure.subscription_id, settings.azure.directory_id
    return Job("", "azure", environment, state, account, runner, suffix, azure_directory=directory)
