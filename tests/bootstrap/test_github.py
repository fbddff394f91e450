"""What the workflows ask GitHub for is there or written down; who may move which branch, and who has to approve what."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from bootstrap.rulesets import ACTIONS_APP, CHECKS, FLAGS, IMAGES, PEOPLE
from tests.bootstrap.fleets import crowded
from tests.bootstrap.recording import SETTINGS, make, shipped
from tests.components.recording import FLEET
from tests.repository import ROOT
from waves.images.proposal import OWN

CI = ROOT / ".github"
TEXTS = {path.name: path.read_text() for path in sorted(CI.rglob("*.yml"))}
CONDUCTOR, IMAGES_APP, FLAGS_APP, RECEIPTS = 1000002, 1000005, 1000004, 1000001
EVERYBODY = [("RepositoryRole", role) for role in PEOPLE.values()]


def asked(context: str) -> set[str]:
    """The names that workflows take from a context."""
    return {name for text in TEXTS.values() for name in re.findall(rf"\b{context}\.(\w+)", text)}


def environments(workflow: str) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow that use an environment, by its name as it stands there."""
    jobs = yaml.safe_load(TEXTS[workflow])["jobs"]
    return {job["environment"]: job for job in jobs.values() if "environment" in job}


def variables() -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Each environment's variables, and the repository's own, of a fleet on all clouds with runners of its own."""
    runners = SETTINGS.runners.model_copy(update={"test": "big", "preview": "inside", "deploy": "inside"})
    made = make(crowded()[0], SETTINGS.model_copy(update={"runners": runners}))
    own: dict[str, dict[str, str]] = {}
    for each in made.of("github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable"):
        own.setdefault(each.inputs["environment"], {})[each.inputs["variableName"]] = each.inputs["value"]
    everywhere = made.of("github:index/actionsVariable:ActionsVariable")
    return own, {each.inputs["variableName"]: each.inputs["value"] for each in everywhere}


def test_the_variables_that_workflows_ask_for_are_the_ones_that_are_made() -> None:
    own, everywhere = variables()
    assert asked("vars") == {*everywhere, *(name for each in own.values() for name in each)}


def test_each_environment_has_its_own_roles_and_identities() -> None:
    own, everywhere = variables()
    customers = {"globex", "initech"}
    assert own["images"] == {"IMAGES_APP_CLIENT_ID": SETTINGS.github.images_client}
    for environment in {"staging", "internal", "external", "acme", "preview", *customers}:
        role = f"arn:aws:iam::999900001111:role/regions-state-{environment}"
        assert own[environment]["STATE_ROLE"] == role
    on_azure = {environment for environment, each in own.items() if "AZURE_CLIENT_ID" in each}
    assert on_azure == {"staging", "external", "preview", *customers}
    assert everywhere["GCP_WORKLOAD_IDENTITY_PROVIDER"] == (
        "projects/123456789012/locations/global/workloadIdentityPools/regions-github/providers/github"
    )


def test_the_workflows_name_the_bucket_as_it_is_made() -> None:
    for workflow in ("preview.yml", "region.yml", "drift.yml"):
        (job,) = environments(workflow).values()
        url = job["env"]["PULUMI_BACKEND_URL"]
        for name, value in (("vars.STATE_BUCKETS", SETTINGS.state.buckets), ("matrix.state", "staging"),
                            ("vars.STATE_REGION", SETTINGS.state.region)):  # fmt: skip
            url = url.replace(f"${{{{ {name} }}}}", value)
        assert url == f"s3://{SETTINGS.state.named('staging')}?region=eu-west-1"


def test_only_main_and_the_regions_branches_deploy() -> None:
    made = crowded()[1]
    allowed: dict[str, set[str]] = {}
    for each in made.of("github:index/repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy"):
        allowed.setdefault(each.inputs["environment"], set()).add(each.inputs["branchPattern"])
    assert allowed == {**{each: {"main", "region/*"} for each in made.plan.environments}, "images": {"main"}}
    for each in made.of("github:index/repositoryEnvironment:RepositoryEnvironment"):
        assert each.inputs["canAdminsBypass"] is False
        limited = {"customBranchPolicies": True, "protectedBranches": False}
        assert each.inputs.get("deploymentBranchPolicy") == (None if each.name == "github-preview" else limited)


def test_secrets_are_made_nowhere_and_written_down_for_each_environment() -> None:
    made = crowded()[1]
    assert not [each.type for each in made.resources if "secret" in each.type.lower()]
    table = (ROOT / "docs/reference/permissions.md").read_text().split("### Secrets", 1)[1].split("\n#", 1)[0]
    wanted = asked("secrets") - {"GITHUB_TOKEN"}
    assert wanted == set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    set_by_hand = {name for names in made.plan.secrets.values() for name in names}
    assert set_by_hand == wanted - {"IMAGES_APP_PRIVATE_KEY"}
    assert made.plan.secrets["acme"] == {"REGIONS_RECEIPTS_KEY", "REGIONS_INFLUXDB_SECRET"}
    assert made.plan.secrets["internal"] >= {"REGIONS_CONDUCTOR_KEY", "REGIONS_FLAGS_KEY"}
    assert "REGIONS_CONDUCTOR_KEY" not in made.plan.secrets["staging"]


def test_people_may_be_asked_before_a_preview_runs() -> None:
    github = SETTINGS.github.model_copy(update={"preview_reviewers": [42]})
    for given, reviewers in ((SETTINGS.github, None), (github, [{"teams": [42]}])):
        made = make(FLEET, SETTINGS.model_copy(update={"github": given}))
        environment = made.named("github:index/repositoryEnvironment:RepositoryEnvironment", "github-preview")
        assert environment.inputs.get("reviewers") == reviewers


def test_a_pull_requests_job_asks_for_no_secret() -> None:
    assert "secrets." not in TEXTS["preview.yml"]


def held(branch: str) -> list[dict[str, Any]]:
    """The rulesets that hold a branch, as GitHub has them."""
    made = shipped()
    ref = f"refs/heads/{branch}"

    def named(patterns: list[str]) -> bool:
        return any(pattern == "~ALL" or fnmatchcase(ref, pattern) for pattern in patterns)

    rulesets = [each.inputs for each in made.of("github:index/repositoryRuleset:RepositoryRuleset")]
    refs = [(each, each["conditions"]["refName"]) for each in rulesets]
    return [each for each, ref in refs if named(ref["includes"]) and not named(ref["excludes"])]


def may(branch: str, actor: tuple[str, int], rule: str) -> bool:
    """Whether an actor is held by no ruleset with a rule."""
    return all(
        any((each["actorType"], each["actorId"]) == actor for each in ruleset.get("bypassActors", []))
        for ruleset in held(branch)
        if ruleset["rules"].get(rule)
    )


@pytest.mark.parametrize("rule", ["creation", "update", "deletion", "nonFastForward"])
def test_a_regions_branch_is_the_conductors_alone(rule: str) -> None:
    assert may("region/staging-aws-eu-west-1", ("Integration", CONDUCTOR), rule)
    others = [("Integration", app) for app in (IMAGES_APP, FLAGS_APP, RECEIPTS, ACTIONS_APP)]
    assert not [actor for actor in [*others, *EVERYBODY] if may("region/staging-aws-eu-west-1", actor, rule)]


def test_teams_that_are_named_may_move_regions_by_hand() -> None:
    github = SETTINGS.github.model_copy(update={"operators": [42]})
    made = make(FLEET, SETTINGS.model_copy(update={"github": github}))
    ruleset = made.named("github:index/repositoryRuleset:RepositoryRuleset", "github-regions move by the conductor")
    actors = [(each["actorType"], each["actorId"]) for each in ruleset.inputs["bypassActors"]]
    assert actors == [("Integration", CONDUCTOR), ("Team", 42)]


def test_nobody_at_all_gets_around_mains_rules() -> None:
    (ruleset,) = held("main")
    assert not ruleset.get("bypassActors")
    rules = ruleset["rules"]
    assert rules["deletion"]
    assert rules["nonFastForward"]
    assert rules["pullRequest"]["requireCodeOwnerReview"]
    # A rebase would put commits on main that nobody has checked.
    assert rules["pullRequest"]["allowedMergeMethods"] == ["merge", "squash"]


def test_mains_checks_are_jobs_of_the_preview_and_count_from_github_actions_alone() -> None:
    (ruleset,) = held("main")
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
        assert not may("somebodys-work", ("Integration", app), rule)
    assert all(may("somebodys-work", actor, rule) for actor in EVERYBODY)


def test_dependabot_may_make_its_branches_and_no_others() -> None:
    assert held("dependabot/github_actions/actions-1234") == []
    assert may("dependabot/docker/front/bases-1234", ("Integration", 1), "creation")
    assert not may("main", ("Integration", 1), "pullRequest")
    assert not may("region/staging-aws-eu-west-1", ("Integration", 1), "creation")


def test_branches_are_named_as_elsewhere() -> None:
    assert FLEET.regions["acme-gcp-europe-west4"].branch.startswith("region/")
    assert FLAGS.endswith("/flags")
    assert IMAGES.endswith("/images")


def owners() -> list[tuple[str, list[str]]]:
    """CODEOWNERS, line by line."""
    lines = [line.split() for line in (CI / "CODEOWNERS").read_text().splitlines() if line and not line.startswith("#")]
    return [(path, teams) for path, *teams in lines]


def owner(path: str) -> list[str]:
    """Who owns a file: the last line that matches."""
    return [teams for pattern, teams in owners() if pattern == "*" or f"/{path}".startswith(pattern)][-1]


@pytest.mark.parametrize(
    "folder",
    [
        *("components", "fleet", "waves", "stacks", "policy", "bootstrap", ".github", "gates", "gitops/lib"),
        "gitops/apps/conductor",
    ],
)
def test_what_could_change_who_may_do_what_is_the_reliability_teams(folder: str) -> None:
    assert (ROOT / folder).exists()
    assert owner(f"{folder}/any") == ["@example/sre"]


def test_only_pins_of_own_images_have_no_owner_and_those_are_held_to_their_signature() -> None:
    assert owners()[0] == ("*", ["@example/sre"])
    for path, _ in owners()[1:]:
        assert (ROOT / path.strip("/")).exists(), path
    assert {path for path, teams in owners() if not teams} == {f"/gitops/pins/{app}.json" for app in OWN}
    steps = yaml.safe_load(TEXTS["preview.yml"])["jobs"]["verdict"]["steps"]
    assert [step for step in steps if "regions images verify" in step.get("run", "")]
    (ruleset,) = held("main")
    asks = ruleset["rules"]["pullRequest"]
    assert (asks["requireCodeOwnerReview"], asks["requiredApprovingReviewCount"]) == (True, 0)
    assert owner("front/service.py") == ["@example/apps"]
    assert owner("waves.yaml") == ["@example/sre"]
