"""Calls of the supervisor over its Unix socket: one JSON line for the request, one for the answer.

This module imports only light modules of the standard library. So the simulated exec plugins start in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sandbox.machine.errors import SandboxError


@dataclass(frozen=True)
class ApiServerAccess:
    """The address of a cluster's API server, and the certificate authority (PEM) of its certificate."""

    endpoint: str
    certificate_authority: str


@dataclass(frozen=True)
class NodeSpec:
    """A node as a cloud adds it to a cluster. `cpu` and `memory` are Kubernetes quantities."""

    name: str
    cpu: str
    memory: str
    labels: dict[str, str] = field(default_factory=dict)
    taints: list[dict[str, str]] = field(default_factory=list)


def create_cluster(name: str, version: str) -> ApiServerAccess:
    """Start a control plane and wait until it serves. A second call with the same name returns the same cluster."""
    return ApiServerAccess(**call("create_cluster", name=name, version=version))


def delete_cluster(name: str) -> None:
    """Stop a control plane and delete its data. A missing cluster is no error."""
    call("delete_cluster", name=name)


def set_node_pool(cluster: str, pool: str, nodes: list[NodeSpec]) -> None:
    """Set the nodes of a pool to exactly these."""
    call("set_node_pool", cluster=cluster, pool=pool, nodes=[asdict(node) for node in nodes])


def delete_node_pool(cluster: str, pool: str) -> None:
    """Remove a pool's nodes. A missing pool or cluster is no error."""
    call("delete_node_pool", cluster=cluster, pool=pool)


def token(cluster: str) -> dict[str, str]:
    """A real token for a cluster, by its name or its endpoint: `{"token", "expires"}`, valid for 15 minutes."""
    answer: dict[str, str] = call("token", cluster=cluster)
    return answer


def call(operation: str, socket_path: Path | None = None, **arguments: Any) -> Any:
    """Call the supervisor at a socket, by default the one of SANDBOX_HOME or of this checkout. Returns its result.

    Raises SandboxError with the supervisor's message, or if the supervisor does not run.
    """
    path = socket_path or _socket()
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except OSError as error:
            raise SandboxError(f"the sandbox is not up ({path}: {error.strerror}). Run `regions sandbox up`") from None
        line = b""
        with contextlib.suppress(ConnectionError):
            connection.sendall(json.dumps({"operation": operation, **arguments}).encode() + b"\n")
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                line = stream.readline()
    if not line:
        raise SandboxError(f"the sandbox's supervisor ended during {operation}. See `regions sandbox logs`")
    answer = json.loads(line)
    if "error" in answer:
        raise SandboxError(answer["error"])
    return answer["result"]


def _socket() -> Path:
    folder = os.environ.get("SANDBOX_HOME")
    if folder:
        return Path(folder) / "supervisor.sock"
    from sandbox.machine.home import Home

    return Home.current().socket
