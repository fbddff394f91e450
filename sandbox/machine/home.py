"""A sandbox's folders and files. All are under one folder, which `down` removes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
"""The checkout that this package belongs to."""


@dataclass(frozen=True)
class Home:
    """The folder of one sandbox. Each checkout has its own. SANDBOX_HOME names another."""

    root: Path

    @classmethod
    def current(cls) -> Home:
        """The sandbox of this checkout, or the one that SANDBOX_HOME names."""
        folder = os.environ.get("SANDBOX_HOME")
        if folder:
            return cls(Path(folder).resolve())
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        # A Unix socket's path has at most 107 bytes, hence the short name.
        return cls(state / "regions" / hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8])

    @property
    def socket(self) -> Path:
        """The supervisor's socket. Only this user may open it."""
        return self.root / "supervisor.sock"

    @property
    def state_file(self) -> Path:
        """The supervisor's record of the clusters and their ports."""
        return self.root / "supervisor.json"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.root / "logs"

    @property
    def clusters(self) -> Path:
        """One folder for each cluster: keys, certificates, kubeconfig."""
        return self.root / "clusters"

    @property
    def bin(self) -> Path:
        """The first folder on PATH in `sandbox env`: the toolchain and the simulated exec plugins of the clouds."""
        return self.root / "bin"

    @property
    def pulumi(self) -> Path:
        """PULUMI_HOME: the simulated clouds' plugins and the published Kubernetes one, in the place of downloaded ones."""
        return self.root / "pulumi"

    @property
    def trust(self) -> Path:
        """Certificate authorities in place of public ones."""
        return self.root / "trust"

    @property
    def trust_bundle(self) -> Path:
        """All authorities that the sandbox's programs trust, for SSL_CERT_FILE."""
        return self.trust / "bundle.pem"

    @property
    def backend(self) -> Path:
        """The state backend of the stacks."""
        return self.root / "state"

    def stack_state(self, region: str) -> Path:
        """The state of a region's stack, where Pulumi's file backend keeps it."""
        return self.backend / ".pulumi" / "stacks" / "regions" / f"{region}.json"

    @property
    def passphrase_file(self) -> Path:
        """The passphrase of the stacks' secrets, random for each sandbox."""
        return self.root / "passphrase"

    @property
    def git_host(self) -> Path:
        """The git host's data: the repository, commit statuses, tokens and keys."""
        return self.root / "git"

    @property
    def repository(self) -> Path:
        """The git host's bare repository."""
        return self.git_host / "regions.git"

    @property
    def checkout(self) -> Path:
        """The clone of that repository from which `make demo` runs the program."""
        return self.root / "checkout"

    @property
    def jobs(self) -> Path:
        """One clone for each region, in which CI runs its jobs."""
        return self.root / "jobs"

    @property
    def faults(self) -> Path:
        """Faults of the simulated clouds, as in sandbox/clouds/core/faults.py. The sandbox never writes this file."""
        return self.root / "faults.json"

    @property
    def kubeconfig(self) -> Path:
        """One context for each cluster, named as the region."""
        return self.root / "kubeconfig"
