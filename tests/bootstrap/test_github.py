"""The workflows' variables and secrets exist or are documented. Rulesets say who moves a branch and who approves."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from bootstrap.rulesets import ACTIONS_APP, CHECKS, FLAGS, IMAGES, PEOPLE
from tests.bootstrap.fleets import crowded
from tests.bootstrap.recording import SETTINGS, register, shipped
from tests.components.recording import FLEET
from tests.repository import ROOT
from waves.images.proposal import OWN

CI = ROOT / ".github"
TEXTS = {path.name: path.read_text() for path in sorted(CI.rglob("*.yml"))}
CONDUCTOR, IMAGES_APP, FLAGS_APP, RECEIPTS = 1000002, 1000005, 1000004, 1000001
EVERYBODY = [("RepositoryRole", role) for role in PEOPLE.values()]


def names_used(context: str) -> set[str]:
    """The names that workflows take from a context."""
    return {name for text in TEXTS.values() for name in re.findall(rf"\b{context}\.(\w+)", text)}


def environments(workflow: str) -> dict[str, dict[str, Any]]:
    """Environment, as the workflow writes it, to the job that uses it."""
    jobs = yaml.safe_load(TEXTS[workflow])["jobs"]
    return {job["environment"]: job for job in jobs.values() if "environment" in job}


def variables() -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Each environment's variables, and the repository's own, of a fleet on all clouds with runners of its own."""
    runners = SETTINGS.runners.model_copy(update={"test": "big", "preview": "inside", "deploy": "inside"})
    registrations = register(crowded()[0], SETTINGS.model_copy(update={"runners": runners}))
    own: dict[str, dict[str, str]] = {}
    for variable in registrations.of("github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable"):
        own.setdefault(variable.inputs["environment"], {})[variable.inputs["variableName"]] = variable.inputs["value"]
    everywhere = registrations.of("github:index/actionsVariable:ActionsVariable")
    return own, {variable.inputs["variableName"]: variable.inputs["value"] for variable in everywhere}


def test_the_workflows_variables_are_the_registered_ones() -> None:
    own, everywhere = variables()
    assert names_used("vars") == {*everywhere, *(name for values in own.values() for name in values)}


def test_each_environment_has_its_own_roles_and_identities() -> None:
    own, everywhere = variables()
    customers = {"globex", "initech"}
    assert own["images"] == {"IMAGES_APP_CLIENT_ID": SETTINGS.github.images_client}
    for environment in {"staging", "internal", "external", "acme", "preview", *customers}:
        role = f"arn:aws:iam::999900001111:role/regions-state-{environment}"
        assert own[environment]["STATE_ROLE"] == role
    on_azure = {environment for environment, values in own.items() if "AZURE_CLIENT_ID" in values}
    assert on_azure == {"staging", "external", "preview", *customers}
    assert everywhere["GCP_WORKLOAD_IDENTITY_PROVIDER"] == (
        "projects/123456789012/locations/global/workloadIdentityPools/regions-github/providers/github"
    )


def test_the_workflows_build_the_buckets_registered_name() -> None:
    for workflow in ("preview.yml", "region.yml", "drift.yml"):
        (job,) = environments(workflow).values()
        url = job["env"]["PULUMI_BACKEND_URL"]
        for name, value in (("vars.STATE_BUCKETS", SETTINGS.state.buckets), ("matrix.state", "staging"),
                            ("vars.STATE_REGION", SETTINGS.state.region)):  # fmt: skip
            url = url.replace(f"${{{{ {name} }}}}", value)
        assert url == f"s3://{SETTINGS.state.bucket('staging')}?region=eu-west-1"


def test_only_main_and_the_regions_branches_deploy() -> None:
    registrations = crowded()[1]
    allowed: dict[str, set[str]] = {}
    for policy in registrations.of(
        "github:index/repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy"
    ):
        allowed.setdefault(policy.inputs["environment"], set()).add(policy.inputs["branchPattern"])
    assert allowed == {
        **{environment: {"main", "region/*"} for environment in registrations.plan.environments},
        "images": {"main"},
    }
    for environment in registrations.of("github:index/repositoryEnvironment:RepositoryEnvironment"):
        assert environment.inputs["canAdminsBypass"] is False
        limited = {"customBranchPolicies": True, "protectedBranches": False}
        assert environment.inputs.get("deploymentBranchPolicy") == (
            None if environment.name == "github-preview" else limited
        )


def test_no_secret_is_registered_and_each_environments_are_documented() -> None:
    registrations = crowded()[1]
    assert not [resource.type for resource in registrations.resources if "secret" in resource.type.lower()]
    table = (ROOT / "docs/reference/permissions.md").read_text().split("### Secrets", 1)[1].split("\n#", 1)[0]
    names = names_used("secrets") - {"GITHUB_TOKEN"}
    assert names == set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    set_by_hand = {name for names in registrations.plan.secrets.values() for name in names}
    assert set_by_hand == names - {"IMAGES_APP_PRIVATE_KEY"}
    assert registrations.plan.secrets["acme"] == {"REGIONS_RECEIPTS_KEY", "REGIONS_INFLUXDB_SECRET"}
    assert registrations.plan.secrets["internal"] >= {"REGIONS_CONDUCTOR_KEY", "REGIONS_FLAGS_KEY"}
    assert "REGIONS_CONDUCTOR_KEY" not in registrations.plan.secrets["staging"]


def test_previews_can_wait_for_an_approval() -> None:
    github = SETTINGS.github.model_copy(update={"preview_reviewers": [42]})
    for settings, reviewers in ((SETTINGS.github, None), (github, [{"teams": [42]}])):
        registrations = register(FLEET, SETTINGS.model_copy(update={"github": settings}))
        environment = registrations.named("github:index/repositoryEnvironment:RepositoryEnvironment", "github-preview")
        assert environment.inputs.get("reviewers") == reviewers


def test_a_pull_requests_job_asks_for_no_secret() -> None:
    assert "secrets." not in TEXTS["preview.yml"]


def rulesets_of(branch: str) -> list[dict[str, Any]]:
    """The rulesets of a branch, as GitHub has them."""
    registrations = shipped()
    ref = f"refs/heads/{branch}"

    def named(patterns: list[str]) -> bool:
        return any(pattern == "~ALL" or fnmatchcase(ref, pattern) for pattern in patterns)

    rulesets = [resource.inputs for resource in registrations.of("github:index/repositoryRuleset:RepositoryRuleset")]
    refs = [(ruleset, ruleset["conditions"]["refName"]) for ruleset in rulesets]
    return [ruleset for ruleset, ref in refs if named(ref["includes"]) and not named(ref["excludes"])]


def may(branch: str, actor: tuple[str, int], rule: str) -> bool:
    """Whether an actor may bypass every ruleset of a branch that has a rule."""
    return all(
        any((bypass["actorType"], bypass["actorId"]) == actor for bypass in ruleset.get("bypassActors", []))
        for ruleset in rulesets_of(branch)
        if ruleset["rules"].get(rule)
    )


@pytest.mark.parametrize("rule", ["creation", "update", "deletion", "nonFastForward"])
def test_a_regions_branch_is_the_conductors_alone(rule: str) -> None:
    assert may("region/staging-aws-eu-west-1", ("Integration", CONDUCTOR), rule)
    others = [("Integration", app) for app in (IMAGES_APP, FLAGS_APP, RECEIPTS, ACTIONS_APP)]
    assert not [actor for actor in [*others, *EVERYBODY] if may("region/staging-aws-eu-west-1", actor, rule)]


def test_the_operators_teams_may_move_regions_by_hand() -> None:
    github = SETTINGS.github.model_copy(update={"operators": [42]})
    registrations = register(FLEET, SETTINGS.model_copy(update={"github": github}))
    ruleset = registrations.named(
        "github:index/repositoryRuleset:RepositoryRuleset", "github-regions move by the conductor"
    )
    actors = [(actor["actorType"], actor["actorId"]) for actor in ruleset.inputs["bypassActors"]]
    assert actors == [("Integration", CONDUCTOR), ("Team", 42)]


def test_no_actor_bypasses_mains_rules() -> None:
    (ruleset,) = rulesets_of("main")
    assert not ruleset.get("bypassActors")
    rules = ruleset["rules"]
    assert rules["deletion"]
    assert rules["nonFastForward"]
    assert rules["pullRequest"]["requireCodeOwnerReview"]
    # A rebase would put unchecked commits on main.
    assert rules["pullRequest"]["allowedMergeMethods"] == ["merge", "squash"]


def test_mains_checks_are_jobs_of_the_preview_and_count_from_github_actions_alone() -> None:
    (ruleset,) = rulesets_of("main")
    checks = ruleset["rules"]["requiredStatusChecks"]["requiredChecks"]
    assert {check["context"] for check in checks} == set(CHECKS)
    assert {check["integrationId"] for check in checks} == {ACTIONS_APP}
    jobs = yaml.safe_load(TEXTS["preview.yml"])["jobs"]
    assert set(CHECKS) <= {job.get("name", key) for key, job in jobs.items()}


def test_flags_are_flipped_by_the_app_or_by_pull_request_and_keep_their_history() -> None:
    assert may("flags", ("Integration", FLAGS_APP), "pullRequest")
    assert not [actor for actor in [*EVERYBODY, ("Integration", CONDUCTOR)] if may("flags", actor, "pullRequest")]
    assert not may("flags", ("Integration", FLAGS_APP), "nonFastForward")
    assert not may("flags", ("Integration", FLAGS_APP), "deletion")


@pytest.mark.parametrize("rule", ["creation", "update", "deletion"])
def test_every_app_keeps_to_its_own_branches(rule: str) -> None:
    assert may("images", ("Integration", IMAGES_APP), rule)
    assert not may("images", ("Integration", CONDUCTOR), rule)
    for app in (IMAGES_APP, FLAGS_APP, RECEIPTS, CONDUCTOR):
        assert not may("a-persons-work", ("Integration", app), rule)
    assert all(may("a-persons-work", actor, rule) for actor in EVERYBODY)


def test_dependabot_may_make_its_branches_and_no_others() -> None:
    assert rulesets_of("dependabot/github_actions/actions-1234") == []
    assert may("dependabot/docker/front/bases-1234", ("Integration", 1), "creation")
    assert not may("main", ("Integration", 1), "pullRequest")
    assert not may("region/staging-aws-eu-west-1", ("Integration", 1), "creation")


def test_the_rulesets_branches_are_the_fleets() -> None:
    assert FLEET.regions["acme-gcp-europe-west4"].branch.startswith("region/")
    assert FLAGS.endswith("/flags")
    assert IMAGES.endswith("/images")


def owners() -> list[tuple[str, list[str]]]:
    """CODEOWNERS, line by line."""
    lines = [line.split() for line in (CI / "CODEOWNERS").read_text().splitlines() if line and not line.startswith("#")]
    return [(path, teams) for path, *teams in lines]


def owner(path: str) -> list[str]:
    """The owners of a file: those of the last line that matches."""
    return [teams for pattern, teams in owners() if pattern == "*" or f"/{path}".startswith(pattern)][-1]


@pytest.mark.parametrize(
    "folder",
    [
        *("components", "fleet", "waves", "stacks", "policy", "bootstrap", ".github", "gates", "gitops/lib"),
        "gitops/apps/conductor",
    ],
)
def test_files_that_decide_rights_are_the_reliability_teams(folder: str) -> None:
    assert (ROOT / folder).exists()
    assert owner(f"{folder}/any") == ["@example/sre"]


def test_only_pins_of_own_images_have_no_owner_and_those_are_held_to_their_signature() -> None:
    assert owners()[0] == ("*", ["@example/sre"])
    for path, _ in owners()[1:]:
        assert (ROOT / path.strip("/")).exists(), path
    assert {path for path, teams in owners() if not teams} == {f"/gitops/pins/{app}.json" for app in OWN}
    steps = yaml.safe_load(TEXTS["preview.yml"])["jobs"]["verdict"]["steps"]
    assert [step for step in steps if "regions images verify" in step.get("run", "")]
    (ruleset,) = rulesets_of("main")
    asks = ruleset["rules"]["pullRequest"]
    assert (asks["requireCodeOwnerReview"], asks["requiredApprovingReviewCount"]) == (True, 0)
    assert owner("front/service.py") == ["@example/apps"]
    assert owner("waves.yaml") == ["@example/sre"]
