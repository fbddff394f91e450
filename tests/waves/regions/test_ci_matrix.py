"""The matrix of a workflow: each job with one account's identity, and never more jobs than GitHub makes."""

from __future__ import annotations

from dataclasses import replace

import pytest

import fleet
from tests.repository import ROOT
from waves.regions.ci_matrix import MAX_JOBS, REGIONS_PER_JOB, Job, Purpose, group_into_jobs

FLEET = fleet.read(ROOT)
AWS, AZURE, GCP, ACME = "prod-aws-us-east-1", "prod-azure-westeurope", "prod-gcp-europe-west4", "acme-gcp-europe-west4"


def one(name: str, purpose: Purpose) -> Job:
    (job,) = group_into_jobs([FLEET.regions[name]], purpose)
    return job


def many(count: int, accounts: int) -> list[fleet.Region]:
    """Regions like one, in so many projects in turn."""
    like = FLEET.regions[GCP]
    assert like.settings.gcp
    regions = []
    for number in range(count):
        project = like.settings.gcp.model_copy(update={"project": f"project-{number % accounts}"})
        regions.append(replace(like, name=f"r-{number}", settings=like.settings.model_copy(update={"gcp": project})))
    return regions


@pytest.mark.parametrize("name", FLEET.regions)
def test_a_pull_requests_identity_is_not_the_one_that_deploys(name: str) -> None:
    preview, deploy = one(name, Purpose.PREVIEW), one(name, Purpose.DEPLOY)
    region = FLEET.regions[name]
    assert preview.environment == "preview"
    assert deploy.environment == (region.settings.tenant if region.settings.private else region.wave.name)
    assert (preview.account, preview.cloud) == (deploy.account, deploy.cloud)
    assert "deploy" not in str(preview)


def test_each_cloud_gets_its_identity() -> None:
    assert one(AWS, Purpose.DEPLOY).aws_role == "arn:aws:iam::333344445555:role/regions-deploy"
    assert one(GCP, Purpose.DEPLOY).gcp_service_account == "regions-deploy@example-production.iam.gserviceaccount.com"
    assert one(AZURE, Purpose.DEPLOY).azure_directory == "99999999-aaaa-4bbb-8ccc-000000000000"
    assert one(ACME, Purpose.DEPLOY).suffix == "_ACME"
    assert one(GCP, Purpose.DEPLOY).suffix == ""


def test_every_region_is_in_one_job_and_no_job_has_two_accounts() -> None:
    regions = many(95, 7)
    jobs = group_into_jobs(regions, Purpose.DEPLOY)
    names = [name for job in jobs for name in job.regions.split()]
    assert sorted(names) == sorted(region.name for region in regions)
    account = {region.name: region.settings.gcp.project for region in regions if region.settings.gcp}
    assert all({account[name] for name in job.regions.split()} == {job.account} for job in jobs)
    assert max(len(job.regions.split()) for job in jobs) <= REGIONS_PER_JOB


def test_many_regions_are_put_together_until_github_makes_all_jobs() -> None:
    jobs = group_into_jobs(many(5000, 100), Purpose.PREVIEW)
    assert len(jobs) <= MAX_JOBS
    assert sum(len(job.regions.split()) for job in jobs) == 5000


def test_more_accounts_than_jobs_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(fleet.FleetError, match=r"257.*256 jobs.*Split the change"):
        group_into_jobs(many(300, 257), Purpose.PREVIEW)
