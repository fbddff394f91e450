"""The fleet's AWS accounts, and the state's: the trust in GitHub, CI's roles, and their rights."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from bootstrap.documents import AUDIENCE, ISSUER, document, trust
from bootstrap.plan import DEPLOY, Role
from bootstrap.rights import bounding, building, granting, reading
from bootstrap.settings import OrganisationSettings
from fleet import PREVIEW
from fleet.settings import BOUNDARY


class AwsAccount(pulumi.ComponentResource):
    """An account: GitHub as a provider of identities, the boundary, and CI's roles."""

    provider: aws.Provider
    roles: dict[str, aws.iam.Role]
    """By ARN."""

    def __init__(
        self,
        account: str,
        roles: Sequence[Role],
        settings: OrganisationSettings,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name = f"aws-{account}"
        super().__init__("bootstrap:aws:Account", name, None, opts)
        administrator = f"arn:aws:iam::{account}:role/{settings.aws.administrator}"
        self.provider = aws.Provider(
            name,
            region=settings.state.region,  # IAM is global and ignores it
            allowed_account_ids=[account],
            assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=administrator)],
            default_tags=aws.ProviderDefaultTagsArgs(tags={"managed-by": "regions-bootstrap"}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        own = pulumi.ResourceOptions(parent=self, provider=self.provider)
        github = aws.iam.OpenIdConnectProvider(
            f"{name}-github", url=f"https://{ISSUER}", client_id_lists=[AUDIENCE], opts=own
        )
        self.roles = {
            role.arn: aws.iam.Role(
                f"{name}-{role.name}",
                name=role.name,
                assume_role_policy=trust(account, map(settings.github.subject, role.trusts)),
                max_session_duration=7200,  # a job's, in .github/workflows
                opts=pulumi.ResourceOptions(parent=self, provider=self.provider, depends_on=[github]),
            )
            for role in roles
        }
        self._let_build(name, account, roles, own)
        for role in roles:
            if role.purpose == PREVIEW:
                aws.iam.RolePolicy(
                    f"{name}-{role.name}-reading",
                    name="reading",
                    role=self.roles[role.arn].name,
                    policy=document(reading()),
                    opts=own,
                )
        self.register_outputs({})

    def _let_build(self, name: str, account: str, roles: Sequence[Role], own: pulumi.ResourceOptions) -> None:
        """The boundary of regions' roles, and the policies of the deploy roles, if the account has one."""
        builders = [role for role in roles if role.purpose == DEPLOY]
        if not builders:
            return
        policies = [
            aws.iam.Policy(f"{name}-{title}", name=title, policy=document(statements), opts=own)
            for title, statements in (
                ("regions-building", building(account)),
                ("regions-granting", granting(account, [role.arn for role in roles])),
            )
        ]
        aws.iam.Policy(f"{name}-{BOUNDARY}", name=BOUNDARY, policy=document(bounding()), opts=own)
        for role in builders:
            for policy in policies:
                aws.iam.RolePolicyAttachment(
                    f"{name}-{role.name}-{policy._name}",
                    role=self.roles[role.arn].name,
                    policy_arn=policy.arn,
                    opts=own,
                )
