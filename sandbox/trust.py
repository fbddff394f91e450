"""What the sandbox's programs trust: the machine's own authorities, and those of endpoints with a public certificate.

Google signs the certificate of a GKE cluster's DNS endpoint, so that no kubeconfig names its authority. Nobody signs one for
127.0.0.1: here the cluster's own authority is trusted instead, by SSL_CERT_FILE, which Go and OpenSSL read.
"""

from __future__ import annotations

import fcntl
import hashlib
import ssl
from pathlib import Path

from sandbox.home import Home


def create(home: Home) -> None:
    """Lay the bundle out, with the machine's own authorities."""
    home.trust.mkdir(exist_ok=True, mode=0o700)
    _write(home)


def add(home: Home, endpoint: str, authority: str) -> None:
    """Trust an endpoint's authority (PEM), until it is forgotten."""
    _file(home, endpoint).write_text(authority)
    _write(home)


def forget(home: Home, endpoint: str) -> None:
    """Trust it no longer."""
    _file(home, endpoint).unlink(missing_ok=True)
    _write(home)


def _file(home: Home, endpoint: str) -> Path:
    return home.trust / f"{hashlib.sha256(endpoint.encode()).hexdigest()[:16]}.crt"


def _write(home: Home) -> None:
    with (home.trust / "lock").open("w") as lock:  # plugins of several stacks write it
        fcntl.flock(lock, fcntl.LOCK_EX)
        paths = ssl.get_default_verify_paths()
        machine = Path(paths.openssl_cafile)  # not `cafile`, which is this very bundle where SSL_CERT_FILE names it
        own = [machine] if machine.exists() else []
        text = "\n".join(path.read_text() for path in [*own, *sorted(home.trust.glob("*.crt"))])
        scratch = home.trust_bundle.with_suffix(".new")
        scratch.write_text(text)
        scratch.replace(home.trust_bundle)
