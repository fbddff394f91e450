"""Doubles for the tests of the simulated clouds: a cloud on an empty store, whose clusters only record their calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.clouds.core.clusters import Access
from sandbox.clouds.core.crud import Cloud, Naming, ResourceState
from sandbox.clouds.core.dialect import Dialect
from sandbox.clouds.core.model import Pace
from sandbox.clouds.core.nodes import Node
from sandbox.clouds.core.store import Store

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
CONFIG: dict[str, dict[str, Any]] = {
    "aws": {
        "region": "eu-west-1",
        "allowedAccountIds": ["123456789012"],
        "defaultTags": {"tags": {"fleet": "test"}},
    },
    "gcp": {"project": "my-project", "region": "europe-west4", "defaultLabels": {"fleet": "test"}},
    "azure-native": {"subscriptionId": SUBSCRIPTION, "tenantId": SUBSCRIPTION, "location": "westeurope"},
    "github": {"owner": "example"},
}


@dataclass(frozen=True)
class FakeAccess:
    """Access to a cluster that does not run."""

    endpoint: str = "https://127.0.0.1:40001"
    certificate_authority: str = "PEM"


@dataclass
class FakeClusters:
    """Replaces the supervisor: records the clusters and pools that the cloud asks for."""

    clusters: dict[str, str] = field(default_factory=dict)
    pools: dict[tuple[str, str], list[Node]] = field(default_factory=dict)
    broken: Exception | None = None

    def create_cluster(self, name: str, version: str) -> FakeAccess:
        """Record the cluster, or fail with `broken`."""
        if self.broken is not None:
            raise self.broken
        self.clusters[name] = version
        return FakeAccess()

    def delete_cluster(self, name: str) -> None:
        """Forget the cluster and its pools."""
        self.clusters.pop(name, None)
        self.pools = {key: nodes for key, nodes in self.pools.items() if key[0] != name}

    def trust(self, access: Access) -> None:
        """No program checks certificates here."""

    def distrust(self, endpoint: str) -> None:
        """No program checks certificates here."""

    def set_node_pool(self, cluster: str, pool: str, nodes: list[Node]) -> None:
        """Record the nodes."""
        self.pools[cluster, pool] = nodes

    def delete_node_pool(self, cluster: str, pool: str) -> None:
        """Forget the nodes."""
        self.pools.pop((cluster, pool), None)


class Account:
    """One provider instance on a cloud, with the calls that the engine would make."""

    def __init__(self, dialect: Dialect, path: Path, config: Mapping[str, Any] | None = None) -> None:
        self.clusters = FakeClusters()
        self.store = Store(path / "clouds.sqlite")
        self.cloud = Cloud(dialect, self.store, self.clusters, CONFIG[dialect.name] | dict(config or {}))

    def make(self, token: str, name: str = "it", /, **inputs: Any) -> ResourceState:
        """Check and create, as `pulumi up` does."""
        checked, errors = self.cloud.check(token, Naming(name), {}, inputs)
        assert errors == []
        resource = self.cloud.create(token, checked, pace=Pace(propagation_seconds=0))
        return ResourceState(resource.id, resource.outputs, checked)

    def reasons(self, token: str, /, **inputs: Any) -> dict[str, str]:
        """Path -> reason of every error in inputs."""
        return {error.path: error.reason for error in self.cloud.check(token, Naming("it"), {}, inputs)[1]}

    def changes(self, token: str, resource: ResourceState, /, **news: Any) -> dict[str, bool]:
        """Path -> whether it replaces, of a change of some inputs. None removes an input."""
        merged = {k: v for k, v in (resource.inputs | news).items() if v is not None}
        checked, errors = self.cloud.check(token, Naming("it"), resource.inputs, merged)
        assert errors == []
        changes, _ = self.cloud.diff(token, resource.inputs, resource.outputs, checked)
        return {change.path: change.replaces for change in changes}

    def update(self, token: str, resource: ResourceState, /, **news: Any) -> ResourceState:
        """Change some inputs, as `pulumi up` does."""
        checked, _ = self.cloud.check(token, Naming("it"), resource.inputs, resource.inputs | news)
        updated = self.cloud.update(token, resource, checked)
        return ResourceState(resource.id, updated.outputs, checked)

    def delete(self, token: str, resource: ResourceState) -> None:
        """Delete, as `pulumi destroy` does."""
        self.cloud.delete(token, resource.id, resource.inputs)

    def existing(self) -> list[str]:
        """The ids of all resources."""
        with self.store.reading() as tx:
            return [row.id for row in tx.all()]
