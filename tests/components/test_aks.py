"""A region on Azure is built and taken apart in an order that Azure accepts."""

from __future__ import annotations

import re
from datetime import time
from itertools import pairwise

import pytest

from components.azure.nodes import pool_name
from fleet.sizes import AKS_SYSTEM_MACHINE, CPUS
from tests.components.recording import FLEET, Registered, recorded

PRODUCTION = "prod-azure-westeurope"
EVERY = ("staging-azure-eastus", PRODUCTION)
CLUSTER = "azure-native:containerservice:ManagedCluster"
POOL = "azure-native:containerservice:AgentPool"
EXTENSION = "azure-native:kubernetesconfiguration:Extension"
ACCESS = "azure-native:containerservice:TrustedAccessRoleBinding"
WINDOW = "azure-native:containerservice:MaintenanceConfiguration"
GRANT = "azure-native:authorization:RoleAssignment"
WORKSPACE = "azure-native:operationalinsights:Workspace"
KEPT = {
    "azure-native:resources:ResourceGroup",
    "azure-native:storage:StorageAccount",
    "azure-native:storage:BlobContainer",
    "azure-native:dataprotection:BackupVault",
    "azure-native:dataprotection:BackupPolicy",
    "azure-native:dataprotection:BackupInstance",
    GRANT,
}
"""All that a restore from a backup of a region that is gone needs."""


def before(resource: Registered, resources: dict[str, Registered]) -> set[str]:
    """The URNs of all that is there before a resource. A child comes after its component, which is not created in the cloud."""
    found: set[str] = set()
    queue = [*resource.dependencies, resource.parent]
    while queue:
        urn = queue.pop()
        if urn in resources and urn not in found:
            found.add(urn)
            queue += [*resources[urn].dependencies, resources[urn].parent]
    return found


@pytest.mark.parametrize("name", EVERY)
def test_each_operation_on_the_cluster_waits_for_the_one_before_it(name: str) -> None:
    resources = {resource.urn: resource for resource in recorded(name).resources}
    kinds = (CLUSTER, POOL, EXTENSION, ACCESS, WINDOW)
    operations = [resource for resource in resources.values() if resource.type in kinds]
    assert len(operations) == (8 if name == PRODUCTION else 6)
    for earlier, later in pairwise(operations):
        assert earlier.urn in before(later, resources), f"{later.name} may overlap {earlier.name}"


@pytest.mark.parametrize("name", EVERY)
def test_something_slow_lies_between_a_role_and_the_cluster_that_needs_it(name: str) -> None:
    resources = {resource.urn: resource for resource in recorded(name).resources}
    workspace = next(resource for resource in resources.values() if resource.type == WORKSPACE)
    roles = {
        resource.urn for resource in resources.values() if resource.name.endswith(("-etcd-key", "-network", "-dns"))
    }
    assert len(roles) == 3
    assert roles <= before(workspace, resources)
    assert workspace.urn in before(recorded(name).of(CLUSTER)[0], resources)


def test_the_backups_of_a_region_outlive_it() -> None:
    region = recorded(PRODUCTION)
    retained = [resource for resource in region.resources if resource.retained]
    assert {resource.type for resource in retained} == KEPT
    assert [grant.name for grant in retained if grant.type == GRANT] == [f"{PRODUCTION}-backup-vault-snapshots"]


def test_the_next_region_of_the_name_does_not_meet_what_is_kept() -> None:
    names = {"vaultName", "resourceGroupName", "accountName", "roleAssignmentName"}
    for kind in ("keyvault:Vault", "storage:StorageAccount", "authorization:RoleAssignment"):
        for resource in recorded(PRODUCTION).of(f"azure-native:{kind}"):
            assert names & set(resource.inputs) <= {"resourceGroupName"}, f"{resource.name} has a fixed name"
    groups = recorded(PRODUCTION).of("azure-native:resources:ResourceGroup")
    assert [group.name for group in groups if "resourceGroupName" not in group.inputs] == [f"{PRODUCTION}-backup"]


@pytest.mark.parametrize("name", EVERY)
def test_the_system_pool_has_four_cpus_in_a_region_of_any_size(name: str) -> None:
    (system,) = recorded(name).one(CLUSTER)["agentPoolProfiles"]
    assert system["vmSize"] == AKS_SYSTEM_MACHINE
    assert CPUS[AKS_SYSTEM_MACHINE] >= 4


@pytest.mark.parametrize(("name", "day"), [(EVERY[0], "Monday"), (PRODUCTION, "Thursday")])
def test_azure_changes_a_cluster_on_the_day_of_its_wave(name: str, day: str) -> None:
    assert FLEET.regions[name].wave.maintenance_day == day[:3].lower()
    for window in recorded(name).of(WINDOW):
        when = window.inputs["maintenanceWindow"]
        assert when["schedule"] == {"weekly": {"dayOfWeek": day, "intervalWeeks": 1}}
        assert (time.fromisoformat(when["startTime"]), when["durationHours"]) == (time(3), 12)


def test_new_machines_come_in_a_pool_of_another_name_before_the_old_ones_go() -> None:
    machines = ("Standard_D2s_v5", "Standard_D8s_v5")
    old, new = ({pool_name("general", machine, zone) for zone in "123"} for machine in machines)
    assert not old & new


def test_agent_pools_have_names_that_azure_takes_and_that_differ() -> None:
    pools = [
        pool_name(pool, "Standard_D8s_v5", zone) for pool in ("a", "abcdefghijkl", "abcdefghijkm") for zone in "123"
    ]
    assert len(set(pools)) == len(pools)
    assert all(re.fullmatch(r"[a-z][a-z0-9]{0,11}", name) for name in pools)
