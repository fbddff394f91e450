"""A region's cluster on AWS: EKS on private nodes, in a VPC of its own. Reads as it is built."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.aws import autoscaler, management
from components.aws.access import grant_access
from components.aws.addons import install_addons, install_network
from components.aws.backup import AwsBackup, AwsBackupArgs
from components.aws.iam import service_role
from components.aws.keys import etcd_key
from components.aws.network import AwsNetwork, AwsNetworkArgs
from components.aws.nodes import NODE_POLICIES, AwsNodes, AwsNodesArgs
from components.shared.cluster import (
    LOG_DAYS,
    ChildOptions,
    ClusterArgs,
    ClusterInfo,
    StorageDriver,
    kubeconfig,
)
from fleet import KUBERNETES

LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]


class AwsCluster(pulumi.ComponentResource):
    """An EKS cluster with its network, keys, roles, nodes, add-ons and backups. `info` describes it to the region."""

    info: ClusterInfo

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:aws:Cluster", name, None, opts)
        region = self._region = args.region
        account, location = region.settings.aws, region.settings.location
        assert account is not None, "fleet refuses a region on AWS without `aws` settings"
        boundary = account.boundary
        # The caller has signed in as a role of the account before: the deploy role, or one that can only read.
        provider = aws.Provider(
            name,
            region=location,
            allowed_account_ids=[account.account_id],
            default_tags=aws.ProviderDefaultTagsArgs(tags=region.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        options = self._options = ChildOptions(self, provider, region.protected)

        network = AwsNetwork(name, AwsNetworkArgs(region=region), opts=options.component())
        key = etcd_key(region, options)
        logs = self._create_log_group()
        # IAM's changes take seconds, and EKS does not ask twice for the nodes' role. The cluster, in between, takes minutes.
        node_role = service_role(f"{name}-nodes", "ec2.amazonaws.com", NODE_POLICIES, boundary, options)
        cluster = self._create_cluster(network, key, logs)
        way_in = management.connect(region, cluster, network, options)
        access = grant_access(region, account, cluster, options)
        daemons = install_network(region, boundary, cluster, options)
        nodes = AwsNodes(
            name,
            AwsNodesArgs(region, cluster.name, network.private_subnet_ids, node_role, [network, *daemons]),
            opts=options.component(),
        )
        addons = install_addons(region, boundary, cluster, nodes, options)
        autoscaler_role = autoscaler.grant_role(name, cluster, boundary, options)
        backup = AwsBackup(name, AwsBackupArgs(region), opts=options.component()) if region.wave.production else None
        self.info = self._describe(cluster, backup, [*way_in, *access, *addons, autoscaler_role])
        self.register_outputs({"name": self.info.name, "endpoint": self.info.endpoint})

    def _create_log_group(self) -> aws.cloudwatch.LogGroup:
        """The control plane's log group, created before the cluster: EKS's own log group would keep logs for ever."""
        region = self._region
        return aws.cloudwatch.LogGroup(
            region.name,
            name=f"/aws/eks/{region.name}/cluster",
            retention_in_days=LOG_DAYS[region.wave.production],
            opts=self._options.protected(),
        )

    def _create_cluster(self, network: AwsNetwork, key: aws.kms.Key, logs: aws.cloudwatch.LogGroup) -> aws.eks.Cluster:
        """The control plane. Nodes and add-ons are resources of their own.

        The cluster goes before its role's policy, without which EKS leaves its security groups, and before the network's routes.
        Source: hashicorp/terraform-provider-aws, website/docs/r/eks_cluster.
        """
        region, settings = self._region, self._region.settings
        account = settings.aws
        assert account is not None, "fleet refuses a region on AWS without `aws` settings"
        role = service_role(
            f"{region.name}-cluster", "eks.amazonaws.com", ["AmazonEKSClusterPolicy"], account.boundary, self._options
        )
        return aws.eks.Cluster(
            region.name,
            name=region.name,
            role_arn=role.role.arn,
            version=settings.kubernetes_version,
            vpc_config=aws.eks.ClusterVpcConfigArgs(
                subnet_ids=network.private_subnet_ids,
                endpoint_private_access=True,
                endpoint_public_access=bool(settings.api_allowed_cidrs),
                public_access_cidrs=[str(cidr) for cidr in settings.api_allowed_cidrs] or None,
            ),
            access_config=aws.eks.ClusterAccessConfigArgs(
                authentication_mode="API",
                # Explicit, since the default is true and a later change replaces the cluster.
                bootstrap_cluster_creator_admin_permissions=False,
            ),
            # Explicit for the same reason. EKS manages the add-ons instead, with pinned versions.
            bootstrap_self_managed_addons=False,
            encryption_config=aws.eks.ClusterEncryptionConfigArgs(
                provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=key.arn), resources=["secrets"]
            ),
            enabled_cluster_log_types=LOG_TYPES,
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            zonal_shift_config=aws.eks.ClusterZonalShiftConfigArgs(enabled=True),
            deletion_protection=region.protected,
            opts=self._options.protected(depends_on=[logs, network, *role.policies]),
        )

    def _describe(
        self, cluster: aws.eks.Cluster, backup: AwsBackup | None, depends_on: list[pulumi.CustomResource]
    ) -> ClusterInfo:
        """The cluster as the rest of the region sees it. The kubeconfig is known only when access and add-ons are there."""
        name, settings = self._region.name, self._region.settings
        ready = pulumi.Output.all(cluster.name, *(resource.id for resource in depends_on))
        config = pulumi.Output.all(cluster.endpoint, cluster.certificate_authority.data, ready).apply(
            lambda values: kubeconfig(
                name, values[0], values[1], "aws",
                ["--region", settings.location, "eks", "get-token", "--cluster-name", name, "--output", "json"],
            )
        )  # fmt: skip
        return ClusterInfo(
            name=cluster.name,
            endpoint=cluster.endpoint,
            kubeconfig=config,
            identity=cluster.identities[0].oidcs[0].issuer,
            storage=StorageDriver("ebs.csi.aws.com", {"type": "gp3", "encrypted": "true"}),
            manifests=autoscaler.manifests(name, settings.location, KUBERNETES[settings.kubernetes_version].autoscaler),
            sign_in=f"aws eks update-kubeconfig --name {name} --region {settings.location}",
            kept=pulumi.Output.concat("AWS Backup's vault ", backup.vault) if backup else None,
        )
