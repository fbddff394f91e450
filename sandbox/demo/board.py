"""Shows a rollout as it goes: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

from types import TracebackType

from rich.live import Live
from rich.table import Table
from rich.text import Text

import fleet
from fleet.console import Terminal
from sandbox.demo.progress import Host, Rollout

COLOURS = {"passed": "green", "failed": "red", "has it": "cyan"}


class Board:
    """A context manager around what is shown."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._last: dict[str, str] = {}

    def __enter__(self) -> Board:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.text(text)

    def show(self, rollout: Rollout, host: Host, regions: list[fleet.Region]) -> None:
        """The rollout as it is now."""
        words = {region.name: word(rollout, host, region) for region in regions}
        if self._live:
            self._live.update(table(rollout, words, regions), refresh=True)
            return
        for region in regions:
            key = f"{rollout.commit} {region.name}"
            if words[region.name] and self._last.get(key) != words[region.name]:
                self._last[key] = words[region.name]
                self.say(f"  {rollout.commit[:10]} {region.wave.name}: {region.name} {words[region.name]}")


def word(rollout: Rollout, host: Host, region: fleet.Region) -> str:
    """How a region stands to the commit, in a word; empty while it does not have it."""
    if not host.given(region.name, rollout.commit):
        return ""
    if host.failed(region.name):
        return "failed"
    return "passed" if host.passed(region.name, list(region.wave.checks)) else "has it"


def table(rollout: Rollout, words: dict[str, str], regions: list[fleet.Region]) -> Table:
    """The waves and their regions."""
    shown = Table("wave", "region", "cloud", f"commit {rollout.commit[:10]}", "seconds", box=None)
    seconds = {name: value for wave in rollout.waves for name, value in wave.regions.items()}
    for region in regions:
        said = words[region.name]
        took = f"{seconds[region.name]:.0f}" if region.name in seconds else ""
        shown.add_row(
            region.wave.name, region.name, region.settings.cloud, Text(said or "-", COLOURS.get(said, "dim")), took
        )
    return shown
