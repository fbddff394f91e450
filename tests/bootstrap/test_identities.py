"""Trust in CI's jobs: each job of `regions ci-matrix` signs in, in its own environment, and no other job does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import yaml

import fleet
from bootstrap.plan import state_role
from tests.bootstrap.fleets import crowded, plain
from tests.bootstrap.iam import takes
from tests.bootstrap.recording import SETTINGS, Registrations, shipped
from tests.repository import ROOT
from waves.regions.ci_matrix import Job, Purpose, group_into_jobs

ISSUER = "https://token.actions.githubusercontent.com"
PREFIX = "repo:example@10000001/regions@100000001"
Token = dict[str, str]
Fleets = Callable[[], tuple[fleet.Fleet, Registrations]]
FLEETS = pytest.mark.parametrize("fleets", [plain, crowded])


def token(environment: str | None, prefix: str = PREFIX, **changed: str) -> Token:
    """The claims that GitHub signs for a job. docs.github.com, "OpenID Connect reference"."""
    context = f"environment:{environment}" if environment else "ref:refs/heads/main"
    claims = {
        "iss": ISSUER,
        "sub": f"{prefix}:{context}",
        "repository": "example/regions",
        "repository_id": "100000001",
    }
    return {**claims, **({"environment": environment} if environment else {}), **changed}


def strangers(registrations: Registrations, mine: set[str]) -> Iterator[Token]:
    """Tokens of all jobs but those of some environments."""
    for environment in {*registrations.plan.environments, "preview", "images", "staging2", "*"} - mine:
        yield token(environment)
    for environment in mine:
        yield token(environment, prefix="repo:evil@10000001/regions@100000001", repository="evil/regions")
        yield token(
            environment,
            prefix="repo:example@10000001/other@100000002",
            repository="example/other",
            repository_id="100000002",
        )
        yield token(environment, prefix="repo:example/regions")  # the same name in another repository
        yield token(None, sub=f"{PREFIX}:pull_request")
        yield token(None, sub=f"{PREFIX}:ref:refs/heads/environment:{environment}")
        yield token(environment, iss="https://token.actions.example.com")
    yield token(None)


def on_aws(registrations: Registrations, arn: str, claims: Token) -> bool:
    """Whether AWS lets a job in as a role."""
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    role = registrations.named("aws:iam/role:Role", f"aws-{account}-{name}").inputs
    return takes(json.loads(role["assumeRolePolicy"]), {**claims, "aud": "sts.amazonaws.com"})


def on_google(registrations: Registrations, email: str, claims: Token) -> bool:
    """Whether Google Cloud lets a job in as a service account."""
    purpose, project = email.partition("@")[0].removeprefix("regions-"), email.partition("@")[2].partition(".")[0]
    registrations.named("gcp:serviceaccount/account:Account", f"gcp-{project}-{purpose}")
    provider = registrations.named("gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider", "gcp").inputs
    # CEL, as Python: only && and startsWith differ.
    condition = provider["attributeCondition"].replace("&&", "and").replace("startsWith", "startswith")
    if claims["iss"] != provider["oidc"]["issuerUri"] or "environment" not in claims:
        return False
    if not eval(condition, {"__builtins__": {}}, {"assertion": SimpleNamespace(**claims)}):
        return False
    pool = "projects/123456789012/locations/global/workloadIdentityPools/regions-github"
    member = f"principalSet://iam.googleapis.com/{pool}/attribute.environment/{claims['environment']}"
    return any(
        binding.inputs["member"] == member and binding.inputs["role"] == "roles/iam.workloadIdentityUser"
        for binding in registrations.of("gcp:serviceaccount/iAMMember:IAMMember")
        if binding.inputs["serviceAccountId"] == f"gcp-{project}-{purpose}"
    )


def on_azure(registrations: Registrations, environment: str, claims: Token) -> bool:
    """Whether Azure lets a job in as an environment's managed identity."""
    credentials = [
        credential.inputs
        for credential in registrations.of("azure-native:managedidentity:FederatedIdentityCredential")
        if credential.name == f"azure-{environment}"
    ]
    return any(
        credential["issuer"] == claims["iss"] and credential["subject"] == claims["sub"] for credential in credentials
    )


def lets_in(registrations: Registrations, job: Job, claims: Token) -> bool:
    """Whether a job's cloud lets it in as the job's identity, and the state's account too."""
    match job.cloud:
        case "aws":
            return on_aws(registrations, job.aws_role, claims)
        case "gcp":
            inside = on_google(registrations, job.gcp_service_account, claims)
        case "azure":
            variables = registrations.of("github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable")
            (client,) = [v.inputs["value"] for v in variables if v.name == f"github-{job.environment}-AZURE_CLIENT_ID"]
            assert client == f"azure-{job.environment}"
            inside = on_azure(registrations, job.environment, claims)
    role = f"arn:aws:iam::{SETTINGS.state.account}:role/{state_role(job.environment)}"
    state = on_aws(registrations, role, claims)
    assert inside == state, "the cloud lets the job in and the state does not, or the reverse"
    return inside


@FLEETS
@pytest.mark.parametrize("purpose", list(Purpose))
def test_every_job_is_let_in_by_its_own_environment(fleets: Fleets, purpose: Purpose) -> None:
    the_fleet, registrations = fleets()
    for job in group_into_jobs(the_fleet.in_waves(), purpose):
        assert lets_in(registrations, job, token(job.environment)), job


@FLEETS
@pytest.mark.parametrize("purpose", list(Purpose))
def test_no_other_job_is_let_in(fleets: Fleets, purpose: Purpose) -> None:
    the_fleet, registrations = fleets()
    jobs = group_into_jobs(the_fleet.in_waves(), purpose)
    for job in jobs:
        # An account that regions of two waves share trusts both, and a job's identity is the account's.
        mine = {
            other.environment
            for other in jobs
            if (other.aws_role, other.gcp_service_account) == (job.aws_role, job.gcp_service_account)
            and (job.cloud != "azure" or other.environment == job.environment)
            and other.cloud == job.cloud
        }
        for claims in strangers(registrations, mine):
            if job.cloud == "aws":
                assert not on_aws(registrations, job.aws_role, claims), (job, claims)
            elif job.cloud == "gcp":
                assert not on_google(registrations, job.gcp_service_account, claims), (job, claims)
            else:
                assert not on_azure(registrations, job.environment, claims), (job, claims)


@FLEETS
def test_a_role_for_state_is_its_own_environments_alone(fleets: Fleets) -> None:
    _, registrations = fleets()
    for environment in (*registrations.plan.environments, "preview"):
        role = f"arn:aws:iam::{SETTINGS.state.account}:role/{state_role(environment)}"
        assert on_aws(registrations, role, token(environment))
        assert not any(on_aws(registrations, role, claims) for claims in strangers(registrations, {environment}))


def test_an_account_of_two_waves_trusts_both_and_no_third() -> None:
    _, registrations = crowded()
    shared = "arn:aws:iam::111122223333:role/regions-deploy"
    assert [e for e in registrations.plan.environments if on_aws(registrations, shared, token(e))] == [
        "staging",
        "internal",
    ]
    account = "regions-deploy@example-staging.iam.gserviceaccount.com"
    assert [e for e in registrations.plan.environments if on_google(registrations, account, token(e))] == [
        "staging",
        "internal",
    ]


def test_a_token_for_another_audience_is_refused() -> None:
    _, registrations = plain()
    role = registrations.named("aws:iam/role:Role", "aws-111122223333-regions-deploy").inputs
    assert not takes(json.loads(role["assumeRolePolicy"]), {**token("staging"), "aud": "https://github.com/example"})


@FLEETS
def test_there_is_no_role_that_no_job_takes(fleets: Fleets) -> None:
    the_fleet, registrations = fleets()
    jobs = [job for purpose in Purpose for job in group_into_jobs(the_fleet.in_waves(), purpose)]
    arns = {job.aws_role for job in jobs if job.aws_role}
    arns |= {
        f"arn:aws:iam::{SETTINGS.state.account}:role/{state_role(e)}"
        for e in (*registrations.plan.environments, "preview")
    }
    assert {role.arn for role in registrations.plan.roles} == arns
    accounts = {
        f"{r.inputs['accountId']}@{r.inputs['project']}" for r in registrations.of("gcp:serviceaccount/account:Account")
    }
    assert {a.partition(".iam")[0] for a in (job.gcp_service_account for job in jobs) if a} == accounts


def test_subjects_without_numbers_are_those_of_older_repositories() -> None:
    older = SETTINGS.github.model_copy(update={"owner_id": None, "repository_id": None})
    assert older.subject("staging") == "repo:example/regions:environment:staging"


def test_a_session_on_aws_lasts_as_long_as_any_job_may() -> None:
    """Without a duration the session ends after an hour, and a job that takes longer cannot write its state."""
    action = yaml.safe_load((ROOT / ".github/actions/sign-in/action.yml").read_text())
    (duration,) = [
        step["with"]["role-duration-seconds"]
        for step in action["runs"]["steps"]
        if "configure-aws-credentials" in step.get("uses", "")
    ]
    jobs = [
        job
        for path in (ROOT / ".github/workflows").glob("*.yml")
        for job in yaml.safe_load(path.read_text())["jobs"].values()
    ]
    signed_in = [
        job for job in jobs if any(step.get("uses") == "./.github/actions/sign-in" for step in job.get("steps", ()))
    ]
    assert len(signed_in) >= 3
    assert all(job["timeout-minutes"] * 60 <= duration for job in signed_in)
    roles = [role.inputs for role in shipped().of("aws:iam/role:Role") if "maxSessionDuration" in role.inputs]
    assert roles
    assert all(role["maxSessionDuration"] >= duration for role in roles)
