"""Patches by the SIMULATED Google Cloud: a release channel's later patch, taken without any call of the program."""

from __future__ import annotations

from sandbox.clouds.core import property_paths
from sandbox.clouds.core.store import Row, Store, Transaction
from sandbox.clouds.gcp.node_pools import CLUSTER, NODE_POOL

PATCH = "-gke.2002000"


def patch_clusters(store: Store) -> None:
    """Move each control plane to a later patch, and its node pools unless a maintenance exclusion holds them.

    Source: cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions, the scopes of exclusions.
    """
    with store.transaction() as tx:
        for cluster in tx.of_type(CLUSTER, ""):
            scopes = property_paths.get_all(
                cluster.inputs, "maintenancePolicy.maintenanceExclusions.exclusionOptions.scope"
            )
            later = str(cluster.outputs["masterVersion"]).partition("-")[0] + PATCH
            _move(tx, cluster, "masterVersion", later)
            if not {"NO_MINOR_OR_NODE_UPGRADES", "NO_UPGRADES"} & set(scopes):
                for pool, path in tx.holders(cluster.uid):
                    if (pool.type, path) == (NODE_POOL, "cluster"):
                        _move(tx, pool, "version", later)


def _move(tx: Transaction, row: Row, output: str, version: str) -> None:
    inputs = {**row.inputs, output: version} if output in row.inputs else row.inputs
    tx.save(row.uid, inputs, {**row.outputs, output: version}, row.usable_from)
