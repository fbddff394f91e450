"""EKS's managed add-ons of a region on AWS, with pinned versions, and the rights in AWS of those that need some."""

from __future__ import annotations

import json
from typing import Any

import pulumi_aws as aws

from components.aws.iam import pod_role
from components.aws.nodes import AwsNodes
from components.shared.cluster import ChildOptions
from fleet import KUBERNETES, Region


def install_cni(region: Region, boundary: str, cluster: aws.eks.Cluster, options: ChildOptions) -> aws.eks.Addon:
    """The network plugin. Nodes are not ready without it, and it gives no addresses without its role, so both come before."""
    role = pod_role(f"{region.name}-cni", cluster, "aws-node", boundary, options, policy="AmazonEKS_CNI_Policy")
    return aws.eks.Addon(
        f"{region.name}-vpc-cni",
        cluster_name=cluster.name,
        addon_name="vpc-cni",
        addon_version=KUBERNETES[region.settings.kubernetes_version].vpc_cni,
        # Without this setting EKS accepts network policies and does not enforce them.
        configuration_values=json.dumps({"enableNetworkPolicy": "true"}),
        resolve_conflicts_on_update="OVERWRITE",
        opts=options.default(depends_on=[role]),
    )


def install_addons(
    region: Region, boundary: str, cluster: aws.eks.Cluster, nodes: AwsNodes, options: ChildOptions
) -> list[aws.eks.Addon]:
    """The add-ons that run on the nodes."""
    disk_role = pod_role(
        f"{region.name}-ebs-csi",
        cluster,
        "ebs-csi-controller-sa",
        boundary,
        options,
        policy="service-role/AmazonEBSCSIDriverPolicy",
    )
    versions = KUBERNETES[region.settings.kubernetes_version]
    addons: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
        ("kube-proxy", versions.kube_proxy, None),
        ("coredns", versions.coredns, None),
        # The driver makes the volumes, not Pulumi, so the provider's tags never reach them.
        ("aws-ebs-csi-driver", versions.ebs_csi_driver, {"controller": {"extraVolumeTags": region.tags}}),
        ("eks-pod-identity-agent", versions.pod_identity_agent, None),
    )
    return [
        aws.eks.Addon(
            f"{region.name}-{name}",
            cluster_name=cluster.name,
            addon_name=name,
            addon_version=version,
            configuration_values=json.dumps(values) if values else None,
            resolve_conflicts_on_update="OVERWRITE",
            opts=options.default(depends_on=[*nodes.groups, disk_role]),
        )
        for name, version, values in addons
    ]
