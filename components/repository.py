"""The git repository that the program lives in, which Argo CD follows."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fleet import FleetError, Problem
from fleet.repository import SCP_FORM


def url(configured: str | None, checkout: Path) -> str:
    """The repository from the settings, else the remote `origin` of the checkout. Raises FleetError if there is neither."""
    if configured:
        return configured
    # Answers with what git itself would ask, after any `url.<base>.insteadOf`; with the bare name if there is no such remote.
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


def without_credentials(remote: str) -> str:
    """A remote's address as Argo CD may have it: no password or token in it, and a path as a file:// URL.

    >>> without_credentials("https://user:token@git.example.com/a/b.git")
    'https://git.example.com/a/b.git'
    """
    if "://" not in remote:
        scp = SCP_FORM.match(remote)
        if scp:
            return f"ssh://{scp['user'] or ''}{scp['host']}/{scp['path']}"
        return f"file://{Path(remote).resolve()}"
    scheme, _, rest = remote.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    keep_user = scheme == "ssh" and at
    return f"{scheme}://{user.partition(':')[0] + '@' if keep_user else ''}{host}{slash}{path}"
