"""The figures of working on the code: how long the checks take, and how much code there is."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from bench.report import Figure
from sandbox.githost import repository
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import CHECKOUT

RUNS = 3
"""Runs of a check at most: `make test` alone takes most of half an hour."""
LINES_BEFORE = {"sandbox/": 14_239, "the repository": 44_253}
"""Lines of Python before the packages and the published Kubernetes provider, at commit 292d215."""


def duration(target: str, goal: float, repetitions: int, report: Callable[[str], None]) -> Figure:
    """Minutes that a make target takes. The environment and the tools are there already."""
    samples = []
    for _ in range(min(RUNS, repetitions)):
        started = time.monotonic()
        result = subprocess.run(["make", target], cwd=CHECKOUT, capture_output=True, text=True)
        if result.returncode:
            raise SandboxError(f"`make {target}` failed:\n{result.stdout[-3000:]}\n{result.stderr[-1000:]}")
        samples.append((time.monotonic() - started) / 60)
        report(f"make {target}: {samples[-1]:.2f} min")
    return Figure(f"make {target}, warm", goal, "min", samples)


def lines() -> list[Figure]:
    """Lines of Python in the sandbox and in all."""
    figures = []
    for name, before in LINES_BEFORE.items():
        pattern = f"{name}*.py" if name.endswith("/") else "*.py"
        files = repository.git("ls-files", pattern, cwd=CHECKOUT).splitlines()
        count = sum(len((CHECKOUT / file).read_text().splitlines()) for file in files)
        figures.append(Figure(f"lines of Python in {name}", None, "lines", [count], note=f"Before: {before}."))
    return figures
