"""Tries the way from this machine to a cluster's API server, step by step: name, TCP, TLS."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 5
"""The longest wait for each step. A packet without a path gets no answer."""


class UnreachableError(Exception):
    """A step fails. The text names the step and the address."""


def reach(endpoint: str) -> str:
    """Try an endpoint, `https://HOST[:PORT]`. Returns its address. Raises UnreachableError."""
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "", parts.port or 443
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        raise UnreachableError(f"name {host}: {error.strerror or error}") from error
    place = f"{address}:{port}"
    try:
        with socket.create_connection((str(address), port), TIMEOUT_SECONDS) as connection:
            connection.settimeout(TIMEOUT_SECONDS)
            # The kubeconfig checks the certificate. Here any server that speaks TLS will do.
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            try:
                context.wrap_socket(connection, server_hostname=host).close()
            except OSError as error:
                raise UnreachableError(f"TLS {place}: {error.strerror or error}") from error
    except OSError as error:
        raise UnreachableError(f"TCP {place}: {error.strerror or error}") from error
    return place
