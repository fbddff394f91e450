"""The simulated GitHub has GitHub's refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.clouds.core.model import CloudError
from sandbox.clouds.github import DIALECT, ENVIRONMENT
from tests.sandbox.clouds.doubles import Account

POLICY = "github:index/repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy"
VARIABLE = "github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable"
RULESET = "github:index/repositoryRuleset:RepositoryRuleset"
OWN = {"repository": "regions", "environment": "staging"}


@pytest.fixture
def github(tmp_path: Path) -> Account:
    return Account(DIALECT, tmp_path)


def test_an_environments_branches_and_variables_need_it_and_go_with_it(github: Account) -> None:
    for kind, inputs in ((POLICY, {"branchPattern": "main"}), (VARIABLE, {"variableName": "A", "value": "b"})):
        with pytest.raises(CloudError, match=r"404.*staging"):
            github.make(kind, **OWN, **inputs)
    limited = {"customBranchPolicies": True, "protectedBranches": False}
    environment = github.make(ENVIRONMENT, **OWN, deploymentBranchPolicy=limited)
    policy = github.make(POLICY, **OWN, branchPattern="main")
    variable = github.make(VARIABLE, **OWN, variableName="A", value="b")
    with pytest.raises(CloudError, match="has the policy main already"):
        github.make(POLICY, **OWN, branchPattern="main")
    with pytest.raises(CloudError, match="already exists"):
        github.make(VARIABLE, **OWN, variableName="a", value="c")
    github.delete(ENVIRONMENT, environment)
    assert github.cloud.read(POLICY, policy.id, policy.inputs) is None
    assert github.cloud.read(VARIABLE, variable.id, variable.inputs) is None


def test_an_environment_open_to_all_branches_names_none(github: Account) -> None:
    github.make(ENVIRONMENT, **OWN)
    with pytest.raises(CloudError, match="no custom branch policies"):
        github.make(POLICY, **OWN, branchPattern="main")


@pytest.mark.parametrize("name", ["GITHUB_A", "github_a", "1A", "A-B", ""])
def test_a_variable_is_named_as_a_variable_and_not_as_one_of_githubs(github: Account, name: str) -> None:
    with pytest.raises(CloudError, match="422"):
        github.make("github:index/actionsVariable:ActionsVariable", repository="regions", variableName=name, value="b")


def test_a_rulesets_name_is_taken_once(github: Account) -> None:
    inputs = {"name": "main", "repository": "regions", "target": "branch", "enforcement": "active", "rules": {}}
    ruleset = github.make(RULESET, **inputs)
    assert ruleset.outputs["rulesetId"] == int(ruleset.id)
    with pytest.raises(CloudError, match="Name must be unique"):
        github.make(RULESET, **inputs)


def test_a_provider_without_an_owner_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="owner"):
        Account(DIALECT, tmp_path, {"owner": ""})
