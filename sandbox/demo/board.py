"""Shows a rollout as it goes: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

from types import TracebackType

from rich.live import Live
from rich.table import Table
from rich.text import Text

import fleet
from fleet.console import Terminal
from sandbox.demo.progress import HostSnapshot, RolloutProgress

COLOURS = {"passed": "green", "failed": "red", "has it": "cyan"}


class Board:
    """A context manager around the display of a rollout."""

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
        """Print a line that stays."""
        self._console.text(text)

    def show(self, rollout: RolloutProgress, host: HostSnapshot, regions: list[fleet.Region]) -> None:
        """Show the rollout as it is now."""
        states = {region.name: region_state(rollout, host, region) for region in regions}
        if self._live:
            self._live.update(table(rollout, states, regions), refresh=True)
            return
        for region in regions:
            key = f"{rollout.commit} {region.name}"
            state = states[region.name]
            if state and self._last.get(key) != state:
                self._last[key] = state
                self.say(f"  {rollout.commit[:10]} {region.wave.name}: {region.name} {state}")


def region_state(rollout: RolloutProgress, host: HostSnapshot, region: fleet.Region) -> str:
    """The commit's state in a region. Empty while the region does not have the commit."""
    if not host.has_commit(region.name, rollout.commit):
        return ""
    if host.failed(region.name):
        return "failed"
    return "passed" if host.passed(region.name, list(region.wave.checks)) else "has it"


def table(rollout: RolloutProgress, states: dict[str, str], regions: list[fleet.Region]) -> Table:
    """The waves and their regions."""
    board = Table("wave", "region", "cloud", f"commit {rollout.commit[:10]}", "seconds", box=None)
    seconds = {name: value for wave in rollout.waves for name, value in wave.regions.items()}
    for region in regions:
        state = states[region.name]
        duration = f"{seconds[region.name]:.0f}" if region.name in seconds else ""
        board.add_row(
            region.wave.name,
            region.name,
            region.settings.cloud,
            Text(state or "-", COLOURS.get(state, "dim")),
            duration,
        )
    return board
