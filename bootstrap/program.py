"""The whole program, in the order of its dependencies: accounts, state, clouds, GitHub."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from bootstrap import state_rights
from bootstrap.aws import AwsAccount
from bootstrap.aws_management import AwsManagementNetwork
from bootstrap.azure import AzureIdentities
from bootstrap.azure_management import AzureManagementNetworks
from bootstrap.documents import document
from bootstrap.gcp import GcpPool
from bootstrap.github import GitHubRepository
from bootstrap.plan import BOOTSTRAP, HubNetwork, OrganisationPlan, Role, alias
from bootstrap.state import StateBackend


def build(plan: OrganisationPlan) -> None:
    """Register all resources, and export the names of the secrets that a person sets."""
    settings, state = plan.settings, plan.settings.state
    accounts = {
        account: AwsAccount(account, [role for role in plan.roles if role.account == account], settings)
        for account in dict.fromkeys(role.account for role in plan.roles)
    }
    _build_state(plan, accounts)
    pool = GcpPool(settings.gcp, settings.github, plan.service_accounts) if settings.gcp else None
    azure = (
        AzureIdentities(settings.azure, settings.github, plan.subscriptions, plan.directory)
        if settings.azure and plan.directory
        else None
    )
    _build_management(plan, azure)
    GitHubRepository(plan, azure.clients if azure else {}, pool.provider if pool else None)

    # By alias, for people to read. With the account in it, since roles of other accounts use the keys.
    keys = f"arn:aws:kms:{state.region}:{state.account}:alias"
    pulumi.export(
        "secretsProviders",
        {
            environment: f"awskms:///{keys}/{alias(environment)}?region={state.region}"
            for environment in plan.environments
        },
    )
    pulumi.export("secretsToSet", {environment: sorted(names) for environment, names in plan.secrets.items()})


def _build_management(plan: OrganisationPlan, identities: AzureIdentities | None) -> None:
    """The management networks, and the value of `regions:management` in Pulumi.yaml."""
    settings = plan.settings
    if settings.management is None:
        return
    value: dict[str, dict[str, dict[str, pulumi.Input[str]]]] = {"aws": {}, "azure": {}}
    for hub in plan.hubs:
        if hub.cloud == "aws":
            network = AwsManagementNetwork(hub, settings.management.account, settings.aws.administrator)
            value["aws"][hub.key] = {**_settings(hub), "transitGateway": network.gateway_id}
    on_azure = [hub for hub in plan.hubs if hub.cloud == "azure"]
    if on_azure and settings.azure and plan.directory and identities:
        networks = AzureManagementNetworks(on_azure, settings.azure, plan.directory, identities.principals)
        for hub in on_azure:
            value["azure"][hub.key] = {**_settings(hub), "network": networks.network_ids[hub.key]}
    pulumi.export("management", value)


def _settings(hub: HubNetwork) -> dict[str, pulumi.Input[str]]:
    """A network's range, and the label of its runners, which a person has written into the setting."""
    return {"range": str(hub.range), **({"runner": hub.runner} if hub.runner else {})}


def _build_state(plan: OrganisationPlan, accounts: Mapping[str, AwsAccount]) -> None:
    """The state of each environment, and the roles' policies for it. No job reaches this program's own state."""
    settings = plan.settings.state
    roles = [role for account in accounts.values() for role in account.roles.values()]
    opts = pulumi.ResourceOptions(providers=[accounts[settings.account].provider], depends_on=roles)
    states = {
        environment: StateBackend(environment, settings, plan.roles, opts)
        for environment in (*plan.environments, BOOTSTRAP)
    }
    buckets = {environment: settings.bucket(environment) for environment in states}
    key_arns = pulumi.Output.all(**{environment: state.key for environment, state in states.items()})
    for role in plan.roles:
        if role.reaches:
            account = accounts[role.account]
            aws.iam.RolePolicy(
                f"aws-{role.account}-{role.name}-state",
                name="state",
                role=account.roles[role.arn].name,
                policy=_reaching(role, buckets, key_arns),
                opts=pulumi.ResourceOptions(parent=account, provider=account.provider),
            )


def _reaching(role: Role, buckets: Mapping[str, str], keys: pulumi.Output[dict[str, str]]) -> pulumi.Output[str]:
    """A role's policy for the state."""
    return keys.apply(lambda arns: document(state_rights.reaching(role, buckets, arns)))
