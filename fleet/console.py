"""The output and the exit codes of every command line of the project: one console a stream, one `main`.

Texts from files, git or the host are never read as markup or emoji: `regions:wave:` stays text. Only a terminal gets colours.
Without a terminal, no line is wrapped and no table is truncated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from rich.console import Console
from rich.text import Text

from fleet.errors import UserError

UNBOUNDED = 10_000
"""Characters of a line without a terminal."""


class Terminal(Console):
    """A stream's console, without markup."""

    def __init__(self, *, stderr: bool = False, file: IO[str] | None = None) -> None:
        super().__init__(stderr=stderr, file=file, markup=False, emoji=False, highlight=False)
        if not self.is_terminal:
            self.width = UNBOUNDED

    def text(self, *parts: str | tuple[str, str], style: str = "") -> None:
        """Print one text as it is, in one piece. A part may come with a style of its own: `("blocked", "red")`."""
        self.print(Text.assemble(*parts, style=style), soft_wrap=True)


output = Terminal()
"""The result of a command."""
errors = Terminal(stderr=True)
"""Progress, warnings and errors."""


def examples(*lines: str) -> str:
    """The examples below a command's help, one a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def main(run: Callable[[], object], reasons: tuple[type[Exception], ...] = (UserError,)) -> int:
    """Run a command line. The exit code: 0 done, 1 refused or failed, 130 interrupted. Wrong usage ends it with 2 itself.

    `reasons` are the errors whose text is for people. Any other one is a defect, and keeps its traceback.
    """
    try:
        run()
    except reasons as error:
        errors.text(f"error: {error}", style="red")
        return 1
    except KeyboardInterrupt:
        errors.text("interrupted")
        return 130
    return 0
