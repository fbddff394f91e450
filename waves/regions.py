"""`waves region`: what a checkout's files say of regions, and a new region's stack file made from another one's."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

import fleet
from waves.console import Json, errors, output

app = typer.Typer(help="Regions as a checkout's files have them.", no_args_is_help=True)
Checkout = Annotated[Path, typer.Option(help="The root of a checkout of the fleet's repository.")]

_OWN = re.compile(r"^(encryptionsalt|encryptedkey|secretsprovider):.*\n?", re.MULTILINE)
"""What Pulumi wrote into the other file for that stack alone."""
_PRIVATE = IPv4Network("10.0.0.0/8")


class NewRegionError(Exception):
    """The stack file cannot be made; the text says why."""


def new_file(files: Mapping[str, str], name: str, like: str, changes: Mapping[str, str]) -> tuple[str, str]:
    """Path and text of a new region's stack file. `changes` are settings to differ in, such as location.

    The network is the next free one. Comments and order stay as the other file has them. Raises NewRegionError.
    """
    path, source = f"stacks/Pulumi.{name}.yaml", f"stacks/Pulumi.{like}.yaml"
    known = fleet.load(files)
    if like not in known.regions:
        raise NewRegionError(f"no region is named {like}; known: {', '.join(known.regions)}")
    if path in files:
        raise NewRegionError(f"{path} is there already")
    text = _OWN.sub("", files[source])
    for key, value in {"network": str(free_network(known)), **changes}.items():
        text = _set(text, key, value)
    problems = [p for p in fleet.load({**files, path: text}).problems if p.file == path or p not in known.problems]
    if problems:
        raise NewRegionError("\n".join(str(problem) for problem in problems))
    return path, text


def free_network(known: fleet.Fleet) -> IPv4Network:
    """The lowest /16 of 10.0.0.0/8 after all that regions use. Raises NewRegionError when there is none."""
    used = [region.settings.network for region in known.regions.values()]
    highest = max((int(network.network_address) for network in used), default=int(_PRIVATE.network_address))
    free = [n for n in _PRIVATE.subnets(new_prefix=16) if not any(n.overlaps(other) for other in used)]
    after = [network for network in free if int(network.network_address) > highest]
    if not free:
        raise NewRegionError(
            "all 256 networks of 10.0.0.0/8 are taken: retire a region, or widen the rule in fleet/checks.py"
        )
    return (after or free)[0]


def diff(files: Mapping[str, str], like: str, path: str, text: str) -> str:
    """How the new file differs from the one that it was made from."""
    source = f"stacks/Pulumi.{like}.yaml"
    lines = difflib.unified_diff(files[source].splitlines(), text.splitlines(), source, path, lineterm="")
    return "\n".join(lines)


def _set(text: str, key: str, value: str) -> str:
    """The text with another value for a setting; a new line if it has none."""
    line = re.compile(rf"^(\s+regions:{re.escape(key)}:)[^\n]*$", re.MULTILINE)
    if line.search(text):
        return line.sub(lambda match: f"{match[1]} {value}", text)
    return text.replace("config:\n", f"config:\n  regions:{key}: {value}\n", 1)


@app.command("list")
def list_(checkout: Checkout = Path(), as_json: Json = False) -> None:
    """List the regions of the checkout's files, in wave order."""
    known = fleet.read(checkout)
    rows = [
        {"wave": region.wave.name, "region": region.name, "cloud": region.settings.cloud,
         "location": region.settings.location, "network": str(region.settings.network)}
        for region in known.in_waves()
    ]  # fmt: skip
    for problem in known.problems:
        errors.print(str(problem), style="red", markup=False)
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table("wave", "region", "cloud", "location", "network", box=None)
    for row in rows:
        table.add_row(*row.values())
    output.print(table)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The new region's name.")],
    like: Annotated[str, typer.Option(help="The region whose stack file is copied.")],
    location: Annotated[str | None, typer.Option(help="Its location, in the cloud's own words.")] = None,
    wave: Annotated[str | None, typer.Option(help="Its wave, if not the other's.")] = None,
    checkout: Checkout = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the file, and do not write it.")] = False,
    as_json: Json = False,
) -> None:
    """Copy a stack file, with the next free network; show what differs. Commit it, and the region joins by itself."""
    files = fleet.files(checkout)
    given = {"location": location, "wave": wave}
    path, text = new_file(files, name, like, {key: value for key, value in given.items() if value})
    difference = diff(files, like, path, text)
    print(
        json.dumps({"file": path, "text": text, "diff": difference, "written": not dry_run}) if as_json else difference
    )
    if not dry_run:
        (checkout / path).write_text(text)
        errors.print(f"wrote {path}; review and merge it, and the region joins by itself", markup=False)
