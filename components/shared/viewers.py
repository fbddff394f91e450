"""The rights of people who read in a cluster, beyond Kubernetes' own role `view`: all but Secrets.

`view` has objects of namespaces alone: kubernetes.io/docs/reference/access-authn-authz/rbac, "User-facing roles". AWS's policy
AmazonEKSViewPolicy has the same: docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html.
"""

from __future__ import annotations

from typing import Any

RBAC = "rbac.authorization.k8s.io"
VIEWERS = "regions:viewers"
"""The group in the cluster of those who read, and the name of their role."""

_RESOURCES = {
    "": "nodes persistentvolumes",
    "admissionregistration.k8s.io": "*",
    "apiextensions.k8s.io": "customresourcedefinitions",
    "apiregistration.k8s.io": "apiservices",
    "argoproj.io": "*",
    RBAC: "clusterrolebindings clusterroles rolebindings roles",
    "scheduling.k8s.io": "priorityclasses",
    "storage.k8s.io": "csidrivers csinodes storageclasses volumeattachments",
}


def objects() -> list[dict[str, Any]]:
    """The rules, which Kubernetes adds to `view`, and the binding of the group to `view`."""
    return [
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": VIEWERS, "labels": {f"{RBAC}/aggregate-to-view": "true"}},
            "rules": [
                {"apiGroups": [group], "resources": resources.split(), "verbs": ["get", "list", "watch"]}
                for group, resources in _RESOURCES.items()
            ],
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": VIEWERS},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"},
            "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": VIEWERS}],
        },
    ]
