"""Regions in a sandbox: bring them up with the real program, and read Argo CD's state of them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sandbox import lifecycle
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import Home

POLL_SECONDS = 0.5


@dataclass
class DeployedRegion:
    """The state of a region."""

    name: str
    cloud: str
    wave: str
    commit: str = ""
    """The commit that Argo CD has synced to."""
    sync: str = ""
    """Argo CD's sync status: Synced, OutOfSync or Unknown. Empty while there is no Application."""
    health: str = ""
    """Argo CD's health status: Healthy, Progressing, Degraded, Missing…"""
    resources: int = 0
    """Resources in the Pulumi stack."""
    seconds: float = 0.0
    """After `pulumi up`, the time until Synced and Healthy. In a rollout, the time from the wave's move to the last receipt."""
    message: str = ""
    """Argo CD's explanation, if any."""

    def arrived(self, commit: str) -> bool:
        """Whether the region runs this commit, Synced and Healthy."""
        return self.commit == commit and self.sync == "Synced" and self.health == "Healthy"

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return asdict(self)


def pulumi(home: Home, checkout: Path, *arguments: str) -> str:
    """Run `pulumi` without questions. Returns its output. Raises SandboxError with the output of a failure.

    Pulumi runs at a lower priority than the regions' own processes: a gate measures the latency of a region's service.
    """
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    result = lifecycle.run(home, ["nice", *command], checkout, capture_output=True)
    if result.returncode != 0:
        raise SandboxError(f"`{' '.join(command)}` failed with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return str(result.stdout)


def up(home: Home, checkout: Path, region: str) -> int:
    """`pulumi up` of one region. Returns the number of resources in the stack."""
    pulumi(home, checkout, "up", "--yes", "--skip-preview", "--suppress-progress", "-s", region)
    return resources(home, region)


def resources(home: Home, region: str) -> int:
    """The number of resources in the stack's state."""
    state = json.loads(home.stack_state(region).read_text())
    return len((state.get("checkpoint", {}).get("latest") or {}).get("resources") or [])


def kubectl(home: Home, region: str, *arguments: str, check: bool = True) -> str:
    """Run kubectl in a region as its administrator. Returns its output."""
    command = [str(home.bin / "kubectl"), "--kubeconfig", str(home.kubeconfig), "--context", region, *arguments]
    result = lifecycle.run(home, command, home.root, capture_output=True)
    if check and result.returncode != 0:
        raise SandboxError(f"`kubectl {' '.join(arguments)}` in {region} failed: {result.stderr.strip()}")
    return str(result.stdout)


def observe(home: Home, state: DeployedRegion) -> DeployedRegion:
    """Update the part of a state that comes from Argo CD."""
    output = kubectl(home, state.name, "get", "application", state.name, "-n", "argocd", "-o", "json", check=False)
    status = json.loads(output).get("status", {}) if output.strip() else {}
    sync = status.get("sync", {})
    state.commit, state.sync = sync.get("revision", ""), sync.get("status", "")
    state.health = status.get("health", {}).get("status", "")
    conditions = [condition["message"] for condition in status.get("conditions", [])]
    state.message = "; ".join(conditions) or status.get("operationState", {}).get("message", "")
    return state


def wait(home: Home, state: DeployedRegion, commit: str, timeout: float) -> DeployedRegion:
    """Wait until a region has arrived at a commit, for at most `timeout` seconds. The state shows whether it has."""
    deadline = time.monotonic() + timeout
    while not observe(home, state).arrived(commit) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return state
