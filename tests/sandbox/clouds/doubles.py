"""Stand-ins for the tests of the simulated clouds: a cloud on an empty store, whose clusters only take notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.clouds.core.clusters import Access
from sandbox.clouds.core.crud import Cloud, Made
from sandbox.clouds.core.dialect import Flavour
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
    """Takes the supervisor's place: keeps what it was asked for."""

    clusters: dict[str, str] = field(default_factory=dict)
    pools: dict[tuple[str, str], list[Node]] = field(default_factory=dict)
    broken: Exception | None = None

    def create_cluster(self, name: str, version: str) -> FakeAccess:
        """Note the cluster, or fail as told."""
        if self.broken is not None:
            raise self.broken
        self.clusters[name] = version
        return FakeAccess()

    def delete_cluster(self, name: str) -> None:
        """Forget the cluster and its pools."""
        self.clusters.pop(name, None)
        self.pools = {key: nodes for key, nodes in self.pools.items() if key[0] != name}

    def trust(self, access: Access) -> None:
        """Nobody looks at certificates here."""

    def distrust(self, endpoint: str) -> None:
        """Likewise."""

    def set_node_pool(self, cluster: str, pool: str, nodes: list[Node]) -> None:
        """Note the nodes."""
        self.pools[cluster, pool] = nodes

    def delete_node_pool(self, cluster: str, pool: str) -> None:
        """Forget the nodes."""
        self.pools.pop((cluster, pool), None)


class Account:
    """One provider instance on a cloud, with the calls that the engine would make."""

    def __init__(self, flavour: Flavour, path: Path, config: Mapping[str, Any] | None = None) -> None:
        self.clusters = FakeClusters()
        self.store = Store(path / "clouds.sqlite")
        self.cloud = Cloud(flavour, self.store, self.clusters, CONFIG[flavour.name] | dict(config or {}))

    def make(self, token: str, name: str = "it", /, **inputs: Any) -> Made:
        """Check and create, as `pulumi up` does."""
        checked, problems = self.cloud.check(token, name, {}, inputs)
        assert problems == []
        made = self.cloud.create(token, checked)
        return Made(made.id, made.outputs, checked)

    def reasons(self, token: str, /, **inputs: Any) -> dict[str, str]:
        """Path -> reason of all that is wrong with inputs."""
        return {p.path: p.reason for p in self.cloud.check(token, "it", {}, inputs)[1]}

    def changes(self, token: str, made: Made, /, **news: Any) -> dict[str, bool]:
        """Path -> whether it replaces, of a change of some inputs; None removes one."""
        merged = {k: v for k, v in (made.inputs | news).items() if v is not None}
        checked, problems = self.cloud.check(token, "it", made.inputs, merged)
        assert problems == []
        found, _ = self.cloud.diff(token, made.inputs, made.outputs, checked)
        return {change.path: change.replaces for change in found}

    def update(self, token: str, made: Made, /, **news: Any) -> Made:
        """Change some inputs, as `pulumi up` does."""
        checked, _ = self.cloud.check(token, "it", made.inputs, made.inputs | news)
        updated = self.cloud.update(token, made.id, made.inputs, made.outputs, checked)
        return Made(made.id, updated.outputs, checked)

    def delete(self, token: str, made: Made) -> None:
        """Delete, as `pulumi destroy` does."""
        self.cloud.delete(token, made.id, made.inputs)

    def existing(self) -> list[str]:
        """The ids of all that exists."""
        with self.store.reading() as tx:
            return [row.id for row in tx.all()]
