"""Child processes that cannot outlive the supervisor, each with its own log file and process group."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)

RESTART_SECONDS = 1.0
"""The pause before a process that ended by itself starts again, so that a broken one does not use a whole core."""

STOP_SECONDS = 8.0
"""The time between SIGTERM and SIGKILL."""


def free_port() -> int:
    """A port of 127.0.0.1 without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def listening(port: int, seconds: float) -> bool:
    """Wait until a port of 127.0.0.1 has a listener. False after `seconds`."""
    with contextlib.suppress(asyncio.TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                if await _accepts(port):
                    return True
                await asyncio.sleep(0.05)
    return False


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def die_with_parent() -> None:
    # On Linux the kernel kills the child at any end of the supervisor's main thread. Elsewhere only an orderly end of the
    # supervisor stops its children.
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A program that runs until `stop`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.restarts = 0
        self._env = {**os.environ, **(env or {})}
        self._cwd = cwd
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def start(self) -> None:
        """Start the program. Start it again each time it ends by itself."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def _spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=self._env, cwd=self._cwd,
                start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip

    async def _keep(self) -> None:
        while self._process is not None:
            code = await self._process.wait()
            self.restarts += 1
            note(self.log, f"{self.name} ended with {code}. It starts again")
            await asyncio.sleep(RESTART_SECONDS)
            await self._spawn()

    async def stop(self) -> None:
        """End the program and its process group."""
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._process:
            await end(self._process)


def note(log: Path, text: str) -> None:
    """Write a line of the sandbox's own into a process's log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write(f"sandbox: {time.ctime()}: {text}\n")


async def end(process: asyncio.subprocess.Process) -> None:
    """Send SIGTERM to a process group, and SIGKILL after STOP_SECONDS."""
    if process.returncode is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
            return
