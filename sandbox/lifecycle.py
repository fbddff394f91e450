"""Starts and ends a sandbox, and runs commands in it."""

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

import fleet
from sandbox.clouds import management
from sandbox.clouds.core.store import open_store
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
    """Start the supervisor with the clusters of the last run. Does nothing if the supervisor runs already."""
    if sys.platform == "darwin":
        print(
            "note: on macOS a killed supervisor leaves its processes behind. End it with `down`",
            file=sys.stderr,
        )
    prepare(home, binaries)
    management.prepare(open_store(home), fleet.read(CHECKOUT).regions.values())
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
                raise SandboxError(f"the supervisor ended at once. See {log.name}:\n{_tail(Path(log.name))}")
            if time.monotonic() > deadline:
                raise SandboxError(f"the supervisor was not ready after {_START_SECONDS:.0f} s. See {log.name}")
            time.sleep(0.05)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def stop(home: Home) -> None:
    """End every process of the sandbox. The data stays, and `up` continues with it."""
    try:
        pid = supervisor_client.call("status", home.socket)["pid"]
    except SandboxError:
        return
    with contextlib.suppress(SandboxError):  # the supervisor may end before it answers
        supervisor_client.call("shutdown", home.socket)
    try:
        psutil.Process(pid).wait(_STOP_SECONDS)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # its children die with it


def down(home: Home) -> None:
    """End every process and delete the sandbox's data. Raises SandboxError for a file that cannot be deleted."""
    stop(home)
    remove_salts(home, CHECKOUT)
    try:
        remove_tree(home.root)
    except OSError as error:
        raise SandboxError(
            f"{error.filename or home.root} cannot be deleted: {error.strerror}. Run it again"
        ) from error


def status(home: Home) -> dict[str, Any]:
    """The clusters and processes. Raises SandboxError if the supervisor does not run."""
    answer: dict[str, Any] = supervisor_client.call("status", home.socket)
    return answer


def run(home: Home, command: list[str], checkout: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in the sandbox's environment. Keywords go to subprocess.run."""
    env = {**os.environ, **variables(home, checkout)}
    return subprocess.run(command, cwd=checkout, env=env, text=True, **options)


def start(home: Home, command: list[str], checkout: Path, log: BinaryIO) -> subprocess.Popen[str]:
    """Start a command in the sandbox's environment without waiting for its end."""
    env = {**os.environ, **variables(home, checkout)}
    return subprocess.Popen(command, cwd=checkout, env=env, text=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def clean_up_when_terminated() -> None:
    """Let SIGTERM, as CI sends it, end this process like Ctrl-C: it cancels updates and cleans up. Exit code 143."""

    def end(number: int, frame: object) -> None:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if child.name() == "pulumi":
                    child.send_signal(signal.SIGINT)
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def initialise_stacks(home: Home, regions: list[str]) -> None:
    """Create a Pulumi stack for each region that has none, without a change to the checkout.

    `pulumi stack init` writes a salt into the stack file. Here it writes into a scratch copy. The state has the salt.
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
    """Remove the salts of this sandbox's stacks, and no others, from the stack files."""
    states = home.backend.glob(".pulumi/stacks/*/*.json")
    salts = {salt for path in states for salt in re.findall(r'"salt":\s*"([^"]+)"', path.read_text())}
    for path in [*checkout.glob("stacks/Pulumi.*.yaml"), *checkout.glob("bootstrap/Pulumi.*.yaml")]:
        lines = path.read_text().splitlines(keepends=True)
        unsalted = [line for line in lines if not any(line.strip() == f"encryptionsalt: {salt}" for salt in salts)]
        if unsalted != lines:
            path.write_text("".join(unsalted))


def publish(home: Home, checkout: Path, regions: list[str]) -> str:
    """Push the checkout to the git host's main and to the branches of these regions. Returns the commit."""
    return repository.publish(home, checkout, ["main", *(f"region/{region}" for region in regions)])


def clone(home: Home) -> Path:
    """The sandbox's own clone of the git host's main, ready to run the program in."""
    checkout = repository.clone(home)
    # The program's virtual environment has a path relative to the checkout, and is not in git.
    if not (checkout / ".venv").exists():
        (checkout / ".venv").symlink_to(CHECKOUT / ".venv")
    return checkout


def run_ci(home: Home, on: bool = True) -> None:
    """Turn the git host's CI on or off. When on, it runs a job for each region whose branch moves. Off by default."""
    supervisor_client.call("run_ci", home.socket, on=on)


def seed(home: Home, checkout: Path, regions: list[str]) -> None:
    """Create a missing stack and a missing branch, at the checkout as it is, for each region."""
    heads = repository.heads(home)
    missing = [branch for branch in ("main", *(f"region/{region}" for region in regions)) if branch not in heads]
    if missing:
        repository.publish(home, checkout, missing)
    initialise_stacks(home, regions)


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-15:])
