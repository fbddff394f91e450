"""The rules of private regions: what one customer's region must have for itself, and what it must not share.

A region whose `tenant` is not `shared` is that customer's own. Regions of one tenant may share what they like.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from fleet.applications import CONDUCTOR
from fleet.base import TAKEN
from fleet.checks import Stack
from fleet.errors import Problem
from fleet.residency import RESIDENCY_FILE, Residency, refused
from fleet.settings import SHARED, RegionSettings
from fleet.waves import Wave
from fleet.windows import meet, words

ONLY_PRIVATE: Mapping[str, Callable[[RegionSettings], object]] = {
    "changeWindows": lambda settings: settings.change_windows,
    "githubApps.status.login": lambda settings: settings.github_apps.status.login,
    "secretsProvider": lambda settings: settings.secrets_provider,
}
"""Settings that waves.yaml has for all regions but private ones: the key, and how its value is read."""
NAMED_IN_AN_ERROR = 3
"""How many other files an error names at most."""


def stack(stack: Stack, waves: Mapping[str, Wave], residency: Residency) -> list[Problem]:
    """Rules between a stack file's tenant and its other settings."""
    settings = stack.settings
    problems = []
    why = refused(residency, settings.tenant, settings.cloud, settings.location)
    if why:
        problems.append(
            stack.problem("location", settings.location, why, f"Take an allowed one, or let {RESIDENCY_FILE} allow it")
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
    """Nobody waits for a customer's region, and it can speak and sign for itself alone."""
    settings, whose = stack.settings, f"the region is tenant {stack.settings.tenant}'s"
    if settings.tenant in (*waves, *TAKEN):
        yield stack.problem("tenant", settings.tenant, "the name of a wave, or of an environment that CI has already",
                            "Give the customer another name: by it the clouds tell whose job it is")  # fmt: skip
    wave, last = waves.get(settings.wave), list(waves)[-1:]
    if wave and [wave.name] != last:
        yield stack.problem(
            "wave", wave.name, f"{whose}, and other waves wait for this one", f"Take {last[0]}, the last one"
        )
    if CONDUCTOR in settings.applications:
        yield stack.problem("applications", CONDUCTOR, f"{whose}, and the {CONDUCTOR}'s key moves every region",
                            f"Leave the {CONDUCTOR} to a shared region")  # fmt: skip
    apps = settings.github_apps
    if apps.flags:
        yield stack.problem("githubApps.flags.appId", apps.flags.app_id, f"{whose}, and that app can write every tenant's flags",
                            "Leave it out: a shared region's page, or a commit, changes this tenant's flags")  # fmt: skip
    if apps.status.login is None:
        yield stack.problem("githubApps.status.login", None, f"missing, and {whose}",
                            "Give the login of the GitHub app that posts its receipts, and no other's")  # fmt: skip
    if wave and apps.status.login in wave.trusted_status_creators:
        yield stack.problem("githubApps.status.login", apps.status.login, f"wave {wave.name} trusts it for all its regions",
                            "Make a GitHub app for this tenant, and leave its login out of waves.yaml")  # fmt: skip
    if wave and wave.secrets_provider and settings.secrets_provider in (None, wave.secrets_provider):
        yield stack.problem("secretsProvider", settings.secrets_provider, f"not a key of its own, and {whose}",
                            f"Make one: wave {wave.name}'s opens the secrets of all its regions")  # fmt: skip
    if wave and wave.windows and settings.change_windows and not meet(settings.change_windows, wave.windows):
        yield stack.problem("changeWindows", words(settings.change_windows),
                            f"never open while wave {wave.name} is: {words(wave.windows)}",
                            "Let them have some time in common, or the region gets no commit")  # fmt: skip


def across(stacks: Sequence[Stack]) -> list[Problem]:
    """What a private region has to itself must be in no file of another tenant. Reported for the private regions alone:
    a customer's mistyped number stops no other region."""
    owners: dict[tuple[str, str], list[tuple[Stack, str]]] = defaultdict(list)
    for stack in stacks:
        for kind, value, key in _own(stack):
            owners[kind, value].append((stack, key))
    problems = []
    for (kind, value), found in owners.items():
        for stack, key in found:
            if not stack.settings.private:
                continue
            others = {o.file: o.settings.tenant for o, _ in found if o.settings.tenant != stack.settings.tenant}
            if others:
                names = [f"{file} of tenant {tenant}" for file, tenant in others.items()]
                more = f" and {len(names) - NAMED_IN_AN_ERROR} more" if len(names) > NAMED_IN_AN_ERROR else ""
                problems.append(
                    stack.problem(key, value, f"the same {kind} as in {', '.join(names[:NAMED_IN_AN_ERROR])}{more}",
                                  f"Take one that is tenant {stack.settings.tenant}'s alone")
                )  # fmt: skip
    return problems


def _own(stack: Stack) -> Iterator[tuple[str, str, str]]:
    """What a tenant shares with no other: what it is, its name, and the setting that has it."""
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
