"""GitHub: environments, which clouds trust by name, the workflows' variables, and rulesets. A person sets the secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_github as github

from bootstrap.plan import OrganisationPlan, state_role
from bootstrap.rulesets import ACTIONS_APP, Ruleset, rulesets
from fleet import IMAGES, PREVIEW

DEPLOY_BRANCHES, IMAGE_BRANCHES = ("main", "region/*"), ("main",)
"""The branches whose jobs may use an environment. Jobs of `main` check for drift at night."""


class GitHubRepository(pulumi.ComponentResource):
    """The settings of the repository, which exists before this program runs."""

    def __init__(
        self, plan: OrganisationPlan, clients: Mapping[str, pulumi.Output[str]], gcp: pulumi.Output[str] | None
    ) -> None:
        super().__init__("bootstrap:github:Repository", "github")
        settings = plan.settings
        self._repository = settings.github.repository
        provider = github.Provider("github", owner=settings.github.owner, opts=pulumi.ResourceOptions(parent=self))
        self._own = pulumi.ResourceOptions(parent=self, provider=provider)

        roles = f"arn:aws:iam::{settings.state.account}:role"
        for environment in (*plan.environments, PREVIEW):
            variables: dict[str, pulumi.Input[str]] = {"STATE_ROLE": f"{roles}/{state_role(environment)}"}
            if environment in clients:
                variables["AZURE_CLIENT_ID"] = clients[environment]
            if environment == PREVIEW:
                # A pull request's jobs run on no branch that a policy could name, so every branch may preview.
                self._environment(environment, (), variables, settings.github.preview_reviewers)
            else:
                self._environment(environment, DEPLOY_BRANCHES, variables)
        self._environment(IMAGES, IMAGE_BRANCHES, {"IMAGES_APP_CLIENT_ID": settings.github.images_client})

        everywhere: dict[str, pulumi.Input[str] | None] = {
            "STATE_BUCKETS": settings.state.buckets,
            "STATE_REGION": settings.state.region,
            "GCP_WORKLOAD_IDENTITY_PROVIDER": gcp,
            "TEST_RUNNER": settings.runners.test,
            "PREVIEW_RUNNER": settings.runners.preview,
            "DEPLOY_RUNNER": settings.runners.deploy,
        }
        for name, value in everywhere.items():
            if value is not None:
                github.ActionsVariable(
                    f"github-{name}", repository=self._repository, variable_name=name, value=value, opts=self._own
                )
        for ruleset in rulesets(plan):
            self._ruleset(ruleset)
        self.register_outputs({})

    def _environment(
        self,
        name: str,
        branches: tuple[str, ...],
        variables: Mapping[str, pulumi.Input[str]],
        reviewers: Sequence[int] = (),
    ) -> None:
        """An environment with its variables.

        Without `branches` every branch may use it. With `reviewers` (teams), a job waits for the approval of one of them.
        """
        branch_policy = github.RepositoryEnvironmentDeploymentBranchPolicyArgs(
            custom_branch_policies=True, protected_branches=False
        )
        environment = github.RepositoryEnvironment(
            f"github-{name}",
            repository=self._repository,
            environment=name,
            can_admins_bypass=False,
            deployment_branch_policy=branch_policy if branches else None,
            reviewers=[github.RepositoryEnvironmentReviewerArgs(teams=reviewers)] if reviewers else None,
            opts=self._own,
        )
        for branch in branches:
            github.RepositoryEnvironmentDeploymentPolicy(
                f"github-{name}-{branch}",
                repository=self._repository,
                environment=environment.environment,
                branch_pattern=branch,
                opts=self._own,
            )
        for variable, value in variables.items():
            github.ActionsEnvironmentVariable(
                f"github-{name}-{variable}",
                repository=self._repository,
                environment=environment.environment,
                variable_name=variable,
                value=value,
                opts=self._own,
            )

    def _ruleset(self, ruleset: Ruleset) -> None:
        closed, lasting = ruleset.closed or None, ruleset.lasting or None
        github.RepositoryRuleset(
            f"github-{ruleset.name}",
            name=ruleset.name,
            repository=self._repository,
            target="branch",
            enforcement="active",
            conditions=github.RepositoryRulesetConditionsArgs(
                ref_name=github.RepositoryRulesetConditionsRefNameArgs(
                    includes=list(ruleset.branches), excludes=list(ruleset.excluded)
                )
            ),
            bypass_actors=[
                github.RepositoryRulesetBypassActorArgs(
                    actor_type=actor.kind, actor_id=actor.number, bypass_mode="always"
                )
                for actor in ruleset.bypass
            ],
            rules=github.RepositoryRulesetRulesArgs(
                creation=closed,
                update=closed,
                deletion=closed or lasting,
                non_fast_forward=closed or lasting,
                pull_request=self._review(ruleset.owners) if ruleset.review else None,
                required_status_checks=self._checks(ruleset.checks) if ruleset.checks else None,
            ),
            opts=self._own,
        )

    @staticmethod
    def _review(owners: bool) -> github.RepositoryRulesetRulesPullRequestArgs:
        return github.RepositoryRulesetRulesPullRequestArgs(
            # Each commit of main's first-parent history is then a checked pull request, and a release of its own.
            allowed_merge_methods=["merge", "squash"],
            # With owners' approval, a file without an owner needs none: CI's pins, whose signature a check verifies.
            required_approving_review_count=0 if owners else 1,
            require_code_owner_review=owners,
            dismiss_stale_reviews_on_push=True,
            require_last_push_approval=not owners,
        )

    @staticmethod
    def _checks(names: tuple[str, ...]) -> github.RepositoryRulesetRulesRequiredStatusChecksArgs:
        return github.RepositoryRulesetRulesRequiredStatusChecksArgs(
            required_checks=[
                github.RepositoryRulesetRulesRequiredStatusChecksRequiredCheckArgs(
                    context=name, integration_id=ACTIONS_APP
                )
                for name in names
            ]
        )
