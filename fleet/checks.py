"""The rules that a single field cannot hold: on waves.yaml, and between the settings of one stack file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from fleet import location_rules, ranges
from fleet.applications import CONDUCTOR, FLIPT
from fleet.base import RESERVED_NAMES, Cloud
from fleet.duration import text
from fleet.errors import Problem
from fleet.settings import GUID, LOCATIONS, RegionSettings
from fleet.sizes import MAX_NODES
from fleet.stack import Stack
from fleet.tags import RESERVED_PREFIXES, SCHEME
from fleet.versions import KUBERNETES
from fleet.waves import Wave, Waves

NAME = re.compile(r"^[a-z][a-z0-9-]{1,22}[a-z0-9]$")
"""A region's name. Google's service accounts have at most 30 characters, and `<region>-nodes` is one of them."""

STACK_KEYS = ("config", "secretsprovider", "encryptedkey", "encryptionsalt")
"""The keys of a stack file (`pulumi stack init` adds all but `config`)."""

PRIVATE = IPv4Network("10.0.0.0/8")
"""The addresses of all regions' networks."""
NETWORK_PREFIX = 16
"""The prefix length of every region's network."""
AKS_POOL = "system"
"""The additional pool of every AKS cluster: components/azure/nodes.py."""
PRINCIPALS: Mapping[Cloud, tuple[str, str]] = {
    "aws": (r"arn:aws:iam::[0-9]{12}:role/[\w+=,.@/-]+", "the ARN of an IAM role"),
    "gcp": (r"[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+", "the e-mail address of a Google group"),
    "azure": (GUID, "the object id of an Entra group"),
}
"""The form of principals with access to a cluster. Roles and groups, never a single person: they record their members."""


def waves(waves: Waves, file: str) -> list[Problem]:
    """Rules on waves.yaml as a whole."""
    names = [wave.name for wave in waves.waves]
    problems = [
        Problem(file, f"waves.{number}.name", name, "a wave of that name stands before it", "Give it another name")
        for number, name in enumerate(names)
        if name in names[:number]
    ]
    problems += [
        Problem(file, f"waves.{number}.name", name, "the name of another environment of CI",
                "Give it another name")
        for number, name in enumerate(names)
        if name in RESERVED_NAMES
    ]  # fmt: skip
    for number, wave in enumerate(waves.waves):
        if not wave.trusted_status_creators and (wave.gate == "required" or len(wave.cohorts) > 1):
            problems.append(
                Problem(
                    file,
                    f"waves.{number}.trustedStatusCreators",
                    None,
                    f"wave {wave.name} needs receipts and trusts no login",
                    "Name the login that posts its regions' receipts",
                )
            )
    return problems


def stray(file: str) -> list[Problem]:
    """Rules on a file that is not a stack file: in stacks/ it may be a region that no program reads."""
    if not re.match(r"^stacks/.*\.ya?ml$", file):
        return []
    remedy = "Name it stacks/Pulumi.<region>.yaml, or move it out of stacks/"
    return [Problem(file, "the file's name", None, "not a stack file's name, so that Pulumi does not read it", remedy)]


def stack_document(file: str, document: Mapping[str, Any], namespace: str) -> list[Problem]:
    """Rules on the form of a stack file, before its settings are validated."""
    problems = [
        Problem(file, key, document[key], "not a part of a stack file", f"Remove it; known: {', '.join(STACK_KEYS)}")
        for key in document
        if key not in STACK_KEYS
    ]
    config = document.get("config")
    if not isinstance(config, dict) or not config:
        problems.append(
            Problem(file, "config", config, "missing or not a mapping", f"Write `config:` with {namespace}:… under it")
        )
        return problems
    for key, value in config.items():
        if not str(key).startswith((f"{namespace}:", "pulumi:")):
            remedy = f"Use {namespace}:… settings: the program makes its own providers from them, and reads no other settings"
            problems.append(Problem(file, str(key), value, "not a setting of this program", remedy))
    return problems


def stack(stack: Stack, waves: Mapping[str, Wave], applications: Sequence[str]) -> list[Problem]:
    """Rules on one stack file: between its settings, and between them and the repository's waves and applications."""
    wave = waves.get(stack.settings.wave)
    return [
        *_name(stack),
        *_wave(stack, waves),
        *location_rules.problems(stack),
        *_cloud_settings(stack),
        *_network(stack),
        *_version(stack),
        *_pools(stack),
        *_tags(stack),
        *_cluster_access(stack),
        *_applications(stack, applications),
        *_sync_timeout(stack, wave),
        *_conductor(stack),
        *_flags(stack),
        *_secrets_provider(stack, wave),
    ]


def _name(stack: Stack) -> Iterator[Problem]:
    """The file's name is a region's, in the form that Pulumi reads."""
    if not NAME.match(stack.name):
        yield Problem(stack.file, "the file's name", stack.name, "not a region's name",
                      "Take 3 to 24 lower-case letters, digits and hyphens, beginning with a letter: `prod-aws-eu-west-1`"
                      )  # fmt: skip
    if not stack.file.endswith(".yaml"):
        remedy = f"Name it Pulumi.{stack.name}.yaml"
        yield Problem(stack.file, "the file's name", None, "Pulumi reads .yaml files only", remedy)


def _wave(stack: Stack, waves: Mapping[str, Wave]) -> Iterator[Problem]:
    """The wave exists. Without any wave, waves.yaml itself has the problem."""
    name = stack.settings.wave
    if waves and name not in waves:
        yield stack.problem("wave", name, "not a wave", f"Take one of waves.yaml: {', '.join(waves)}")


def _network(stack: Stack) -> Iterator[Problem]:
    """The region's network is private and of one size, and its API is not open to the whole world."""
    network = stack.settings.network
    if network.prefixlen != NETWORK_PREFIX or not network.subnet_of(PRIVATE):
        yield stack.problem("network", network, f"not a /{NETWORK_PREFIX} of {PRIVATE}",
                            f"Take a free /{NETWORK_PREFIX}, for example 10.16.0.0/16")  # fmt: skip
    allowed = stack.settings.api_allowed_cidrs
    for cidr in allowed:
        if purpose := ranges.reserved(cidr):
            yield stack.problem("apiAllowedCidrs", cidr, f"no range of the internet: {purpose}",
                                "Give the public range that the packets come from")  # fmt: skip
    if count := ranges.too_many(allowed):
        yield stack.problem("apiAllowedCidrs", [str(cidr) for cidr in allowed],
                            f"open to {count:,} addresses, which is to the whole world and no company's own ranges",
                            "Narrow the ranges, or remove them for a private API")  # fmt: skip


def _version(stack: Stack) -> Iterator[Problem]:
    version = stack.settings.kubernetes_version
    if version not in KUBERNETES:
        yield stack.problem("kubernetesVersion", version, "not a version that fleet/versions.py knows",
                            f"Take one of {', '.join(KUBERNETES)}, or add it there with its add-ons' versions")  # fmt: skip


def _applications(stack: Stack, applications: Sequence[str]) -> Iterator[Problem]:
    names = stack.settings.applications
    for name in names:
        if name not in applications:
            yield stack.problem("applications", name, "not an application of gitops/apps",
                                f"Take one of {', '.join(applications)}, or write gitops/apps/{name}/main.jsonnet"
                                )  # fmt: skip
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield stack.problem("applications", name, "named twice", "Name it once")


def _secrets_provider(stack: Stack, wave: Wave | None) -> Iterator[Problem]:
    """Pulumi's own key of the file is the one of the settings."""
    expected = stack.settings.secrets_provider or (wave.secrets_provider if wave else None)
    provider = stack.document.get("secretsprovider")
    if expected and provider and provider != expected:
        yield Problem(stack.file, "secretsprovider", provider, f"not the key of its secrets, which is {expected}",
                      f"Run `pulumi stack change-secrets-provider '{expected}' -s {stack.name}`")  # fmt: skip


def _flags(stack: Stack) -> Iterator[Problem]:
    """An app that writes flags has a page that it writes for."""
    app = stack.settings.github_apps.flags
    if app and FLIPT not in stack.settings.applications:
        yield stack.problem("githubApps.flags", None, f"`{FLIPT}` is none of the applications, so no application would use it",
                            f"Add `{FLIPT}` to the applications, or leave it out")  # fmt: skip


def _sync_timeout(stack: Stack, wave: Wave | None) -> Iterator[Problem]:
    timeout = stack.settings.sync_timeout
    if wave and timeout >= wave.deadline:
        yield stack.problem("syncTimeout", text(timeout),
                            f"not shorter than the deadline of wave {wave.name}, {text(wave.deadline)}",
                            "Shorten it, or the region never reports a commit that does not come up")  # fmt: skip


def _conductor(stack: Stack) -> Iterator[Problem]:
    """A region that runs the conductor is awake, and has the app that moves branches."""
    if CONDUCTOR not in stack.settings.applications:
        return
    if stack.settings.suspended:
        yield stack.problem("suspended", True, f"the {CONDUCTOR} is one of its applications, and would move no branch any longer",
                            f"Give another region the {CONDUCTOR} first")  # fmt: skip
    if stack.settings.github_apps.conductor is None:
        yield stack.problem("githubApps.conductor", None, f"missing, and `{CONDUCTOR}` is one of the applications",
                            "Give the GitHub app that moves branches")  # fmt: skip


def _pools(stack: Stack) -> list[Problem]:
    """A region has no more nodes than its size allows, and no pool that is the cloud's own."""
    settings, problems = stack.settings, []
    most, allowed = sum(pool.max_nodes for pool in settings.pools.values()), MAX_NODES[settings.size]
    if most > allowed:
        problems.append(
            stack.problem("nodePools", f"{most} nodes", f"more than the {allowed} that a {settings.size} region may have",
                          "Lower maxNodes, or take a larger regions:size")
        )  # fmt: skip
    if AKS_POOL in settings.node_pools:
        problems.append(
            stack.problem(
                f"nodePools.{AKS_POOL}", None, "the name of the pool of AKS's own pods", "Give it another name"
            )
        )
    return problems


def _tags(stack: Stack) -> list[Problem]:
    """Tags that the scheme does not set, and no cloud keeps to itself."""
    return [
        stack.problem(f"tags.{tag}", value, "every resource has this tag already, from the settings"
                      if tag in SCHEME else "begins as the clouds' own tags do", "Take another name")
        for tag, value in stack.settings.tags.items()
        if tag in SCHEME or tag.startswith(RESERVED_PREFIXES)
    ]  # fmt: skip


def _cluster_access(stack: Stack) -> list[Problem]:
    """Principals are named as the region's cloud names groups and roles, and once."""
    cloud, access = stack.settings.cloud, stack.settings.cluster_access
    pattern, form = PRINCIPALS[cloud]
    problems = [
        stack.problem(f"clusterAccess.{kind}", name, f"not {form}", f"Give {form}, as {cloud} knows it")
        for kind, names in (("admins", access.admins), ("viewers", access.viewers))
        for name in names
        if not re.fullmatch(pattern, name)
    ]
    principals = access.principals
    return problems + [
        stack.problem("clusterAccess", name, "named twice", "Name it once: an admin may read everything, too")
        for name in sorted({name for name in principals if principals.count(name) > 1})
    ]


def _cloud_settings(stack: Stack) -> list[Problem]:
    """A region has the settings of its own cloud, and of no other."""
    settings, problems = stack.settings, []
    for cloud in LOCATIONS:
        own = getattr(settings, cloud)
        if cloud == settings.cloud and own is None:
            field = RegionSettings.model_fields[cloud]
            example = str((field.examples or [""])[0]).replace("'", "")
            problems.append(
                stack.problem(cloud, None, f"missing, and the region is on {cloud}", f"Give for example `{example}`")
            )
        if cloud != settings.cloud and own is not None:
            problems.append(
                stack.problem(
                    cloud, None, f"given, but the region is on {settings.cloud}", "Remove it, or fix regions:cloud"
                )
            )
    return problems
