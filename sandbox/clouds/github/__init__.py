"""The SIMULATED GitHub as a provider of resources: the environments, variables and rulesets of bootstrap/.

The sandbox's git host (sandbox/githost) has the repository's branches, pull requests and commit statuses. The two do not
know each other: a ruleset here blocks no push there.

The `replace` paths are `ForceNew` in integrations/terraform-provider-github, github/resource_github_*.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sandbox.clouds.core import terraform_bridge
from sandbox.clouds.core.dialect import Invoke
from sandbox.clouds.core.model import CloudError, Context, Reference, ResourceRule, documented_at
from sandbox.clouds.core.schema import SchemaError, Sdk
from sandbox.clouds.core.store import Transaction

ENVIRONMENT: Final = "github:index/repositoryEnvironment:RepositoryEnvironment"


@documented_at("docs.github.com/actions/reference/workflows-and-actions/variables")
def _variable_name(context: Context, tx: Transaction) -> None:
    name = str(context["variableName"])
    if not re.fullmatch(r"(?!(?i:GITHUB_))[A-Za-z_]\w*", name, re.ASCII):
        raise CloudError(f"422 Validation Failed: {name} is no name of a variable")


def _custom_branches(context: Context, tx: Transaction) -> None:
    environment = context.find((ENVIRONMENT,), context.text("{repository}:{environment}"))
    policy = (environment.inputs if environment else {}).get("deploymentBranchPolicy") or {}
    if not policy.get("customBranchPolicies"):
        raise CloudError(f"404 Not Found: {context['environment']} has no custom branch policies")


_OF_ENVIRONMENT: Final = Reference(
    "environment",
    ENVIRONMENT,
    "404 Not Found: there is no environment {value}",
    cascade=True,
    value=lambda c, value: f"{c['repository']}:{value}",
)


def _variable(token: str, id_: str, *references: Reference) -> ResourceRule:
    return ResourceRule(
        token,
        source="docs.github.com/rest/actions/variables",
        id=id_,
        exists="409 Conflict: Already exists - Variable already exists ({variableName})",
        replace=("repository", "environment", "variableName"),
        outputs={"createdAt": "{now}", "updatedAt": "{now}"},
        volatile=("updatedAt",),
        references=references,
        checks=(_variable_name,),
    )


RULES: Final = (
    ResourceRule(  # resource_github_repository_environment.go
        ENVIRONMENT,
        source="docs.github.com/rest/deployments/environments",
        name_patterns={"environment": r"[^|]{1,255}"},
        id="{repository}:{environment}",
        replace=("repository", "environment"),
        defaults={"canAdminsBypass": True, "preventSelfReview": False},
    ),
    ResourceRule(  # resource_github_repository_environment_deployment_policy.go
        "github:index/repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy",
        source="docs.github.com/rest/deployments/branch-policies",
        id="{repository}:{environment}:{digits8}",
        handles=("pattern",),
        exists="303 See Other: {environment} has the policy {branchPattern}{tagPattern} already",
        replace=("repository", "environment"),
        outputs={"pattern": "{repository}:{environment}:{branchPattern}{tagPattern}"},
        references=(_OF_ENVIRONMENT,),
        checks=(_custom_branches,),
    ),
    _variable(  # resource_github_actions_variable.go
        "github:index/actionsVariable:ActionsVariable",
        "{repository}:{variableName}",
    ),
    _variable(  # resource_github_actions_environment_variable.go
        "github:index/actionsEnvironmentVariable:ActionsEnvironmentVariable",
        "{repository}:{environment}:{variableName}",
        _OF_ENVIRONMENT,
    ),
    ResourceRule(  # resource_github_repository_ruleset.go
        "github:index/repositoryRuleset:RepositoryRuleset",
        source="docs.github.com/rest/repos/rules",
        id="{digits8}",
        handles=("named",),
        exists="422 Validation Failed: Name must be unique ({name})",
        replace=("repository",),
        outputs={
            "named": "{repository}:{name}",
            "nodeId": "RRS_{hex20}",
            "rulesetId": lambda c: int(c.id),
            "etag": 'W/"{hex32}"',
        },
        volatile=("etag",),
    ),
)


class GitHubDialect:
    """GitHub as `sandbox.clouds.core.dialect.Dialect`."""

    name = "github"
    sdk = Sdk("pulumi_github", closed_enums=False)
    scope = "{owner}"
    account = "{owner}"
    rules: Mapping[str, ResourceRule] = {rule.token: rule for rule in RULES}
    invokes: Mapping[str, Invoke] = {}

    def settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The organisation."""
        if not config.get("owner"):
            raise CloudError("owner: required field is not set. Set `owner` on the provider")
        return {"owner": config["owner"]}

    def normalise(self, handle: str) -> str:
        """GitHub ignores case in names."""
        return handle.lower()

    def inherited_outputs(self, context: Context) -> dict[str, Any]:
        """GitHub has none."""
        return {}

    def default_inputs(self, context: Context) -> dict[str, Any]:
        """GitHub has none."""
        return {}

    def invalid_name(self, path: str, value: str, pattern: str) -> str:
        """The message of GitHub's API."""
        return f"422 Validation Failed: {path} is invalid: {value!r} (wanted: {pattern})"

    def explain(self, error: SchemaError, token: str, name: str) -> str:
        """A refused input in the bridge's words."""
        return terraform_bridge.explain(error, token, name)


DIALECT: Final = GitHubDialect()
