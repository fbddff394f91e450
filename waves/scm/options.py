"""The options that come before every command: which checkout, and which host it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from fleet.console import output
from waves.scm.connect import GitHost, open_host

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


@dataclass(frozen=True)
class Options:
    """The checkout that a command works on, and its host."""

    checkout: Path
    remote: str
    repository: str | None
    clone: str | None

    def host(self) -> GitHost:
        """The git host of the checkout. Raises HostError with the setting that is missing."""
        return open_host(self.checkout, self.remote, self.repository, self.clone)


def options(context: typer.Context) -> Options:
    """The options of the command line that a command was started with."""
    result = context.find_object(Options)
    assert result is not None, "the callback `common` makes it"
    return result


def _print_version(requested: bool) -> None:
    """Print the version of the installed project, and end."""
    if requested:
        try:
            output.text(version("regions"))
        except PackageNotFoundError:
            output.text("unknown: the package is not installed")
        raise typer.Exit


def common(
    context: typer.Context,
    checkout: Annotated[Path, typer.Option(help="The root of a clone of the fleet's repository.")] = Path(),
    remote: Annotated[str, typer.Option(help="The clone's remote on the git host.")] = "origin",
    repository: Annotated[
        str | None, typer.Option(help="OWNER/NAME on the host. Default: read from the remote.")
    ] = None,
    clone: Annotated[
        str | None, typer.Option(help="Clone this address into --checkout first, unless the folder exists.")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Take the options. A checkout that does not exist is wrong usage, for every command."""
    if clone is None and not checkout.is_dir():
        raise typer.BadParameter(f"{checkout} is not a folder. Name the root of a clone of the fleet's repository",
                                 param_hint="--checkout")  # fmt: skip
    context.obj = Options(checkout, remote, repository, clone)


def command_line(text: str, group: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """A command line. The help is plain text, since settings' names such as `regions:wave:` are in it."""
    return typer.Typer(
        cls=group, help=text, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )
