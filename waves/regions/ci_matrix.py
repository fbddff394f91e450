"""The matrix of a CI workflow: which regions go into one job, and the identity that the job signs in as.

Regions share a job where they share an account, so that a job has the credentials of one account alone:
docs/reference/permissions.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

import fleet
from fleet.keys import RECEIPTS_KEY, receipts_key

MAX_JOBS = 256
"""Jobs that GitHub makes of a matrix: docs.github.com, "Running variations of jobs in a workflow"."""
REGIONS_PER_JOB = 10
"""Regions that a job takes, unless there would be more than MAX_JOBS jobs."""


class Purpose(StrEnum):
    """What a job is for, and with it what its identity may do."""

    PREVIEW = "preview"
    """A pull request's: it can only read."""
    DEPLOY = "deploy"


@dataclass(frozen=True)
class Job:
    """One job of the matrix. What another cloud needs is empty."""

    regions: str
    """Names, with blanks between them."""
    cloud: fleet.Cloud
    environment: str
    """The GitHub environment, on which the cloud's trust hangs: the wave, or a customer's own; `preview` for pull requests."""
    state: str
    """What the name of the bucket with the regions' state ends with: their own environment, for a preview too."""
    account: str
    """The AWS account, Google Cloud project or Azure subscription."""
    suffix: str = ""
    """What the names of its secrets end with: nothing, or a customer's."""
    aws_role: str = ""
    aws_region: str = ""
    gcp_service_account: str = ""
    azure_directory: str = ""


def group_into_jobs(regions: Iterable[fleet.Region], purpose: Purpose) -> list[Job]:
    """Regions into jobs. Raises FleetError if there are more accounts than jobs."""
    groups: dict[Job, list[str]] = {}
    for region in regions:
        groups.setdefault(_identity(region, purpose), []).append(region.name)
    if len(groups) > MAX_JOBS:
        raise fleet.FleetError(
            [fleet.Problem("stacks/", "accounts", len(groups), f"more than the {MAX_JOBS} jobs of a matrix",
                           "Let the Pulumi Kubernetes Operator run them: docs/operate/ci.md, \"Regions beyond the matrix limit\"")]
        )  # fmt: skip
    size = REGIONS_PER_JOB
    while sum(-(-len(names) // size) for names in groups.values()) > MAX_JOBS:
        size += 1
    return [
        Job(**{**asdict(who), "regions": " ".join(names[start : start + size])})
        for who, names in groups.items()
        for start in range(0, len(names), size)
    ]


def _identity(region: fleet.Region, purpose: Purpose) -> Job:
    """What a job for a region signs in as; names of roles are those that bootstrap/ makes."""
    settings = region.settings
    state = region.environment
    environment = fleet.PREVIEW if purpose is Purpose.PREVIEW else state
    suffix = receipts_key(region).removeprefix(RECEIPTS_KEY)
    if settings.aws:
        role = settings.aws.preview_role if purpose is Purpose.PREVIEW else settings.aws.deploy_role
        account = settings.aws.account_id
        return Job(
            "", "aws", environment, state, account, suffix, f"arn:aws:iam::{account}:role/{role}", settings.location
        )
    if settings.gcp:
        project = settings.gcp.project
        return Job("", "gcp", environment, state, project, suffix,
                   gcp_service_account=f"regions-{purpose}@{project}.iam.gserviceaccount.com")  # fmt: skip
    assert settings.azure is not None, "fleet refuses a region without its cloud's settings"
    account, directory = settings.azure.subscription_id, settings.azure.directory_id
    return Job("", "azure", environment, state, account, suffix, azure_directory=directory)
