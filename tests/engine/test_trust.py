"""Endpoints whose certificate is public in the clouds are trusted without a kubeconfig that names their authority."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from sandbox.machine import trust
from sandbox.machine.home import Home
from sandbox.supervisor import pki


def _served(folder: Path) -> int:
    """A TLS server with the certificate of a cluster, for one connection. Returns its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as plain:
            try:
                context.wrap_socket(plain, server_side=True).close()
            except (ssl.SSLError, OSError):
                return  # the client went away, since it trusts no authority

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def _trusted(home: Home, folder: Path) -> bool:
    context = ssl.create_default_context(cafile=str(home.trust_bundle))
    try:
        with (
            socket.create_connection(("127.0.0.1", _served(folder))) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1"),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return False


def test_several_endpoints_are_trusted_at_once_and_no_longer_than_they_are_there(tmp_path: Path) -> None:
    home = Home(tmp_path)
    trust.create(home)
    clusters = [tmp_path / "one", tmp_path / "two"]
    for folder in clusters:
        pki.create(folder, "10.0.0.1")
        assert not _trusted(home, folder)
        trust.add(home, f"https://{folder.name}", (folder / "ca.crt").read_text())
    assert all(_trusted(home, folder) for folder in clusters)
    trust.forget(home, "https://one")
    assert [_trusted(home, folder) for folder in clusters] == [False, True]


def test_the_machines_own_authorities_stay_trusted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    machine = Path(ssl.get_default_verify_paths().openssl_cafile)
    if not machine.exists():
        pytest.skip("this machine trusts no authority")
    trust.create(home)
    assert machine.read_text() in home.trust_bundle.read_text()
