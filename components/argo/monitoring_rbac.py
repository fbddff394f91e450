"""Monitoring's rights in the cluster: cluster roles, which the region's Argo CD project may not create."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

NAMESPACE = "monitoring"
"""The application's name, and so its namespace's."""

_WATCH = ("list", "watch")


@dataclass(frozen=True)
class RbacRule:
    """Resources of one API group, and the allowed verbs."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...] = _WATCH


RIGHTS: dict[str, tuple[RbacRule, ...]] = {
    # Finds pods and nodes, and reads the kubelets' metrics. Not by `nodes/proxy`, which would allow commands in pods.
    "prometheus": (RbacRule("", ("nodes", "pods"), ("get", *_WATCH)), RbacRule("", ("nodes/metrics",), ("get",))),
    # The resources of gitops/apps/monitoring/kube-state-metrics.libsonnet: no secret, no config map.
    "kube-state-metrics": (
        RbacRule("", ("nodes", "persistentvolumeclaims", "pods")),
        RbacRule("apps", ("daemonsets", "deployments", "statefulsets")),
        RbacRule("batch", ("cronjobs",)),
    ),
}
"""Service account to its rules."""


def grant(name: str, parent: pulumi.Resource, namespaces: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
    """The cluster roles, and their bindings to the service accounts that gitops/apps/monitoring makes."""
    resources: list[pulumi.Resource] = []
    for account, rules in RIGHTS.items():
        role = kubernetes.rbac.v1.ClusterRole(
            f"{name}-{account}",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=f"{NAMESPACE}-{account}"),
            rules=[
                kubernetes.rbac.v1.PolicyRuleArgs(
                    api_groups=[rule.group], resources=list(rule.resources), verbs=list(rule.verbs)
                )
                for rule in rules
            ],
            opts=pulumi.ResourceOptions(parent=parent),
        )
        binding = kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-{account}",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=f"{NAMESPACE}-{account}"),
            role_ref=kubernetes.rbac.v1.RoleRefArgs(
                api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=f"{NAMESPACE}-{account}"
            ),
            subjects=[kubernetes.rbac.v1.SubjectArgs(kind="ServiceAccount", name=account, namespace=NAMESPACE)],
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[role, *namespaces]),
        )
        resources += [role, binding]
    return resources
