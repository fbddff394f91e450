"""The authorities that the sandbox's programs trust: the machine's own, and those of endpoints with a public certificate.

Google signs the certificate of a GKE cluster's DNS endpoint, so that no kubeconfig names its authority. No public
authority signs a certificate for 127.0.0.1. Here SSL_CERT_FILE, which Go and OpenSSL read, adds the cluster's own authority.
"""

from __future__ import annotations

import fcntl
import hashlib
import ssl
from pathlib import Path

from sandbox.machine.home import Home


def create(home: Home) -> None:
    """Write the bundle, with the machine's own authorities."""
    home.trust.mkdir(exist_ok=True, mode=0o700)
    _write(home)


def add(home: Home, endpoint: str, authority: str) -> None:
    """Trust an endpoint's authority (PEM), until `forget`."""
    _write(home, _file(home, endpoint), authority)


def forget(home: Home, endpoint: str) -> None:
    """Do not trust an endpoint's authority any more."""
    _write(home, _file(home, endpoint), None)


def _file(home: Home, endpoint: str) -> Path:
    return home.trust / f"{hashlib.sha256(endpoint.encode()).hexdigest()[:16]}.crt"


def _write(home: Home, file: Path | None = None, authority: str | None = None) -> None:
    """Write or delete one authority's file, and write the bundle again. Plugins of several stacks do so concurrently."""
    with (home.trust / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file and authority:
            file.write_text(authority)
        elif file:
            file.unlink(missing_ok=True)
        paths = ssl.get_default_verify_paths()
        machine = Path(paths.openssl_cafile)  # not `cafile`, which is this very bundle where SSL_CERT_FILE names it
        own = [machine] if machine.exists() else []
        text = "\n".join(path.read_text() for path in [*own, *sorted(home.trust.glob("*.crt"))])
        scratch = home.trust_bundle.with_suffix(".new")
        scratch.write_text(text)
        scratch.replace(home.trust_bundle)
