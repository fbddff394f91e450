"""Who moves a node group's size on AWS: the Kubernetes project's cluster autoscaler. GKE and AKS have it built in.

Rights in the cluster and in AWS, and flags, are those of the autoscaler's own documents: kubernetes/autoscaler,
cluster-autoscaler/cloudprovider/aws/README.md.
"""

from __future__ import annotations

from typing import Any

import pulumi_aws as aws

from components.aws.iam import pod_role
from components.shared.cluster import Children

NAME, NAMESPACE = "cluster-autoscaler", "kube-system"
IMAGE = "registry.k8s.io/autoscaling/cluster-autoscaler"
READS = [
    *("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances"),
    *("autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags"),
    *("ec2:DescribeImages", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplateVersions"),
    *("ec2:GetInstanceTypesFromInstanceRequirements", "eks:DescribeNodegroup"),
]
WRITES = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]


def rights(name: str, cluster: aws.eks.Cluster, boundary: str, child: Children) -> aws.eks.PodIdentityAssociation:
    """What the autoscaler may do in AWS: look at all groups, and move those of its own cluster, which EKS tags so."""
    owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{name}": "owned"}}
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": READS, "Resource": "*"},
        {"Effect": "Allow", "Action": WRITES, "Resource": "*", "Condition": owned},
    ]
    return pod_role(f"{name}-autoscaler", cluster, NAME, boundary, child, own=statements)


def manifests(cluster: str, location: str, version: str) -> list[dict[str, Any]]:
    """The autoscaler in the cluster. `version` is its release; its minor version is the cluster's."""
    named = {"name": NAME, "labels": {"app.kubernetes.io/name": NAME}}
    here = {**named, "namespace": NAMESPACE}
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    rbac = "rbac.authorization.k8s.io"
    roles = [
        each
        for scope, metadata, rules in (("Cluster", named, CLUSTER_RULES), ("", here, NAMESPACE_RULES))
        for each in (
            {"apiVersion": f"{rbac}/v1", "kind": f"{scope}Role", "metadata": metadata, "rules": rules},
            {
                "apiVersion": f"{rbac}/v1",
                "kind": f"{scope}RoleBinding",
                "metadata": metadata,
                "roleRef": {"apiGroup": rbac, "kind": f"{scope}Role", "name": NAME},
                "subjects": [subject],
            },
        )
    ]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": here},
        *roles,
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": here,
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": named["labels"]},
                "template": {"metadata": {"labels": named["labels"]}, "spec": _pod(cluster, location, version)},
            },
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
                # Else it asks the machine's metadata, which pods cannot reach.
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
]
NAMESPACE_RULES = [
    _rule("", "configmaps", "create list watch"),
    _rule("", "configmaps", "get update delete", "cluster-autoscaler-status", "cluster-autoscaler-priority-expander"),
    _rule("coordination.k8s.io", "leases", "create"),
    _rule("coordination.k8s.io", "leases", "get update", NAME),
]
