"""The program's own git repository, which Argo CD follows."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fleet import FleetError, Problem
from fleet.repository import without_credentials


def url(configured: str | None, checkout: Path) -> str:
    """The repository from the settings, else the remote `origin` of the checkout. Raises FleetError if there is neither."""
    if configured:
        return configured
    # Prints git's own address of the remote, after any `url.<base>.insteadOf`, and the bare name if there is no such remote.
    result = subprocess.run(["git", "ls-remote", "--get-url", "origin"], cwd=checkout, capture_output=True, text=True)
    if result.returncode != 0 or result.stdout.strip() == "origin":
        remedy = "Run `git remote add origin URL`, or set regions:repository in Pulumi.yaml"
        raise FleetError(
            [
                Problem(
                    "Pulumi.yaml",
                    "regions:repository",
                    None,
                    "not set, and the checkout has no remote `origin`",
                    remedy,
                )
            ]
        )
    return without_credentials(result.stdout.strip())
