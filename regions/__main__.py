"""`regions`, or `python -m regions`: the one command line of the project."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

from fleet import UserError
from fleet.console import main
from sandbox.machine.errors import SandboxError
from waves.cli.app import build

SANDBOX = "sandbox"


class _WithSandbox(TyperGroup):
    """Loads the sandbox only when it is asked for. An image or a CI job may lack its packages, psutil among them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *([SANDBOX] if find_spec("psutil") else [])]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name != SANDBOX:
            return super().get_command(ctx, cmd_name)
        try:
            from sandbox.__main__ import app
        except ModuleNotFoundError as error:
            raise UserError(f"the sandbox needs {error.name}: pip install -r requirements-dev.txt") from error
        command = typer.main.get_command(app)
        command.name = SANDBOX
        return command


app = build(_WithSandbox)


def run() -> int:
    """The console script."""
    return main(app, (UserError, SandboxError))


if __name__ == "__main__":
    sys.exit(run())
