"""The rules of private regions: the settings that one customer's region must have for itself, and must not share.

A region whose `tenant` is not `shared` is that customer's own. Regions of one tenant may share all settings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from fleet.applications import CONDUCTOR
from fleet.base import RESERVED_NAMES
from fleet.errors import Problem, first_names
from fleet.residency import RESIDENCY_FILE, Residency, refusal
from fleet.settings import SHARED, RegionSettings
from fleet.stack import Stack
from fleet.waves import Wave
from fleet.windows import describe, overlap

ONLY_PRIVATE: Mapping[str, Callable[[RegionSettings], object]] = {
    "changeWindows": lambda settings: settings.change_windows,
    "githubApps.status.login": lambda settings: settings.github_apps.status.login,
    "secretsProvider": lambda settings: settings.secrets_provider,
}
"""Settings that waves.yaml has for all regions but private ones: the key, and how its value is read."""
MAX_FILES = 3
"""Other files listed per error."""


def stack(stack: Stack, waves: Mapping[str, Wave], residency: Residency) -> list[Problem]:
    """Rules between a stack file's tenant and its other settings."""
    settings = stack.settings
    problems = []
    refusal_reason = refusal(residency, settings.tenant, settings.cloud, settings.location)
    if refusal_reason:
        problems.append(
            stack.problem(
                "location", settings.location, refusal_reason, f"Take an allowed one, or let {RESIDENCY_FILE} allow it"
            )
        )
    if settings.private:
        return [*problems, *_private(stack, waves)]
    return problems + [
        stack.problem("tenant", None, f"missing, or {SHARED}, though the file has regions:{key}, which is a private region's",
                      f"Name the customer, or remove regions:{key}: for shared regions waves.yaml has it")
        for key, value in ONLY_PRIVATE.items()
        if value(settings)
    ]  # fmt: skip


def _private(stack: Stack, waves: Mapping[str, Wave]) -> Iterator[Problem]:
    """No wave waits for a customer's region, and its apps and keys are its own alone."""
    settings, owner = stack.settings, f"the region is tenant {stack.settings.tenant}'s"
    if settings.tenant in (*waves, *RESERVED_NAMES):
        yield stack.problem("tenant", settings.tenant, "the name of a wave, or of an environment that CI has already",
                            "Give the customer another name: by it the clouds tell whose job it is")  # fmt: skip
    wave, last = waves.get(settings.wave), list(waves)[-1:]
    if wave and [wave.name] != last:
        yield stack.problem(
            "wave", wave.name, f"{owner}, and other waves wait for this one", f"Take {last[0]}, the last one"
        )
    if CONDUCTOR in settings.applications:
        yield stack.problem("applications", CONDUCTOR, f"{owner}, and the {CONDUCTOR}'s key moves every region",
                            f"Leave the {CONDUCTOR} to a shared region")  # fmt: skip
    apps = settings.github_apps
    if apps.flags:
        yield stack.problem("githubApps.flags.appId", apps.flags.app_id, f"{owner}, and that app can write every tenant's flags",
                            "Leave it out: a shared region's page, or a commit, changes this tenant's flags")  # fmt: skip
    if apps.status.login is None:
        yield stack.problem("githubApps.status.login", None, f"missing, and {owner}",
                            "Give the login of the GitHub app that posts its receipts, and no other's")  # fmt: skip
    if wave and apps.status.login in wave.trusted_status_creators:
        yield stack.problem("githubApps.status.login", apps.status.login, f"wave {wave.name} trusts it for all its regions",
                            "Make a GitHub app for this tenant, and leave its login out of waves.yaml")  # fmt: skip
    if wave and wave.secrets_provider and settings.secrets_provider in (None, wave.secrets_provider):
        yield stack.problem("secretsProvider", settings.secrets_provider, f"not a key of its own, and {owner}",
                            f"Make one: wave {wave.name}'s opens the secrets of all its regions")  # fmt: skip
    if wave and wave.windows and settings.change_windows and not overlap(settings.change_windows, wave.windows):
        yield stack.problem("changeWindows", describe(settings.change_windows),
                            f"never open while wave {wave.name} is: {describe(wave.windows)}",
                            "Let them have some time in common, or the region gets no commit")  # fmt: skip


def across(stacks: Sequence[Stack]) -> list[Problem]:
    """A private region's own values must be in no file of another tenant.

    Problems are reported for the private regions alone: a customer's mistyped number stops no other region.
    """
    owners: dict[tuple[str, str], list[tuple[Stack, str]]] = defaultdict(list)
    for stack in stacks:
        for kind, value, key in _own(stack):
            owners[kind, value].append((stack, key))
    problems = []
    for (kind, value), uses in owners.items():
        for stack, key in uses:
            if not stack.settings.private:
                continue
            others = {o.file: o.settings.tenant for o, _ in uses if o.settings.tenant != stack.settings.tenant}
            if others:
                names = [f"{file} of tenant {tenant}" for file, tenant in others.items()]
                problems.append(
                    stack.problem(key, value, f"the same {kind} as in {first_names(names, MAX_FILES)}",
                                  f"Take one that is tenant {stack.settings.tenant}'s alone")
                )  # fmt: skip
    return problems


def _own(stack: Stack) -> Iterator[tuple[str, str, str]]:
    """The values that a tenant shares with no other: kind, value, and the key of the setting."""
    settings = stack.settings
    apps = settings.github_apps
    conducts = CONDUCTOR in settings.applications  # elsewhere Pulumi.yaml's default means nothing
    for name, app in (
        ("status", apps.status),
        ("conductor", apps.conductor if conducts else None),
        ("flags", apps.flags),
    ):
        if app:
            yield "GitHub app", app.app_id, f"githubApps.{name}.appId"
            yield "installation of a GitHub app", app.installation_id, f"githubApps.{name}.installationId"
    if apps.status.login:
        yield "login", apps.status.login, "githubApps.status.login"
    if settings.secrets_provider:
        yield "key of secrets", settings.secrets_provider, "secretsProvider"
    if settings.aws:
        yield "account", settings.aws.account_id, "aws.accountId"
    if settings.gcp:
        yield "project", settings.gcp.project, "gcp.project"
    if settings.azure:
        yield "subscription", settings.azure.subscription_id, "azure.subscriptionId"
        yield "group", settings.azure.deploy_group_id, "azure.deployGroupId"
    for name in dict.fromkeys(settings.cluster_access.principals):
        yield "role or group", name, "clusterAccess"
        if settings.cloud == "aws" and name.count(":") >= 5:
            yield "account", name.split(":")[4], "clusterAccess"
