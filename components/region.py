"""A whole region: its cluster in its cloud, Argo CD and Argo Workflows in it, and the region's Application."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import pulumi
import pulumi_kubernetes as kubernetes

import fleet
from components.argo import install
from components.argo.application import Application, ApplicationArgs
from components.argo.argocd import ArgoCd, ArgoCdArgs
from components.argo.workflows import ArgoWorkflows
from components.shared import viewers
from components.shared.cluster import BACKUP_DAYS, ClusterArgs, ClusterInfo
from components.shared.secrets import RegionSecrets

CLUSTERS = {
    "aws": ("components.aws.cluster", "AwsCluster"),
    "gcp": ("components.gcp.cluster", "GcpCluster"),
    "azure": ("components.azure.cluster", "AzureCluster"),
}
"""Cloud to module and component. A module is imported only for its own cloud: the three SDKs take seconds to import."""


@dataclass(frozen=True)
class RegionArgs:
    """The arguments of a region."""

    region: fleet.Region
    repository: str
    """The git repository whose branch `region/<name>` the region follows."""
    secrets: RegionSecrets
    """The keys of the git host's apps, and the passwords."""


class RegionComponent(pulumi.ComponentResource):
    """One region. Destroyed in the order application, Argo CD, cluster, network, so that nothing is left behind."""

    cluster: ClusterInfo

    def __init__(self, name: str, args: RegionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:region:Region", name, None, opts)
        region = self._region = args.region
        module, component = CLUSTERS[region.settings.cloud]
        cluster = getattr(import_module(module), component)(
            name, ClusterArgs(region=region), opts=pulumi.ResourceOptions(parent=self)
        )
        self.cluster = cluster.info
        provider = kubernetes.Provider(
            name,
            kubeconfig=self.cluster.kubeconfig,
            cluster_identifier=self.cluster.identity,
            enable_server_side_apply=True,
            # Otherwise a changed setting of Argo CD deletes its config map and creates another.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        in_cluster = pulumi.ResourceOptions(parent=self, providers=[provider])
        group = kubernetes.yaml.v2.ConfigGroup(
            f"{name}-cloud", objs=[*viewers.objects(), *self.cluster.manifests], opts=in_cluster
        )
        argocd = ArgoCd("argocd", ArgoCdArgs(region, args.repository, args.secrets), opts=in_cluster)
        workflows = ArgoWorkflows("argo-workflows", opts=in_cluster)
        Application(
            name,
            ApplicationArgs(
                region=region,
                repository=args.repository,
                storage=self.cluster.storage,
                secrets=args.secrets,
                after=pulumi.Output.all(install.objects_of(group), argocd.objects, workflows.objects).apply(
                    lambda lists: [cluster, *(resource for resources in lists for resource in resources)]
                ),
            ),
            opts=in_cluster,
        )
        self.register_outputs({"cluster": self.cluster.name, "endpoint": self.cluster.endpoint})

    def export(self) -> None:
        """Export the stack's outputs for people. None of them is secret."""
        region = self._region
        pulumi.export("region", region.name)
        pulumi.export("wave", region.wave.name)
        pulumi.export("branch", region.branch)
        pulumi.export("cluster", self.cluster.name)
        pulumi.export("endpoint", self.cluster.endpoint)
        pulumi.export("kubeconfigCommand", self.cluster.sign_in)
        if self.cluster.kept is not None:
            # `pulumi destroy` prints the outputs that end.
            kept = pulumi.Output.format(
                "{0}: backups stay for {1} days after the last one. docs/operate/remove-a-region.md",
                self.cluster.kept,
                BACKUP_DAYS,
            )
            pulumi.export("keptAfterDestroy", kept)
