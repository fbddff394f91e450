"""`python -m sandbox.toolchain`: build every missing tool, with a progress display.

`python -m sandbox.toolchain NAME [ARGUMENTS]` builds that one binary if it is missing, and runs it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fleet.console import Terminal, errors
from sandbox.machine.errors import SandboxError
from sandbox.toolchain import build
from sandbox.toolchain.tools import LINTERS, TOOLS, Tool


def ensure_with_progress(console: Terminal, tools: Sequence[Tool] = TOOLS) -> dict[str, Path]:
    """Every file of the tools. Builds the missing tools, with a progress bar on a terminal, else a line for each tool."""
    waiting = build.missing(tools)
    if not waiting:
        return build.ensure(lambda tool, done, total: None, tools)
    console.text(
        f"Building from source, once: {', '.join(tool.module for tool in waiting)}. "
        + ("All take about 20 minutes on two cores. " if len(waiting) > 1 else "")
        + "You can interrupt the build. The next run continues it."
    )
    starts: dict[str, float] = {}
    with Progress(
        TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TextColumn("packages"),
        TimeElapsedColumn(), console=console, disable=not console.is_terminal,
    ) as bars:  # fmt: skip
        tasks = {
            tool.module: bars.add_task(f"{tool.module} {tool.version}", total=None, start=False) for tool in waiting
        }

        def report(tool: Tool, done: int, total: int) -> None:
            if tool.module not in starts:
                starts[tool.module] = time.monotonic()
                bars.start_task(tasks[tool.module])
                if not console.is_terminal:
                    console.text(f"  {tool.module} {tool.version}: {total} packages")
            bars.update(tasks[tool.module], completed=done, total=total)
            if done == total and not console.is_terminal:
                seconds = time.monotonic() - starts[tool.module]
                console.text(f"  {tool.module} {tool.version}: built in {seconds:.0f} s")

        return build.ensure(report, tools)


def main(arguments: Sequence[str]) -> int:
    """Exit codes: 0 with every tool, 1 with an error, 130 after an interrupt. With NAME: the exit code of that binary."""
    try:
        if not arguments:
            ensure_with_progress(errors)
            return 0
        everything = (*TOOLS, *LINTERS)
        tools = [tool for tool in everything if arguments[0] in tool.packages]
        if not tools:
            known = sorted(name for tool in everything for name in tool.packages)
            raise SandboxError(f"no tool is named {arguments[0]}. Known: {', '.join(known)}")
        path = ensure_with_progress(errors, tools)[arguments[0]]
        os.execv(path, [str(path), *arguments[1:]])
    except SandboxError as error:
        errors.text(f"error: {error}", style="red")
        return 1
    except KeyboardInterrupt:
        errors.text("interrupted. Run the command again to continue")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
