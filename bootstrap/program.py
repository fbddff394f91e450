"""All of it, in the order in which it depends on each other: accounts, state, clouds, GitHub."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from bootstrap import state_rights
from bootstrap.aws import AwsAccount
from bootstrap.azure import AzureIdentities
from bootstrap.documents import document
from bootstrap.gcp import GcpPool
from bootstrap.github import Repository
from bootstrap.plan import OWN, Plan, Role, alias
from bootstrap.state import State


def build(plan: Plan) -> None:
    """Register everything, and say what is left to do by hand."""
    settings, state = plan.settings, plan.settings.state
    accounts = {
        account: AwsAccount(account, [role for role in plan.roles if role.account == account], settings)
        for account in dict.fromkeys(role.account for role in plan.roles)
    }
    _state(plan, accounts)
    pool = GcpPool(settings.gcp, settings.github, plan.identities) if settings.gcp else None
    azure = (
        AzureIdentities(settings.azure, settings.github, plan.subscriptions, plan.directory)
        if settings.azure and plan.directory
        else None
    )
    Repository(plan, azure.clients if azure else {}, pool.provider if pool else None)

    # By alias, so that it can be read; with the account in it, since another account's roles ask for it.
    keys = f"arn:aws:kms:{state.region}:{state.account}:alias"
    pulumi.export(
        "secretsProviders",
        {each: f"awskms:///{keys}/{alias(each)}?region={state.region}" for each in plan.environments},
    )
    pulumi.export("secretsToSet", {each: sorted(names) for each, names in plan.secrets.items()})


def _state(plan: Plan, accounts: Mapping[str, AwsAccount]) -> None:
    """Where each environment's state is, and this program's own, which no job reaches; and what lets the roles at it."""
    place = plan.settings.state
    roles = [role for account in accounts.values() for role in account.roles.values()]
    opts = pulumi.ResourceOptions(providers=[accounts[place.account].provider], depends_on=roles)
    states = {each: State(each, place, plan.roles, opts) for each in (*plan.environments, OWN)}
    buckets = {each: place.named(each) for each in states}
    keys = pulumi.Output.all(**{each: state.key for each, state in states.items()})
    for role in plan.roles:
        if role.reaches:
            account = accounts[role.account]
            aws.iam.RolePolicy(
                f"aws-{role.account}-{role.name}-state",
                name="state",
                role=account.roles[role.arn].name,
                policy=_reaching(role, buckets, keys),
                opts=pulumi.ResourceOptions(parent=account, provider=account.provider),
            )


def _reaching(role: Role, buckets: Mapping[str, str], keys: pulumi.Output[dict[str, str]]) -> pulumi.Output[str]:
    return keys.apply(lambda arns: document(state_rights.reaching(role, buckets, arns)))
