"""The management networks of SIMULATED Azure, as if an administrator had run bootstrap/: regions peer with them.

AWS's need nothing here: a transit gateway that another account shares has no resource in the region's account.
"""

from __future__ import annotations

from collections.abc import Iterable

import fleet
from fleet.management import AzureManagement
from sandbox.clouds.azure import DIALECT
from sandbox.clouds.azure.common import GROUP
from sandbox.clouds.azure.network import VIRTUAL_NETWORK
from sandbox.clouds.core.clusters import SupervisorClusters
from sandbox.clouds.core.crud import Cloud
from sandbox.clouds.core.store import Row, Store


def prepare(store: Store, regions: Iterable[fleet.Region]) -> None:
    """Create the networks that regions name, and that do not exist."""
    for region in regions:
        for network in region.settings.management.azure.values():
            _create(store, network, region.settings)


def _create(store: Store, network: AzureManagement, settings: fleet.RegionSettings) -> None:
    with store.reading() as tx:
        existing = {row.id for row in tx.all()}
    config = {"subscriptionId": network.subscription, "tenantId": network.subscription, "location": "westeurope"}
    cloud = Cloud(DIALECT, store, SupervisorClusters(), config)
    group = {"resourceGroupName": network.resource_group, "location": "westeurope"}
    if f"/subscriptions/{network.subscription}/resourceGroups/{network.resource_group}" not in existing:
        cloud.create(GROUP, group)
    if network.network not in existing:
        space = {"addressPrefixes": [str(network.range)]}
        cloud.create(VIRTUAL_NETWORK, {**group, "virtualNetworkName": network.name, "addressSpace": space})


def is_prepared(row: Row) -> bool:
    """Whether a resource is one of the management networks, or their group."""
    return row.type in (GROUP, VIRTUAL_NETWORK) and "/resourceGroups/regions-management" in row.id
