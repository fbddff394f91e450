"""Regions in a sandbox: bring them up with the real program, and look at what Argo CD makes of them."""

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
    """How far a region is."""

    name: str
    cloud: str
    wave: str
    commit: str = ""
    """The commit that Argo CD has synced to."""
    sync: str = ""
    """Argo CD's word: Synced, OutOfSync or Unknown; empty while there is no Application."""
    health: str = ""
    """Argo CD's word: Healthy, Progressing, Degraded, Missing…"""
    resources: int = 0
    """Resources in the Pulumi stack."""
    seconds: float = 0.0
    """To the last commit: from `pulumi up` to Synced and Healthy, or in a rollout from the wave's move to the last receipt."""
    message: str = ""
    """Argo CD's explanation where it has one."""

    def arrived(self, commit: str) -> bool:
        """Whether the region runs this commit and is well."""
        return self.commit == commit and self.sync == "Synced" and self.health == "Healthy"

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return asdict(self)


def pulumi(home: Home, checkout: Path, *arguments: str) -> str:
    """Run `pulumi` without questions. Returns what it printed; raises SandboxError with all of it if it fails."""
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    result = lifecycle.run(home, command, checkout, capture_output=True)
    if result.returncode != 0:
        raise SandboxError(f"`{' '.join(command)}` failed with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return str(result.stdout)


def up(home: Home, checkout: Path, region: str) -> int:
    """`pulumi up` of one region. Returns the number of resources in the stack."""
    pulumi(home, checkout, "up", "--yes", "--skip-preview", "--suppress-progress", "-s", region)
    return resources(home, region)


def resources(home: Home, region: str) -> int:
    """How many resources the stack's state holds."""
    state = json.loads(home.stack_state(region).read_text())
    return len((state.get("checkpoint", {}).get("latest") or {}).get("resources") or [])


def kubectl(home: Home, region: str, *arguments: str, check: bool = True) -> str:
    """Run kubectl in a region as its administrator. Returns what it printed."""
    command = [str(home.bin / "kubectl"), "--kubeconfig", str(home.kubeconfig), "--context", region, *arguments]
    result = lifecycle.run(home, command, home.root, capture_output=True)
    if check and result.returncode != 0:
        raise SandboxError(f"`kubectl {' '.join(arguments)}` in {region} failed: {result.stderr.strip()}")
    return str(result.stdout)


def observe(home: Home, state: DeployedRegion) -> DeployedRegion:
    """Bring the part of a state that Argo CD knows up to date."""
    output = kubectl(home, state.name, "get", "application", state.name, "-n", "argocd", "-o", "json", check=False)
    status = json.loads(output).get("status", {}) if output.strip() else {}
    sync = status.get("sync", {})
    state.commit, state.sync = sync.get("revision", ""), sync.get("status", "")
    state.health = status.get("health", {}).get("status", "")
    conditions = [condition["message"] for condition in status.get("conditions", [])]
    state.message = "; ".join(conditions) or status.get("operationState", {}).get("message", "")
    return state


def wait(home: Home, state: DeployedRegion, commit: str, timeout: float) -> DeployedRegion:
    """Wait until a region runs a commit and is well, at most `timeout` seconds; the state tells whether it does."""
    deadline = time.monotonic() + timeout
    while not observe(home, state).arrived(commit) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return state
