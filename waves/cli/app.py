"""The command line of the rollout, put together: every command but the sandbox's."""

from __future__ import annotations

import typer
from typer.core import TyperGroup

from fleet.console import examples
from waves.cli import ci, drift, images, operations, preview, region, review, status
from waves.scm.options import command_line, common
from waves.scm.promote import promote

HELP = """Commits on main reach the regions wave by wave. No branch moves without proof.

\b
Exit codes: 0 done (also without a change), 1 refused or failed,
with the reason, 2 wrong usage, 130 interrupted."""


def build(group: type[TyperGroup] = TyperGroup) -> typer.Typer:
    """The command line. `group` may add commands of its own."""
    app = command_line(HELP, group)
    app.callback()(common)
    app.add_typer(region.app)
    app.add_typer(status.app)
    app.command(epilog=examples("regions promote", "regions promote --watch --every 15"))(promote)
    for part in (operations, review, preview, ci, drift):
        app.add_typer(part.app)
    app.add_typer(images.app, name="images")
    return app


app = build()
