"""The Kubernetes project's cluster autoscaler, which moves the size of node groups on AWS. GKE and AKS have it built in.

Source of its rights in the cluster and in AWS, and of its flags: kubernetes/autoscaler,
cluster-autoscaler/cloudprovider/aws/README.md.
"""

from __future__ import annotations

from typing import Any

import pulumi_aws as aws

from components.aws.iam import pod_role
from components.shared.cluster import ChildOptions

NAME, NAMESPACE = "cluster-autoscaler", "kube-system"
RBAC = "rbac.authorization.k8s.io"
IMAGE = "registry.k8s.io/autoscaling/cluster-autoscaler"
READS = [
    *("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances"),
    *("autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags"),
    *("ec2:DescribeImages", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplateVersions"),
    *("ec2:GetInstanceTypesFromInstanceRequirements", "eks:DescribeNodegroup"),
]
WRITES = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]


def grant_role(
    name: str, cluster: aws.eks.Cluster, boundary: str, options: ChildOptions
) -> aws.eks.PodIdentityAssociation:
    """The autoscaler's rights in AWS: it reads all groups, and moves those of its own cluster, which EKS tags so."""
    owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{name}": "owned"}}
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": READS, "Resource": "*"},
        {"Effect": "Allow", "Action": WRITES, "Resource": "*", "Condition": owned},
    ]
    return pod_role(f"{name}-autoscaler", cluster, NAME, boundary, options, statements=statements)


def manifests(cluster: str, location: str, version: str) -> list[dict[str, Any]]:
    """The autoscaler in the cluster. `version` is its release, of the cluster's minor version."""
    metadata = {"name": NAME, "labels": {"app.kubernetes.io/name": NAME}}
    namespaced = {**metadata, "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": namespaced},
        *_role("ClusterRole", metadata, CLUSTER_RULES),
        *_role("Role", namespaced, NAMESPACE_RULES),
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": namespaced,
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": metadata["labels"]},
                "template": {"metadata": {"labels": metadata["labels"]}, "spec": _pod(cluster, location, version)},
            },
        },
    ]


def _role(kind: str, metadata: dict[str, Any], rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A role, and its binding to the autoscaler's service account."""
    api_version = f"{RBAC}/v1"
    return [
        {"apiVersion": api_version, "kind": kind, "metadata": metadata, "rules": rules},
        {
            "apiVersion": api_version,
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": kind, "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        },
    ]


def _pod(cluster: str, location: str, version: str) -> dict[str, Any]:
    tags = f"k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/{cluster}"
    return {
        "serviceAccountName": NAME,
        "priorityClassName": "system-cluster-critical",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": NAME,
                "image": f"{IMAGE}:{version}",
                "command": [
                    "./cluster-autoscaler",
                    "--cloud-provider=aws",
                    f"--node-group-auto-discovery=asg:tag={tags}",
                    "--balance-similar-node-groups",
                    "--expander=least-waste",
                    "--skip-nodes-with-local-storage=false",
                ],
                # Without it the autoscaler asks the machine's metadata, which pods cannot reach.
                "env": [{"name": "AWS_REGION", "value": location}],
                "resources": {"requests": {"cpu": "100m", "memory": "600Mi"}, "limits": {"memory": "600Mi"}},
                "livenessProbe": {"httpGet": {"path": "/health-check", "port": 8085}, "initialDelaySeconds": 60},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def _rule(group: str, resources: str, verbs: str, *names: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return {**rule, "resourceNames": list(names)} if names else rule


CLUSTER_RULES = [
    _rule("", "events", "create patch"),
    _rule("", "pods/eviction", "create"),
    _rule("", "pods/status", "update"),
    _rule("", "nodes", "get list watch update"),
    _rule(
        "", "namespaces pods services replicationcontrollers persistentvolumeclaims persistentvolumes", "get list watch"
    ),
    _rule("apps", "daemonsets replicasets statefulsets", "get list watch"),
    _rule("batch", "jobs cronjobs", "get list watch"),
    _rule("policy", "poddisruptionbudgets", "get list watch"),
    _rule(
        "storage.k8s.io",
        "storageclasses csinodes csidrivers csistoragecapacities volumeattachments",
        "get list watch",
    ),
    # From version 1.35: github.com/kubernetes/autoscaler, issues 9244 and 10278.
    _rule("resource.k8s.io", "deviceclasses resourceclaims resourceslices", "get list watch"),
]
NAMESPACE_RULES = [
    _rule("", "configmaps", "create list watch"),
    _rule("", "configmaps", "get update delete", "cluster-autoscaler-status", "cluster-autoscaler-priority-expander"),
    _rule("coordination.k8s.io", "leases", "create"),
    _rule("coordination.k8s.io", "leases", "get update", NAME),
]
