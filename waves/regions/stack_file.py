"""A new region's stack file, made from another region's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from ipaddress import IPv4Network

import fleet
from fleet.checks import PRIVATE

_OWN = re.compile(r"^(encryptionsalt|encryptedkey|secretsprovider):.*\n?", re.MULTILINE)
"""Pulumi's own entries of the other stack."""


class NewRegionError(fleet.UserError):
    """The stack file cannot be made. The text says why."""


def new_file(files: Mapping[str, str], name: str, source_region: str, changes: Mapping[str, str]) -> tuple[str, str]:
    """Path and text of a new region's stack file. `changes` are settings to differ in, such as location.

    The network is the next free one. Comments and order stay as the other file has them. Raises NewRegionError.
    """
    path, source_path = f"stacks/Pulumi.{name}.yaml", f"stacks/Pulumi.{source_region}.yaml"
    known = fleet.load(files)
    if source_region not in known.regions:
        raise NewRegionError(f"no region is named {source_region}; known: {', '.join(known.regions)}")
    if path in files:
        raise NewRegionError(f"{path} exists already: take another name")
    text = _OWN.sub("", files[source_path])
    for key, value in {"network": str(free_network(known)), **changes}.items():
        text = _set(text, key, value)
    problems = [p for p in fleet.load({**files, path: text}).problems if p.file == path or p not in known.problems]
    if problems:
        raise NewRegionError("\n".join(str(problem) for problem in problems))
    return path, text


def free_network(known: fleet.Fleet) -> IPv4Network:
    """The lowest /16 of 10.0.0.0/8 after all that regions use. Raises NewRegionError when there is none."""
    used = [region.settings.network for region in known.regions.values()]
    highest = max((int(network.network_address) for network in used), default=int(PRIVATE.network_address))
    free = [n for n in PRIVATE.subnets(new_prefix=16) if not any(n.overlaps(other) for other in used)]
    after = [network for network in free if int(network.network_address) > highest]
    if not free:
        raise NewRegionError(
            "all 256 networks of 10.0.0.0/8 are taken: retire a region, or widen the rule in fleet/checks.py"
        )
    return (after or free)[0]


def diff(files: Mapping[str, str], source_region: str, path: str, text: str) -> str:
    """The differences between the new file and its source."""
    source = f"stacks/Pulumi.{source_region}.yaml"
    lines = difflib.unified_diff(files[source].splitlines(), text.splitlines(), source, path, lineterm="")
    return "\n".join(lines)


def _set(text: str, key: str, value: str) -> str:
    """The text with another value of a setting, or with a new line for it."""
    line = re.compile(rf"^(\s+regions:{re.escape(key)}:)[^\n]*$", re.MULTILINE)
    if line.search(text):
        return line.sub(lambda match: f"{match[1]} {value}", text)
    return text.replace("config:\n", f"config:\n  regions:{key}: {value}\n", 1)
