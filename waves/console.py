"""What all commands of `waves` share: where they print, and what stands before them on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from waves.host import Host, open_host

errors = Console(stderr=True, highlight=False)
output = Console(highlight=False, width=None if sys.stdout.isatty() else 200)  # a table in a file is not cut

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
Region = Annotated[str, typer.Argument(help="A region's name.")]


class Options:
    """What stands before the command."""

    checkout = Path()
    remote = "origin"
    repository: str | None = None
    clone: str | None = None


def opened() -> Host:
    """The git host that the options name. Raises HostError with what is missing."""
    return open_host(Options.checkout, Options.remote, Options.repository, Options.clone)
