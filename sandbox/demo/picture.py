"""The demo as a picture: its messages and its last table, as an SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.table import Table

from fleet.console import Terminal

WIDTH = 118
"""Characters in a line of the picture."""
_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
"""Rich's format loads a font from the internet. A picture in a repository has the reader's own."""


def svg(command: str, messages: Sequence[str], table: Table) -> str:
    """The picture of a run: the command, each message, the table."""
    terminal = Terminal(file=io.StringIO())
    terminal.width, terminal.record = WIDTH, True
    terminal.text(("$ ", "dim"), (command, "bold"))
    for message in messages:
        terminal.print(message, overflow="ellipsis", no_wrap=True)
    terminal.print()
    terminal.print(table)
    return terminal.export_svg(title=command, code_format=_FONTS.sub("", CONSOLE_SVG_FORMAT))
