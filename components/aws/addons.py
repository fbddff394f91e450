"""EKS's managed add-ons of a region on AWS, with pinned versions, and the rights in AWS of those that need some."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from components.aws.backup import BACKUP_TAG
from components.aws.iam import pod_role
from components.aws.nodes import AwsNodes
from components.shared.cluster import ChildOptions
from fleet import KUBERNETES, Region


def install_network(
    region: Region, boundary: str, cluster: aws.eks.Cluster, options: ChildOptions
) -> list[aws.eks.Addon]:
    """The daemon sets that a node needs before it is ready: they come before the nodes, and go after them.

    The network plugin gets its rights from the Pod Identity agent, and reaches the API server by kube-proxy's rules.
    Sources: github.com/terraform-aws-modules/terraform-aws-eks, issue 3260, and aws/amazon-vpc-cni-k8s, issue 3840.
    """
    role = pod_role(f"{region.name}-cni", cluster, "aws-node", boundary, options, policy="AmazonEKS_CNI_Policy")
    versions = KUBERNETES[region.settings.kubernetes_version]
    return [
        _addon(region, cluster, "eks-pod-identity-agent", versions.pod_identity_agent, None, options.default()),
        _addon(region, cluster, "kube-proxy", versions.kube_proxy, None, options.default()),
        # Without this setting EKS accepts network policies and does not enforce them.
        _addon(region, cluster, "vpc-cni", versions.vpc_cni, {"enableNetworkPolicy": "true"},
               options.default(depends_on=[role])),
    ]  # fmt: skip


def install_addons(
    region: Region, boundary: str, cluster: aws.eks.Cluster, nodes: AwsNodes, options: ChildOptions
) -> list[aws.eks.Addon]:
    """The add-ons whose pods run on the nodes."""
    disk_role = pod_role(
        f"{region.name}-ebs-csi",
        cluster,
        "ebs-csi-controller-sa",
        boundary,
        options,
        policy="service-role/AmazonEBSCSIDriverPolicy",
    )
    versions = KUBERNETES[region.settings.kubernetes_version]
    # The driver makes the volumes, not Pulumi, so the provider's tags never reach them.
    volumes = {"controller": {"extraVolumeTags": {**region.tags, BACKUP_TAG: region.name}}}
    return [
        _addon(region, cluster, "coredns", versions.coredns, None, options.default(depends_on=nodes.groups)),
        _addon(region, cluster, "aws-ebs-csi-driver", versions.ebs_csi_driver, volumes,
               options.default(depends_on=[*nodes.groups, disk_role])),
    ]  # fmt: skip


def _addon(
    region: Region,
    cluster: aws.eks.Cluster,
    name: str,
    version: str,
    values: Mapping[str, Any] | None,
    opts: pulumi.ResourceOptions,
) -> aws.eks.Addon:
    """An add-on in a pinned version."""
    return aws.eks.Addon(
        f"{region.name}-{name}",
        cluster_name=cluster.name,
        addon_name=name,
        addon_version=version,
        configuration_values=json.dumps(values) if values else None,
        resolve_conflicts_on_update="OVERWRITE",
        opts=opts,
    )
