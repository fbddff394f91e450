"""Access of Google groups to a region's cluster on Google Cloud: in IAM to find it, in the cluster's RBAC to act in it."""

from __future__ import annotations

from typing import Any

import pulumi_gcp as gcp

from components.shared.cluster import ChildOptions
from fleet import Region
from fleet.settings import ClusterAccess

RBAC = "rbac.authorization.k8s.io"


def group_of_groups(access: ClusterAccess) -> gcp.container.ClusterAuthenticatorGroupsConfigArgs | None:
    """The one group, of a fixed name, that GKE demands around the groups in RBAC. None if the settings name no group.

    Source: cloud.google.com/kubernetes-engine/docs/how-to/google-groups-rbac.
    """
    if not access.principals:
        return None
    domain = access.principals[0].partition("@")[2]
    return gcp.container.ClusterAuthenticatorGroupsConfigArgs(security_group=f"gke-security-groups@{domain}")


def grant_sign_in(region: Region, project: str, options: ChildOptions) -> None:
    """Let the settings' groups find the cluster and sign in. The cluster's own RBAC grants all other rights."""
    cluster = f"projects/{project}/locations/{region.settings.location}/clusters/{region.name}"
    for group in region.settings.cluster_access.principals:
        gcp.projects.IAMMember(
            f"{region.name}-{group.partition('@')[0]}",
            project=project,
            role="roles/container.clusterViewer",
            member=f"group:{group}",
            # For this cluster alone. The binding is the region's own, so that the end of another region does not delete it.
            condition=gcp.projects.IAMMemberConditionArgs(
                title=region.name, expression=f'resource.name == "{cluster}"'
            ),
            opts=options.default(),
        )


def role_bindings(access: ClusterAccess) -> list[dict[str, Any]]:
    """The groups' rights inside of the cluster, as Kubernetes objects."""
    return [
        *(role_binding(group, "cluster-admin") for group in access.admins),
        *(role_binding(group, "view") for group in access.viewers),
    ]


def role_binding(group: str, role: str) -> dict[str, Any]:
    """A Google group's right in the cluster. Google Cloud leaves these rights to the cluster's own RBAC."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"regions:{role}:{group}"},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": group}],
    }
