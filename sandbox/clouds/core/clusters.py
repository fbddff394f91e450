"""Hands the real clusters of the SIMULATED clouds, and their nodes, to the sandbox's supervisor."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Protocol

from sandbox.clouds.core.nodes import Node
from sandbox.machine import supervisor_client, trust
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import Home
from sandbox.provider_sdk.server import ProviderError


class Access(Protocol):
    """How to reach a cluster's API server."""

    @property
    def endpoint(self) -> str:
        """The API server's address, such as `https://127.0.0.1:40001`."""

    @property
    def certificate_authority(self) -> str:
        """PEM text of the certificate authority that signed the API server's certificate."""


class ClusterHost(Protocol):
    """Runs the clusters: the sandbox's supervisor, or a double in tests. All calls may be repeated."""

    def create_cluster(self, name: str, version: str) -> Access:
        """Start a control plane and wait until it answers."""

    def delete_cluster(self, name: str) -> None:
        """Stop a control plane and forget its data."""

    def trust(self, access: Access) -> None:
        """Make every program trust a control plane's certificate, like one of a public authority."""

    def distrust(self, endpoint: str) -> None:
        """End the trust in a control plane's certificate."""

    def set_node_pool(self, cluster: str, pool: str, nodes: list[Node]) -> None:
        """Make the nodes of a pool exactly these."""

    def delete_node_pool(self, cluster: str, pool: str) -> None:
        """Remove a pool's nodes."""


class SupervisorClusters:
    """The clusters of the sandbox's supervisor. The supervisor's errors reach the person at the command line."""

    def create_cluster(self, name: str, version: str) -> Access:
        """Start a control plane and wait until it answers."""
        with _readable_errors():
            return supervisor_client.create_cluster(name, version)

    def delete_cluster(self, name: str) -> None:
        """Stop a control plane and forget its data."""
        with _readable_errors():
            supervisor_client.delete_cluster(name)

    def trust(self, access: Access) -> None:
        """Make every program trust a control plane's certificate, like one of a public authority."""
        trust.add(Home.current(), access.endpoint, access.certificate_authority)

    def distrust(self, endpoint: str) -> None:
        """End the trust in a control plane's certificate."""
        trust.forget(Home.current(), endpoint)

    def set_node_pool(self, cluster: str, pool: str, nodes: list[Node]) -> None:
        """Make the nodes of a pool exactly these."""
        with _readable_errors():
            supervisor_client.set_node_pool(
                cluster, pool, [supervisor_client.NodeSpec(**asdict(node)) for node in nodes]
            )

    def delete_node_pool(self, cluster: str, pool: str) -> None:
        """Remove a pool's nodes."""
        with _readable_errors():
            supervisor_client.delete_node_pool(cluster, pool)


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except SandboxError as error:
        raise ProviderError(str(error)) from error


def encoded_authority(access: Access) -> str:
    """The certificate authority as in the clouds' APIs: base64 of the PEM text."""
    return base64.b64encode(access.certificate_authority.encode()).decode()


def host_and_port(access: Access) -> str:
    """The endpoint without its scheme."""
    return access.endpoint.removeprefix("https://")
