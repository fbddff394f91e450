"""CI's roles and identities with their rights, out of the fleet's files and the settings. docs/reference/permissions.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network

import fleet
from bootstrap.settings import OrganisationSettings
from fleet import PREVIEW, FleetError, Problem
from fleet.across import MANAGEMENT
from fleet.applications import CONDUCTOR
from fleet.keys import RECEIPTS_KEY, receipts_key, required
from fleet.management import ManagementNetwork

DEPLOY = "deploy"
STATE = "state"
"""The purpose of a role for the state alone. Jobs on Google Cloud and Azure assume it, next to their own identity."""
BOOTSTRAP = "bootstrap"
"""The name of this program's own state, among the environments'."""
FILE = "bootstrap/Pulumi.org.yaml"


@dataclass(frozen=True)
class Role:
    """A role in an AWS account."""

    account: str
    name: str
    purpose: str
    """DEPLOY, PREVIEW, or STATE. The trusted environments of STATE say whether it deploys or previews."""
    trusts: frozenset[str]
    """The environments whose jobs may assume the role. No other principal may."""
    reaches: frozenset[str]
    """The environments whose state and key the role may read. The role may also write, unless it trusts `preview`."""

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return f"arn:aws:iam::{self.account}:role/{self.name}"

    @property
    def writes(self) -> bool:
        """Whether the role may write to the state."""
        return PREVIEW not in self.trusts


@dataclass(frozen=True)
class ServiceAccount:
    """A service account in a Google Cloud project."""

    project: str
    purpose: str
    trusts: frozenset[str]


@dataclass(frozen=True)
class Subscription:
    """The access of an environment's managed identity to a subscription on Azure."""

    environment: str
    """The environment whose jobs sign in. `preview` is one of them."""
    subscription: str


@dataclass(frozen=True)
class HubNetwork:
    """A management network: on AWS one for each environment and location, on Azure one for each environment."""

    cloud: fleet.Cloud
    key: str
    """The key in `regions:management`."""
    location: str
    """AWS's location. Empty on Azure, whose networks peer across locations."""
    range: IPv4Network
    accounts: tuple[str, ...]
    """The AWS accounts of its environment."""
    runner: str | None = None
    """The label of its runners, which the fleet's files have."""


@dataclass(frozen=True)
class OrganisationPlan:
    """All resources of the program, as data."""

    settings: OrganisationSettings
    environments: tuple[str, ...]
    """The environments that deploy: waves in order, then customers."""
    roles: tuple[Role, ...]
    """The roles on AWS, with those of the state."""
    service_accounts: tuple[ServiceAccount, ...]
    subscriptions: tuple[Subscription, ...]
    directory: str | None
    """The Entra directory of all subscriptions. None if the fleet has no subscription."""
    hubs: tuple[HubNetwork, ...]
    secrets: Mapping[str, frozenset[str]]
    """Environment to the secrets that a person sets, by their names in the workflows."""
    conductors: frozenset[int] = field(default=frozenset())
    """The apps that move regions' branches."""
    flag_apps: frozenset[int] = field(default=frozenset())
    """The apps that write feature flags."""


def plan(the_fleet: fleet.Fleet, settings: OrganisationSettings) -> OrganisationPlan:
    """Plan all resources. Raises FleetError if the fleet's files or the settings have problems."""
    regions = the_fleet.in_waves()
    customers = sorted({region.environment for region in regions if region.settings.private})
    environments = (*(wave.name for wave in the_fleet.waves), *customers)
    roles = _roles(regions, environments, settings)
    # The networks that this program makes may be missing.
    others = (problem for problem in the_fleet.problems if problem.key != f"regions:{MANAGEMENT}")
    problems = [*others, *_problems(regions, environments, roles, settings)]
    if problems:
        raise FleetError(problems)
    return OrganisationPlan(
        settings,
        environments,
        roles,
        _service_accounts(regions),
        _subscriptions(regions),
        next(iter(_directories(regions)), None),
        hub_networks(regions, settings),
        {environment: _secrets(regions, environment) for environment in environments},
        frozenset(int(app.app_id) for region in regions
                  if (app := region.settings.github_apps.conductor) and CONDUCTOR in region.settings.applications),
        frozenset(int(app.app_id) for region in regions if (app := region.settings.github_apps.flags)),
    )  # fmt: skip


def hub_networks(regions: Sequence[fleet.Region], settings: OrganisationSettings) -> tuple[HubNetwork, ...]:
    """The management networks of the fleet. One that the fleet's files have keeps its range, and a new one gets the next."""
    if settings.management is None:
        return ()
    hubs: dict[tuple[fleet.Cloud, str], None] = {}
    existing: dict[tuple[fleet.Cloud, str], ManagementNetwork] = {}
    accounts: dict[str, set[str]] = defaultdict(set)
    for own in (region.settings for region in regions):
        if own.cloud != "gcp":
            hubs[own.cloud, own.management_key] = None
        if own.aws:
            accounts[own.environment].add(own.aws.account_id)
        existing |= {("aws", key): network for key, network in own.management.aws.items()}
        existing |= {("azure", key): network for key, network in own.management.azure.items()}
    for environment, locations in settings.management.locations.items():
        for location in locations:
            hubs["aws", f"{environment}/{location}"] = None
    ranges = {key: network.range for key, network in existing.items()}
    for key in hubs:
        if key not in ranges:
            blocks = settings.management.ranges.subnets(new_prefix=24)
            ranges[key] = next(block for block in blocks if not any(block.overlaps(used) for used in ranges.values()))
    return tuple(
        HubNetwork(cloud, key, key.partition("/")[2], ranges[cloud, key],
                   tuple(sorted(accounts[key.partition("/")[0]])) if cloud == "aws" else (),
                   existing[cloud, key].runner if (cloud, key) in existing else None)
        for cloud, key in hubs
    )  # fmt: skip


def alias(environment: str) -> str:
    """The alias of an environment's key."""
    return f"regions-{environment}"


def state_role(environment: str) -> str:
    """The name of the role for an environment's state alone."""
    return f"regions-state-{environment}"


def _roles(
    regions: list[fleet.Region], environments: tuple[str, ...], settings: OrganisationSettings
) -> tuple[Role, ...]:
    """The roles of the regions' accounts, then those of the state's account."""
    environments_by_role: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for region in regions:
        if aws := region.settings.aws:
            environments_by_role[aws.account_id, aws.deploy_role, DEPLOY].add(region.environment)
            environments_by_role[aws.account_id, aws.preview_role, PREVIEW].add(region.environment)
    roles = [
        Role(
            account,
            name,
            purpose,
            trusts=frozenset({PREVIEW} if purpose == PREVIEW else reaches),
            reaches=frozenset(reaches),
        )
        for (account, name, purpose), reaches in sorted(environments_by_role.items())
    ]
    home = settings.state.account
    roles += [
        Role(home, state_role(environment), STATE, trusts=frozenset({environment}), reaches=frozenset({environment}))
        for environment in environments
    ]
    not_on_aws = frozenset(region.environment for region in regions if not region.settings.aws)
    return (*roles, Role(home, state_role(PREVIEW), STATE, trusts=frozenset({PREVIEW}), reaches=not_on_aws))


def _service_accounts(regions: list[fleet.Region]) -> tuple[ServiceAccount, ...]:
    """A service account to deploy and one to preview, in each project."""
    projects: dict[str, set[str]] = defaultdict(set)
    for region in regions:
        if region.settings.gcp:
            projects[region.settings.gcp.project].add(region.environment)
    return tuple(
        ServiceAccount(project, purpose, frozenset(environments) if purpose == DEPLOY else frozenset({PREVIEW}))
        for project, environments in sorted(projects.items())
        for purpose in (DEPLOY, PREVIEW)
    )


def _subscriptions(regions: list[fleet.Region]) -> tuple[Subscription, ...]:
    subscriptions = {
        Subscription(environment, region.settings.azure.subscription_id)
        for region in regions
        if region.settings.azure
        for environment in (region.environment, PREVIEW)
    }
    return tuple(sorted(subscriptions, key=lambda subscription: (subscription.environment, subscription.subscription)))


def _directories(regions: list[fleet.Region]) -> dict[str, str]:
    """Entra directory to a stack file that names it."""
    return {region.settings.azure.directory_id: region.file for region in regions if region.settings.azure}


def _secrets(regions: list[fleet.Region], environment: str) -> frozenset[str]:
    """The secrets' names in the workflow: without a customer's suffix, since the environment is the customer's already."""
    return frozenset(
        name.removesuffix(receipts_key(region).removeprefix(RECEIPTS_KEY)) if region.settings.private else name
        for region in regions
        if region.environment == environment
        for name in required(region)
    )


def _problems(
    regions: list[fleet.Region], environments: tuple[str, ...], roles: tuple[Role, ...], settings: OrganisationSettings
) -> list[Problem]:
    """All that is wrong with the settings, or with the fleet for this program."""
    return [
        *_missing_clouds(regions, settings),
        *_directory_problems(regions),
        *_long_names(environments, settings),
        *_role_problems(roles),
    ]


def _missing_clouds(regions: list[fleet.Region], settings: OrganisationSettings) -> Iterator[Problem]:
    for cloud, value, description in (
        ("gcp", settings.gcp, "`project` and `number` of the project of the workload identity pool"),
        ("azure", settings.azure, "`subscription` and `location` of the managed identities"),
    ):
        if not value and any(region.settings.cloud == cloud for region in regions):
            yield Problem(FILE, f"regions-bootstrap:{cloud}", None, f"missing, and the fleet has regions on {cloud}",
                          f"Give {description}")  # fmt: skip


def _directory_problems(regions: list[fleet.Region]) -> Iterator[Problem]:
    directories = _directories(regions)
    if len(directories) > 1:
        yield Problem(list(directories.values())[-1], "regions:azure.directoryId", list(directories)[-1],
                      "another Entra directory than other regions'. A managed identity has access to one directory alone",
                      "Take a subscription of the same directory")  # fmt: skip


def _long_names(environments: tuple[str, ...], settings: OrganisationSettings) -> Iterator[Problem]:
    for environment in environments:
        bucket, subject = settings.state.bucket(environment), settings.github.subject(environment)
        if len(bucket) > 63:
            yield Problem(FILE, "regions-bootstrap:state.buckets", bucket,
                          "longer than the 63 characters of a bucket's name",
                          "Shorten it, or the wave's or customer's name")  # fmt: skip
        if settings.gcp and len(subject) > 127:
            yield Problem(FILE, "regions-bootstrap:github", subject,
                          "longer than the 127 characters that Google Cloud accepts as a subject",
                          "Shorten the wave's or customer's name")  # fmt: skip


def _role_problems(roles: tuple[Role, ...]) -> Iterator[Problem]:
    purposes: dict[str, str] = {}
    for role in roles:
        if role.arn in purposes:
            yield Problem("stacks/", "regions:aws", role.arn, f"a role for {purposes[role.arn]}, and for {role.purpose}",
                          "Give deployRole and previewRole other names")  # fmt: skip
        purposes[role.arn] = role.purpose
        if len(role.name) > 64:
            yield Problem("stacks/", "regions:tenant", role.name, "longer than the 64 characters of a role's name",
                          "Give the wave or customer a shorter name")  # fmt: skip
