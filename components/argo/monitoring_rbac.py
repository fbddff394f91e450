"""What monitoring may ask the cluster for. It is the cluster's own, which the region's Argo CD project may not touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

NAMESPACE = "monitoring"
"""The application's name, and so its namespace's."""

_WATCH = ("list", "watch")


@dataclass(frozen=True)
class Rule:
    """Resources of one API group, and what may be done with them."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...] = _WATCH


RIGHTS: dict[str, tuple[Rule, ...]] = {
    # Finds pods and nodes, and reads the nodes' kubelets' metrics: not `nodes/proxy`, which lets one run commands in pods.
    "prometheus": (Rule("", ("nodes", "pods"), ("get", *_WATCH)), Rule("", ("nodes/metrics",), ("get",))),
    # What gitops/apps/monitoring/kube-state-metrics.libsonnet lets it look at: no secret, no config map.
    "kube-state-metrics": (
        Rule("", ("nodes", "persistentvolumeclaims", "pods")),
        Rule("apps", ("daemonsets", "deployments", "statefulsets")),
        Rule("batch", ("cronjobs",)),
    ),
}
"""Service account to its rules."""


def grant(name: str, parent: pulumi.Resource, namespaces: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
    """The cluster roles, and their bindings to the service accounts that gitops/apps/monitoring makes."""
    made: list[pulumi.Resource] = []
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
        made += [role, binding]
    return made
