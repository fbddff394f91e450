"""Access to a region's cluster on Azure: roles of the cluster's own identity, and roles of Entra groups at the cluster."""

from __future__ import annotations

import pulumi
import pulumi_azure_native as azure

from components.azure.network import AzureNetwork
from components.azure.role_assignments import grant
from components.shared.cluster import ChildOptions
from fleet import Region
from fleet.settings import ClusterAccess

ADMIN_ROLE = "Azure Kubernetes Service RBAC Cluster Admin"
VIEWER_ROLE = "Azure Kubernetes Service RBAC Reader"
KUBECONFIG_ROLE = "Azure Kubernetes Service Cluster User Role"


def cluster_identity(
    region: Region, group: azure.resources.ResourceGroup, options: ChildOptions
) -> azure.managedidentity.UserAssignedIdentity:
    """The identity that AKS acts with in the subscription."""
    return azure.managedidentity.UserAssignedIdentity(
        region.name,
        resource_name_=f"{region.name}-cluster",
        resource_group_name=group.name,
        tags=region.tags,
        opts=options.default(),
    )


def grant_key_role(
    region: Region,
    identity: azure.managedidentity.UserAssignedIdentity,
    vault: azure.keyvault.Vault,
    options: ChildOptions,
) -> azure.authorization.RoleAssignment:
    """The use of the key for etcd. The network waits for this role, so that Azure knows of it when AKS checks it.

    Azure takes up to ten minutes to know of an assignment, and neither the provider nor AKS waits. The network and the
    workspace take about two. In the rare case that they were too fast, the next update creates the cluster.
    Source: learn.microsoft.com/azure/role-based-access-control/troubleshooting, and MicrosoftDocs/azure-docs 98954.
    """
    return _grant(region, identity, "etcd-key", "Key Vault Crypto User", vault.id, options)


def grant_network_roles(
    region: Region,
    identity: azure.managedidentity.UserAssignedIdentity,
    network: AzureNetwork,
    options: ChildOptions,
) -> list[azure.authorization.RoleAssignment]:
    """The use of the private zone, and of the network for both subnets. The workspace waits for them, for the same reason."""
    roles = [("network", "Network Contributor", network.vnet_id)]
    if network.zone:
        roles.append(("dns", "Private DNS Zone Contributor", network.zone.id))
    return [_grant(region, identity, purpose, role, scope, options) for purpose, role, scope in roles]


def _grant(
    region: Region,
    identity: azure.managedidentity.UserAssignedIdentity,
    purpose: str,
    role: str,
    scope: pulumi.Input[str],
    options: ChildOptions,
) -> azure.authorization.RoleAssignment:
    """A role of the cluster's identity. AKS demands it before it creates the cluster."""
    return grant(f"{region.name}-{purpose}", role, scope, identity.principal_id, "ServicePrincipal", options)


def grant_group_roles(
    region: Region, deploy_group: str, cluster: azure.containerservice.ManagedCluster, options: ChildOptions
) -> list[azure.authorization.RoleAssignment]:
    """The roles of Entra groups at the cluster. No other principal has one."""
    return [
        grant(f"{region.name}-{title}", role, cluster.id, pulumi.Output.from_input(group), "Group", options)
        for title, group, role in group_roles(deploy_group, region.settings.cluster_access)
    ]


def group_roles(deploy_group: str, access: ClusterAccess) -> list[tuple[str, str, str]]:
    """Title, Entra group and role of each assignment: the group that builds the region, then the settings' groups."""
    roles = [("admin", deploy_group, ADMIN_ROLE)]
    for kind, groups, role in (("admin", access.admins, ADMIN_ROLE), ("viewer", access.viewers, VIEWER_ROLE)):
        for group in groups:
            roles.append((f"{kind}-{group}", group, role))
            roles.append((f"kubeconfig-{group}", group, KUBECONFIG_ROLE))
    return roles
