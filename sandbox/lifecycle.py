"""Starts and ends a sandbox's supervisor."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from sandbox.environment import prepare, variables
from sandbox.githost import repository
from sandbox.machine import supervisor_client
from sandbox.machine.errors import SandboxError
from sandbox.machine.files import remove_tree
from sandbox.machine.home import CHECKOUT, Home

_START_SECONDS = 120.0
_STOP_SECONDS = 60.0


def running(home: Home) -> bool:
    """Whether the supervisor answers."""
    try:
        supervisor_client.call("status", home.socket)
    except SandboxError:
        return False
    return True


def up(home: Home, binaries: Mapping[str, Path]) -> None:
    """Start the supervisor, and with it the clusters that were there before. Does nothing if it runs already."""
    if sys.platform == "darwin":
        print(
            "note: on macOS a supervisor that is killed leaves its processes behind; end it with `down`",
            file=sys.stderr,
        )
    prepare(home, binaries)
    if running(home):
        return
    log = (home.logs / "supervisor.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.supervisor.server"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        cwd=CHECKOUT, start_new_session=True, env={**os.environ, "SANDBOX_HOME": str(home.root)},
    )  # fmt: skip
    deadline = time.monotonic() + _START_SECONDS
    try:
        while not running(home):
            if process.poll() is not None:
                raise SandboxError(f"the supervisor ended at once; see {log.name}:\n{_tail(Path(log.name))}")
            if time.monotonic() > deadline:
                raise SandboxError(f"the supervisor was not ready after {_START_SECONDS:.0f} s; see {log.name}")
            time.sleep(0.05)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def stop(home: Home) -> None:
    """End every process of the sandbox. Its data stays, and `up` goes on with it."""
    try:
        pid = supervisor_client.call("status", home.socket)["pid"]
        supervisor_client.call("shutdown", home.socket)
    except SandboxError:
        return
    try:
        psutil.Process(pid).wait(_STOP_SECONDS)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        os.kill(pid, signal.SIGKILL)  # its children die with it


def down(home: Home) -> None:
    """End every process and give all disk back."""
    stop(home)
    remove_salts(home, CHECKOUT)
    remove_tree(home.root)


def status(home: Home) -> dict[str, Any]:
    """What runs. Raises SandboxError if nothing does."""
    answer: dict[str, Any] = supervisor_client.call("status", home.socket)
    return answer


def run(home: Home, command: list[str], checkout: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in the sandbox's environment. Keywords go to subprocess.run."""
    env = {**os.environ, **variables(home, checkout)}
    return subprocess.run(command, cwd=checkout, env=env, text=True, **options)


def start(home: Home, command: list[str], checkout: Path, log: BinaryIO) -> subprocess.Popen[str]:
    """Start a command in the sandbox's environment, and do not wait for it."""
    env = {**os.environ, **variables(home, checkout)}
    return subprocess.Popen(command, cwd=checkout, env=env, text=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def clean_up_when_terminated() -> None:
    """Make SIGTERM, as CI sends it, end this process as Ctrl-C does: updates are cancelled and clean-ups run. Exit code 143."""

    def end(number: int, frame: object) -> None:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if child.name() == "pulumi":
                    child.send_signal(signal.SIGINT)
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def initialise_stacks(home: Home, regions: list[str]) -> None:
    """Make a Pulumi stack for each region that has none, as `pulumi stack init` does, but leave the checkout alone.

    `pulumi stack init` writes a salt into the stack file. It does so here in a scratch copy; the state keeps the salt.
    """
    missing = [region for region in regions if not home.stack_state(region).exists()]
    if not missing:
        return
    scratch = home.root / "init"
    (scratch / "stacks").mkdir(parents=True, exist_ok=True)
    shutil.copy(CHECKOUT / "Pulumi.yaml", scratch)
    for region in missing:
        command = ["pulumi", "stack", "init", "--no-select", "-s", region, "--non-interactive"]
        result = run(home, command, scratch, capture_output=True)
        if result.returncode != 0:
            raise SandboxError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
    shutil.rmtree(scratch)


def remove_salts(home: Home, checkout: Path) -> None:
    """Take out of the stack files the salts that Pulumi put in for this sandbox's stacks, and no other."""
    states = home.backend.glob(".pulumi/stacks/*/*.json")
    salts = {salt for path in states for salt in re.findall(r'"salt":\s*"([^"]+)"', path.read_text())}
    for path in [*checkout.glob("stacks/Pulumi.*.yaml"), *checkout.glob("bootstrap/Pulumi.*.yaml")]:
        lines = path.read_text().splitlines(keepends=True)
        kept = [line for line in lines if not any(line.strip() == f"encryptionsalt: {salt}" for salt in salts)]
        if kept != lines:
            path.write_text("".join(kept))


def publish(home: Home, checkout: Path, regions: list[str]) -> str:
    """Put the checkout on the git host's main and on the branches of these regions. Returns the commit."""
    return repository.publish(home, checkout, ["main", *(f"region/{region}" for region in regions)])


def clone(home: Home) -> Path:
    """The sandbox's own clone of the git host's main, ready to run the program in."""
    checkout = repository.clone(home)
    # The program's virtual environment is named relative to the checkout, and is not in git.
    if not (checkout / ".venv").exists():
        (checkout / ".venv").symlink_to(CHECKOUT / ".venv")
    return checkout


def run_ci(home: Home, on: bool = True) -> None:
    """Let the git host's CI run a job for each region whose branch moves, or stop it. Off until it is asked for."""
    supervisor_client.call("run_ci", home.socket, on=on)


def seed(home: Home, checkout: Path, regions: list[str]) -> None:
    """Give each region that has none a stack and a branch at the checkout as it is; what is there stays as it is."""
    there = repository.heads(home)
    missing = [branch for branch in ("main", *(f"region/{region}" for region in regions)) if branch not in there]
    if missing:
        repository.publish(home, checkout, missing)
    initialise_stacks(home, regions)


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-15:])
