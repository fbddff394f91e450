"""The rules between stack files."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from fleet.applications import FLIPT
from fleet.errors import Problem
from fleet.stack import Stack

MANAGEMENT = "management"
"""The setting of the networks that bootstrap/ makes."""
GIT_READS = 15
"""Reads of a repository in a second: GitHub's recommended maximum. Source: docs.github.com, "Repository limits"."""


def across(stacks: Sequence[Stack], project_file: str) -> list[Problem]:
    """Rules between files. Each problem is reported for both files."""
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
    return [
        *problems,
        *_management(stacks, project_file),
        *_shared_encryption(stacks),
        *_git_reads(stacks, project_file),
    ]


def _management(stacks: Sequence[Stack], project_file: str) -> Iterator[Problem]:
    """CI and people reach each API server: a private one is out of reach of all that is not in or beside its network.

    The problem is not in the stack file alone: bootstrap/ makes the network for the region that lacks it.
    """
    for stack in stacks:
        settings = stack.settings
        if settings.cloud != "gcp" and not settings.management_network and not settings.api_allowed_cidrs:
            yield stack.problem(MANAGEMENT, None, f"no {settings.cloud} network for `{settings.management_key}`, so that neither "
                                "CI nor a person could reach the private API server",
                                f"Run `pulumi up` in bootstrap/ and put its output `management` into {project_file}, or name "
                                "ranges in regions:apiAllowedCidrs")  # fmt: skip
        # Packets to the region would never leave such a network, or never come back.
        for key, network in (*settings.management.aws.items(), *settings.management.azure.items()):
            if network.range.overlaps(settings.network):
                yield stack.problem("network", settings.network, f"overlaps {network.range}, the management network `{key}`",
                                    "Take a /16 that nothing uses")  # fmt: skip


def _git_reads(stacks: Sequence[Stack], project_file: str) -> list[Problem]:
    """All regions together read one repository, so the interval that suits a few is too short for many."""
    reads_per_interval = [2 if FLIPT in stack.settings.applications else 1 for stack in stacks]
    rate = sum(
        n / stack.settings.poll_interval.total_seconds() for n, stack in zip(reads_per_interval, stacks, strict=True)
    )
    if rate <= GIT_READS:
        return []
    problem = (
        f"{len(stacks)} regions ask git for commits and flags {rate:.1f} times a second; "
        f"GitHub recommends {GIT_READS} at most"
    )
    remedy = f"Let all of them ask every {math.ceil(sum(reads_per_interval) / GIT_READS)}s or less often"
    return [Problem(project_file, "regions:pollInterval", None, problem, remedy)]


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
