"""`python -m waves.scm`: the command line of the conductor's image. `promote` is its one command."""

from __future__ import annotations

import sys

from fleet.console import main
from waves.scm.options import command_line, common
from waves.scm.promote import promote

app = command_line("The conductor: moves the regions' branches, wave by wave.")
app.callback()(common)
app.command()(promote)

if __name__ == "__main__":
    sys.exit(main(app))
