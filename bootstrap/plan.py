"""Who signs in as what, and what each may reach, out of the fleet's files and the settings. docs/reference/permissions.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import fleet
from bootstrap.settings import Settings
from fleet import PREVIEW, FleetError, Problem
from fleet.applications import CONDUCTOR
from fleet.keys import RECEIPTS_KEY, receipts_key, required

DEPLOY = "deploy"
STATE = "state"
"""What a role that only reaches the state is for: jobs on Google Cloud and Azure take it beside their own identity."""
OWN = "bootstrap"
"""What this program's own state is called, among the environments'."""
FILE = "bootstrap/Pulumi.org.yaml"


@dataclass(frozen=True)
class Role:
    """A role in an AWS account."""

    account: str
    name: str
    purpose: str
    """DEPLOY, PREVIEW, or STATE, whose environments it trusts says what for."""
    trusts: frozenset[str]
    """The environments whose jobs may take it, and nobody else."""
    reaches: frozenset[str]
    """The environments whose state and key it reaches: all of them to read, and to write unless it trusts `preview`."""

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:iam::{self.account}:role/{self.name}"

    @property
    def writes(self) -> bool:
        """Whether it may write to the state."""
        return PREVIEW not in self.trusts


@dataclass(frozen=True)
class Identity:
    """A service account in a Google Cloud project."""

    project: str
    purpose: str
    trusts: frozenset[str]


@dataclass(frozen=True)
class Subscription:
    """What an environment's managed identity is let into on Azure."""

    environment: str
    """The environment that signs in: a preview's own, too."""
    subscription: str


@dataclass(frozen=True)
class Plan:
    """All that is to be made."""

    settings: Settings
    environments: tuple[str, ...]
    """Those that deploy: waves in order, then customers."""
    roles: tuple[Role, ...]
    """On AWS, state roles included."""
    identities: tuple[Identity, ...]
    subscriptions: tuple[Subscription, ...]
    directory: str | None
    """The Entra directory of all subscriptions; None where there is none."""
    secrets: Mapping[str, frozenset[str]]
    """For each environment the secrets that are set by hand, as the workflows call them."""
    conductors: frozenset[int] = field(default=frozenset())
    """The apps that move branches."""
    flaggers: frozenset[int] = field(default=frozenset())
    """The apps that write feature flags."""


def plan(known: fleet.Fleet, settings: Settings) -> Plan:
    """Work it out. Raises FleetError if the fleet's files or the settings do not allow it."""
    regions = known.in_waves()
    customers = sorted({region.environment for region in regions if region.settings.private})
    environments = (*(wave.name for wave in known.waves), *customers)
    roles = _roles(regions, environments, settings)
    problems = [*known.problems, *_problems(regions, environments, roles, settings)]
    if problems:
        raise FleetError(problems)
    return Plan(
        settings,
        environments,
        roles,
        _identities(regions),
        _subscriptions(regions),
        next(iter(_directories(regions)), None),
        {environment: _secrets(regions, environment) for environment in environments},
        frozenset(int(app.app_id) for region in regions
                  if (app := region.settings.github_apps.conductor) and CONDUCTOR in region.settings.applications),
        frozenset(int(app.app_id) for region in regions if (app := region.settings.github_apps.flags)),
    )  # fmt: skip


def alias(environment: str) -> str:
    """The alias of an environment's key."""
    return f"regions-{environment}"


def state_role(environment: str) -> str:
    """The name of the role that reaches an environment's state, and nothing else."""
    return f"regions-state-{environment}"


def _roles(regions: list[fleet.Region], environments: tuple[str, ...], settings: Settings) -> tuple[Role, ...]:
    """The accounts' own, then those of the state's account."""
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for region in regions:
        if aws := region.settings.aws:
            found[aws.account_id, aws.deploy_role, DEPLOY].add(region.environment)
            found[aws.account_id, aws.preview_role, PREVIEW].add(region.environment)
    roles = [
        Role(account, name, purpose, frozenset({PREVIEW}) if purpose == PREVIEW else frozenset(own), frozenset(own))
        for (account, name, purpose), own in sorted(found.items())
    ]
    home = settings.state.account
    roles += [Role(home, state_role(each), STATE, frozenset({each}), frozenset({each})) for each in environments]
    elsewhere = frozenset(region.environment for region in regions if not region.settings.aws)
    return (*roles, Role(home, state_role(PREVIEW), STATE, frozenset({PREVIEW}), elsewhere))


def _identities(regions: list[fleet.Region]) -> tuple[Identity, ...]:
    projects: dict[str, set[str]] = defaultdict(set)
    for region in regions:
        if region.settings.gcp:
            projects[region.settings.gcp.project].add(region.environment)
    return tuple(
        Identity(project, purpose, frozenset(own) if purpose == DEPLOY else frozenset({PREVIEW}))
        for project, own in sorted(projects.items())
        for purpose in (DEPLOY, PREVIEW)
    )


def _subscriptions(regions: list[fleet.Region]) -> tuple[Subscription, ...]:
    found = {
        Subscription(environment, region.settings.azure.subscription_id)
        for region in regions
        if region.settings.azure
        for environment in (region.environment, PREVIEW)
    }
    return tuple(sorted(found, key=lambda each: (each.environment, each.subscription)))


def _directories(regions: list[fleet.Region]) -> dict[str, str]:
    """Each Entra directory, with a file that names it."""
    return {region.settings.azure.directory_id: region.file for region in regions if region.settings.azure}


def _secrets(regions: list[fleet.Region], environment: str) -> frozenset[str]:
    """As the workflow asks for them: without a customer's suffix, since the environment is the customer's already."""
    return frozenset(
        name.removesuffix(receipts_key(region).removeprefix(RECEIPTS_KEY)) if region.settings.private else name
        for region in regions
        if region.environment == environment
        for name in required(region)
    )


def _problems(
    regions: list[fleet.Region], environments: tuple[str, ...], roles: tuple[Role, ...], settings: Settings
) -> list[Problem]:
    problems = [
        Problem(FILE, f"regions-bootstrap:{cloud}", None, f"missing, and the fleet has regions on {cloud}",
                f"Give {description}")
        for cloud, given, description in (
            ("gcp", settings.gcp, "`project` and `number` of the project of the workload identity pool"),
            ("azure", settings.azure, "`subscription` and `location` of the managed identities"),
        )
        if not given and any(region.settings.cloud == cloud for region in regions)
    ]  # fmt: skip
    directories = _directories(regions)
    if len(directories) > 1:
        problems.append(
            Problem(list(directories.values())[-1], "regions:azure.directoryId", list(directories)[-1],
                    "another Entra directory than other regions', and a managed identity is let into one alone",
                    "Take a subscription of the same directory")
        )  # fmt: skip
    problems += [
        Problem(FILE, "regions-bootstrap:state.buckets", settings.state.named(each),
                "longer than the 63 characters of a bucket's name", "Shorten it, or the wave's or customer's name")
        for each in environments
        if len(settings.state.named(each)) > 63
    ]  # fmt: skip
    problems += [
        Problem(FILE, "regions-bootstrap:github", settings.github.subject(each),
                "longer than the 127 characters that Google Cloud takes of a subject", "Shorten the wave's or customer's name")
        for each in environments
        if settings.gcp and len(settings.github.subject(each)) > 127
    ]  # fmt: skip
    seen: dict[str, Role] = {}
    for role in roles:
        if role.arn in seen:
            problems.append(
                Problem("stacks/", "regions:aws", role.arn, f"a role for {seen[role.arn].purpose}, and for {role.purpose}",
                        "Give deployRole and previewRole other names")
            )  # fmt: skip
        seen[role.arn] = role
        if len(role.name) > 64:
            problems.append(
                Problem("stacks/", "regions:tenant", role.name, "longer than the 64 characters of a role's name",
                        "Give the wave or customer a shorter name")
            )  # fmt: skip
    return problems
