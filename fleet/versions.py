"""The versions of a region's Kubernetes and its add-ons. docs/operate/upgrade-kubernetes.md has the steps of an upgrade.

Google Cloud and Azure choose their add-ons' versions by the cluster's. On AWS they are set here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class EksVersions:
    """The add-ons of one minor version of Kubernetes on EKS, by `aws eks describe-addon-versions` and
    awslabs/amazon-eks-ami's releases."""

    nodes: str
    """The release of Amazon Linux 2023 that nodes start from."""
    vpc_cni: str
    kube_proxy: str
    coredns: str
    ebs_csi_driver: str
    pod_identity_agent: str
    autoscaler: str
    """The cluster autoscaler's release, of the same minor version."""


KUBERNETES: Mapping[str, EksVersions] = {
    "1.35": EksVersions(
        nodes="1.35.8-20260930",
        vpc_cni="v1.22.4-eksbuild.3",
        kube_proxy="v1.35.3-eksbuild.29",
        coredns="v1.13.2-eksbuild.31",
        ebs_csi_driver="v1.66.0-eksbuild.1",
        pod_identity_agent="v1.3.10-eksbuild.3",
        autoscaler="v1.35.1",
    ),
    "1.36": EksVersions(
        nodes="1.36.4-20261003",
        vpc_cni="v1.22.4-eksbuild.3",
        kube_proxy="v1.36.0-eksbuild.25",
        coredns="v1.14.3-eksbuild.23",
        ebs_csi_driver="v1.66.0-eksbuild.1",
        pod_identity_agent="v1.3.10-eksbuild.3",
        autoscaler="v1.36.1",
    ),
}
"""The minor versions that a region may run, each in standard support on all three clouds into 2027 (as of November 2026)."""
