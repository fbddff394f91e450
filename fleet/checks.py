"""The rules that a single field cannot hold: between the fields of a stack file, and across all files."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

from fleet.base import TAKEN, Cloud
from fleet.duration import text
from fleet.errors import Problem
from fleet.settings import GUID, LOCATIONS, RegionSettings
from fleet.sizes import MOST_NODES
from fleet.tags import RESERVED, SCHEME
from fleet.versions import KUBERNETES
from fleet.waves import Wave, Waves

NAME = re.compile(r"^[a-z][a-z0-9-]{1,22}[a-z0-9]$")
"""A region's name. Google's service accounts have at most 30 characters, and `<region>-nodes` is one of them."""

STACK_KEYS = ("config", "secretsprovider", "encryptedkey", "encryptionsalt")
"""What Pulumi and its users write in a stack file (`pulumi stack init` adds all but `config`)."""

PRIVATE = IPv4Network("10.0.0.0/8")
NETWORK_PREFIX = 16
CONDUCTOR = "conductor"
"""The application that moves the regions' branches."""
INFLUXDB = "influxdb"
"""The application that holds the customers' data."""
FLIPT = "flipt"
"""The application that serves feature flags, which it reads from git as Argo CD reads commits."""
AKS_POOL = "system"
"""The pool that every AKS cluster of ours has besides its region's: components/azure/cluster.py."""
PRINCIPALS: Mapping[Cloud, tuple[str, str]] = {
    "aws": (r"arn:aws:iam::[0-9]{12}:role/[\w+=,.@/-]+", "the ARN of an IAM role"),
    "gcp": (r"[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+", "the e-mail address of a Google group"),
    "azure": (GUID, "the object id of an Entra group"),
}
"""Who can be let into a cluster. Never a single person: roles and groups have their own records of who is in them."""
GIT_READS = 15
"""Reads of a repository in a second: GitHub's recommended maximum. Source: docs.github.com, "Repository limits"."""


@dataclass(frozen=True)
class Stack:
    """A stack file whose settings are well-formed by themselves."""

    name: str
    file: str
    document: Mapping[str, Any]
    settings: RegionSettings

    def problem(self, key: str, value: Any, what: str, remedy: str) -> Problem:
        """A problem at a setting of this file."""
        return Problem(self.file, f"regions:{key}", value, what, remedy)


def waves(waves: Waves, file: str) -> list[Problem]:
    """Rules on waves.yaml as a whole."""
    names = [wave.name for wave in waves.waves]
    problems = [
        Problem(file, f"waves.{number}.name", name, "a wave of that name stands before it", "Give it another name")
        for number, name in enumerate(names)
        if name in names[:number]
    ]
    problems += [
        Problem(file, f"waves.{number}.name", name, "the name of an environment that CI has for something else",
                "Give it another name")
        for number, name in enumerate(names)
        if name in TAKEN
    ]  # fmt: skip
    for number, wave in enumerate(waves.waves):
        if not wave.creators and (wave.gate == "required" or len(wave.cohorts) > 1):
            problems.append(
                Problem(file, f"waves.{number}.creators", None, f"wave {wave.name} needs receipts, and trusts nobody's",
                        "Name the login that posts its regions' receipts")
            )  # fmt: skip
    return problems


def stray(file: str) -> list[Problem]:
    """Rules on a file that is not a stack file: in stacks/ it may be a region that nobody would ever see."""
    if not re.match(r"^stacks/.*\.ya?ml$", file):
        return []
    remedy = "Name it stacks/Pulumi.<region>.yaml, or move it out of stacks/"
    return [Problem(file, "the file's name", None, "not a stack file's name: Pulumi would not find it", remedy)]


def stack_document(file: str, document: Mapping[str, Any], namespace: str) -> list[Problem]:
    """Rules on the form of a stack file, before its settings are looked at."""
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
            remedy = (
                f"Use {namespace}:… settings: the program makes its own providers from them, and reads nothing else"
            )
            problems.append(Problem(file, str(key), value, "not a setting of this program", remedy))
    return problems


def stack(stack: Stack, waves: Mapping[str, Wave], applications: Sequence[str]) -> list[Problem]:
    """Rules between the settings of one stack file, and what else the repository has: waves and applications."""
    settings, problems = stack.settings, []
    if not NAME.match(stack.name):
        problems.append(
            Problem(
                stack.file,
                "the file's name",
                stack.name,
                "not a region's name",
                "Take 3 to 24 lower-case letters, digits and hyphens, beginning with a letter: `prod-aws-eu-west-1`",
            )
        )
    if not stack.file.endswith(".yaml"):
        problems.append(
            Problem(
                stack.file,
                "the file's name",
                None,
                "Pulumi reads .yaml files only",
                f"Name it Pulumi.{stack.name}.yaml",
            )
        )
    wave = waves.get(settings.wave)
    if wave is None and waves:  # without waves, waves.yaml itself is what is wrong
        problems.append(
            stack.problem("wave", settings.wave, "not a wave", f"Take one of waves.yaml: {', '.join(waves)}")
        )
    if not re.fullmatch(LOCATIONS[settings.cloud], settings.location):
        problems.append(
            stack.problem("location", settings.location, f"not the form of a location of {settings.cloud}",
                          f"Give a location of {settings.cloud}, or mend regions:cloud")
        )  # fmt: skip
    problems += _cloud_settings(stack)
    if settings.network.prefixlen != NETWORK_PREFIX or not settings.network.subnet_of(PRIVATE):
        problems.append(
            stack.problem("network", settings.network, f"not a /{NETWORK_PREFIX} of {PRIVATE}",
                          f"Take a free /{NETWORK_PREFIX}, for example 10.16.0.0/16")
        )  # fmt: skip
    if settings.kubernetes_version not in KUBERNETES:
        problems.append(
            stack.problem("kubernetesVersion", settings.kubernetes_version, "not a version that fleet/versions.py knows",
                          f"Take one of {', '.join(KUBERNETES)}, or add it there with what goes with it")
        )  # fmt: skip
    problems += [*_pools(stack), *_tags(stack), *_access(stack)]
    problems += [
        stack.problem("apiAccess", network, "open to the whole world", "Narrow it, or remove it for a private API")
        for network in settings.api_access
        if network.prefixlen == 0
    ]
    problems += [
        stack.problem("applications", name, "not an application of gitops/apps",
                      f"Take one of {', '.join(applications)}, or write gitops/apps/{name}/main.jsonnet")
        for name in settings.applications
        if name not in applications
    ]  # fmt: skip
    twice = {name for name in settings.applications if settings.applications.count(name) > 1}
    problems += [stack.problem("applications", name, "named twice", "Name it once") for name in sorted(twice)]
    problems += _rollout(stack, wave)
    problems += _flags(stack)
    expected = settings.secrets_provider or (wave.secrets_provider if wave else None)
    provider = stack.document.get("secretsprovider")
    if expected and provider and provider != expected:
        problems.append(
            Problem(stack.file, "secretsprovider", provider, f"not the key of its secrets, which is {expected}",
                    f"Run `pulumi stack change-secrets-provider '{expected}' -s {stack.name}`")
        )  # fmt: skip
    return problems


def _flags(stack: Stack) -> list[Problem]:
    """The app that writes flags is whole, and there is a page that it writes for."""
    settings = stack.settings
    app = {"flagsApp": settings.flags_app, "flagsInstallation": settings.flags_installation}
    given = [key for key, value in app.items() if value is not None]
    if given and FLIPT not in settings.applications:
        return [
            stack.problem(given[0], app[given[0]], f"`{FLIPT}` is none of the applications, so nothing would use it",
                          f"Add `{FLIPT}` to the applications, or leave it out")
        ]  # fmt: skip
    return [
        stack.problem(
            key, None, f"missing, and {given[0]} is set", "Give both numbers of the GitHub app that writes flags"
        )
        for key in app
        if given and key not in given
    ]


def _rollout(stack: Stack, wave: Wave | None) -> list[Problem]:
    """Rules on what a region needs to take part in the rollout."""
    settings, problems = stack.settings, []
    if wave and settings.sync_timeout >= wave.deadline:
        problems.append(
            stack.problem("syncTimeout", text(settings.sync_timeout),
                          f"not shorter than the deadline of wave {wave.name}, {text(wave.deadline)}",
                          "Shorten it, or the region never says that a commit does not come up")
        )  # fmt: skip
    if CONDUCTOR not in settings.applications:
        return problems
    if settings.asleep:
        problems.append(
            stack.problem("asleep", True, f"the {CONDUCTOR} is one of its applications, and would move nothing any more",
                          f"Give another region the {CONDUCTOR} first")
        )  # fmt: skip
    problems += [
        stack.problem(key, None, f"missing, and `{CONDUCTOR}` is one of the applications",
                      "Give the numbers of the GitHub app that moves branches")
        for key, value in (("conductorApp", settings.conductor_app),
                           ("conductorInstallation", settings.conductor_installation))
        if value is None
    ]  # fmt: skip
    return problems


def _pools(stack: Stack) -> list[Problem]:
    """A region has no more nodes than its size may cost, and no pool that is the cloud's own."""
    settings, problems = stack.settings, []
    most, allowed = sum(pool.max_nodes for pool in settings.pools.values()), MOST_NODES[settings.size]
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
        if tag in SCHEME or tag.startswith(RESERVED)
    ]  # fmt: skip


def _access(stack: Stack) -> list[Problem]:
    """Who gets in is named as the region's cloud names groups and roles, and once."""
    cloud, access = stack.settings.cloud, stack.settings.access
    pattern, form = PRINCIPALS[cloud]
    problems = [
        stack.problem(f"access.{kind}", name, f"not {form}", f"Give {form}, as {cloud} knows it")
        for kind, names in (("admins", access.admins), ("viewers", access.viewers))
        for name in names
        if not re.fullmatch(pattern, name)
    ]
    named = access.named
    return problems + [
        stack.problem("access", name, "named twice", "Name it once: an admin may read everything, too")
        for name in sorted({name for name in named if named.count(name) > 1})
    ]


def _cloud_settings(stack: Stack) -> list[Problem]:
    """A region has the settings of its own cloud, and of no other."""
    settings, problems = stack.settings, []
    for cloud in LOCATIONS:
        given = getattr(settings, cloud)
        if cloud == settings.cloud and given is None:
            field = RegionSettings.model_fields[cloud]
            example = str((field.examples or [""])[0]).replace("'", "")
            problems.append(
                stack.problem(cloud, None, f"missing, and the region is on {cloud}", f"Give for example `{example}`")
            )
        if cloud != settings.cloud and given is not None:
            problems.append(
                stack.problem(
                    cloud, None, f"given, but the region is on {settings.cloud}", "Remove it, or mend regions:cloud"
                )
            )
    return problems


def across(stacks: Sequence[Stack], project_file: str) -> list[Problem]:
    """Rules that only show across files. Each finding is reported for both files."""
    problems: list[Problem] = []
    for one, other in combinations(stacks, 2):
        for stack, twin in ((one, other), (other, one)):
            if stack.name == twin.name:
                problems.append(
                    Problem(stack.file, "the file's name", stack.name, f"{twin.file} is the same region",
                            "Keep one of the two files")
                )  # fmt: skip
            if stack.settings.network.overlaps(twin.settings.network):
                problems.append(
                    stack.problem("network", stack.settings.network,
                                  f"overlaps {twin.settings.network} of {twin.file}", "Take a /16 that no region uses")
                )  # fmt: skip
    return [*problems, *_shared_encryption(stacks), *_git_reads(stacks, project_file)]


def _git_reads(stacks: Sequence[Stack], project_file: str) -> list[Problem]:
    """All regions together ask one repository: what suits a few is too much of many."""
    askers = [2 if FLIPT in stack.settings.applications else 1 for stack in stacks]
    reads = sum(n / stack.settings.poll_interval.total_seconds() for n, stack in zip(askers, stacks, strict=True))
    if reads <= GIT_READS:
        return []
    what = (
        f"{len(stacks)} regions ask git for commits and flags {reads:.1f} times a second; "
        f"GitHub recommends {GIT_READS} at most"
    )
    remedy = f"Let all of them ask every {math.ceil(sum(askers) / GIT_READS)}s or less often"
    return [Problem(project_file, "regions:pollInterval", None, what, remedy)]


def _shared_encryption(stacks: Iterable[Stack]) -> list[Problem]:
    """A salt or data key is made for one stack. Copied with the file, it decrypts that other stack's secrets."""
    problems = []
    for key in ("encryptionsalt", "encryptedkey"):
        owners: dict[str, list[Stack]] = defaultdict(list)
        for stack in stacks:
            if stack.document.get(key):
                owners[str(stack.document[key])].append(stack)
        for same in owners.values():
            for stack in same if len(same) > 1 else []:
                others = ", ".join(other.file for other in same if other is not stack)
                problems.append(
                    Problem(stack.file, key, None, f"the same as in {others}: the file is encrypted for another stack",
                            f"In the copy remove `{key}` and every `secure:` value, then run `pulumi stack init`")
                )  # fmt: skip
    return problems
