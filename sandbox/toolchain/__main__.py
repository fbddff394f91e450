"""`python -m sandbox.toolchain`: make sure that every tool is there, with a progress display."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sandbox.errors import SandboxError
from sandbox.toolchain import build
from sandbox.toolchain.tools import Tool


def ensure_with_progress(console: Console) -> None:
    """Build what is missing and show how far it is: a bar on a terminal, else a line for each tool."""
    waiting = build.missing()
    if not waiting:
        return
    console.print(
        f"Building from source, once: {', '.join(tool.module for tool in waiting)}. All take about 20 minutes on "
        "two cores. It is safe to interrupt, and goes on where it stopped.",
        soft_wrap=True,
    )
    started: dict[str, float] = {}
    with Progress(
        TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TextColumn("packages"),
        TimeElapsedColumn(), console=console, disable=not console.is_terminal,
    ) as bars:  # fmt: skip
        tasks = {
            tool.module: bars.add_task(f"{tool.module} {tool.version}", total=None, start=False) for tool in waiting
        }

        def report(tool: Tool, done: int, total: int) -> None:
            if tool.module not in started:
                started[tool.module] = time.monotonic()
                bars.start_task(tasks[tool.module])
                if not console.is_terminal:
                    console.print(f"  {tool.module} {tool.version}: {total} packages")
            bars.update(tasks[tool.module], completed=done, total=total)
            if done == total and not console.is_terminal:
                seconds = time.monotonic() - started[tool.module]
                console.print(f"  {tool.module} {tool.version}: built in {seconds:.0f} s")

        build.ensure(report)


def main() -> int:
    """Exit code 0 when every tool is there, 1 with the reason otherwise, 130 when interrupted."""
    console = Console(stderr=True)
    try:
        ensure_with_progress(console)
    except SandboxError as error:
        console.print(f"error: {error}", markup=False, style="red")
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; run it again to go on")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
