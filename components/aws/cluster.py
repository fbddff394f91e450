"""A region's cluster on AWS: EKS on private nodes, in a VPC of its own. Reads as it is built."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from components.aws import autoscaler
from components.aws.backup import AwsBackup, AwsBackupArgs
from components.aws.iam import pod_role, service_role
from components.aws.network import AwsNetwork, AwsNetworkArgs
from components.aws.nodes import AwsNodes, AwsNodesArgs
from components.shared.cluster import LOG_DAYS, Children, ClusterArgs, ClusterInfo, StorageDriver, kubeconfig, zones
from fleet import KUBERNETES
from fleet.settings import AwsSettings

ACCESS_POLICIES = "arn:aws:eks::aws:cluster-access-policy"
LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]


class AwsCluster(pulumi.ComponentResource):
    """An EKS cluster with its network, keys, roles, nodes, add-ons and backups. `info` is what the region needs of it."""

    info: ClusterInfo

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:aws:Cluster", name, None, opts)
        region, settings = args.region, args.region.settings
        account = settings.aws
        assert account is not None, "fleet refuses a region on AWS without `aws` settings"
        # Whoever runs the program is signed in as a role of the account already: the deploy role, or one that can only read.
        provider = aws.Provider(
            name,
            region=settings.location,
            allowed_account_ids=[account.account_id],
            default_tags=aws.ProviderDefaultTagsArgs(tags=region.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        child = Children(self, provider, region.protected)

        letters = zones(region, ("a", "b", "c"))
        network = AwsNetwork(
            name,
            AwsNetworkArgs(region=region, zones=[f"{settings.location}{letter}" for letter in letters]),
            opts=child.component(),
        )

        key = aws.kms.Key(
            name,
            description=f"Secrets of the Kubernetes cluster {name}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            opts=child.kept(),
        )
        aws.kms.Alias(name, name=f"alias/eks/{name}", target_key_id=key.key_id, opts=child.own())
        # EKS would create the group by itself, without an end to what it keeps, were it not there first.
        logs = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/eks/{name}/cluster",
            retention_in_days=LOG_DAYS[region.wave.production],
            opts=child.kept(),
        )

        bounds = account.boundary
        cluster_role = service_role(f"{name}-cluster", "eks.amazonaws.com", ["AmazonEKSClusterPolicy"], bounds, child)
        cluster = aws.eks.Cluster(
            name,
            name=name,
            role_arn=cluster_role.arn,
            version=settings.kubernetes_version,
            vpc_config=aws.eks.ClusterVpcConfigArgs(
                subnet_ids=network.private_subnet_ids,
                endpoint_private_access=True,
                endpoint_public_access=bool(settings.api_access),
                public_access_cidrs=[str(cidr) for cidr in settings.api_access] or None,
            ),
            access_config=aws.eks.ClusterAccessConfigArgs(
                authentication_mode="API",
                # Explicit, since its default is true and changing it later makes a new cluster.
                bootstrap_cluster_creator_admin_permissions=False,
            ),
            # Likewise: only at creation. The add-ons below are managed, with pinned versions.
            bootstrap_self_managed_addons=False,
            encryption_config=aws.eks.ClusterEncryptionConfigArgs(
                provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=key.arn), resources=["secrets"]
            ),
            enabled_cluster_log_types=LOG_TYPES,
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            zonal_shift_config=aws.eks.ClusterZonalShiftConfigArgs(enabled=True),
            deletion_protection=region.protected,
            opts=child.kept(depends_on=[logs, cluster_role]),
        )
        access = self._access(name, args, cluster, account, child)

        versions = KUBERNETES[settings.kubernetes_version]
        # The CNI comes before the nodes, which are not ready without it; its right to give addresses before both.
        cni_rights = pod_role(f"{name}-cni", cluster, "aws-node", bounds, child, policy="AmazonEKS_CNI_Policy")
        cni = aws.eks.Addon(
            f"{name}-vpc-cni",
            cluster_name=cluster.name,
            addon_name="vpc-cni",
            addon_version=versions.vpc_cni,
            # Without it EKS takes network policies and holds nobody to them.
            configuration_values=json.dumps({"enableNetworkPolicy": "true"}),
            resolve_conflicts_on_update="OVERWRITE",
            opts=child.own(depends_on=[cni_rights]),
        )
        nodes = AwsNodes(
            name,
            AwsNodesArgs(region, cluster.name, network.private_subnet_ids, versions.nodes),
            opts=child.component(depends_on=[cni]),
        )
        disks = pod_role(
            f"{name}-ebs-csi",
            cluster,
            "ebs-csi-controller-sa",
            bounds,
            child,
            policy="service-role/AmazonEBSCSIDriverPolicy",
        )
        addons = [
            aws.eks.Addon(
                f"{name}-{addon}",
                cluster_name=cluster.name,
                addon_name=addon,
                addon_version=version,
                configuration_values=json.dumps(values) if values else None,
                resolve_conflicts_on_update="OVERWRITE",
                opts=child.own(depends_on=[*nodes.groups, disks]),
            )
            for addon, version, values in (
                ("kube-proxy", versions.kube_proxy, None),
                ("coredns", versions.coredns, None),
                # Volumes are made by the driver, not by Pulumi, so the provider's tags never reach them.
                ("aws-ebs-csi-driver", versions.ebs_csi_driver, {"controller": {"extraVolumeTags": region.tags}}),
                ("eks-pod-identity-agent", versions.pod_identity_agent, None),
            )
        ]
        scaling = autoscaler.rights(name, cluster, bounds, child)
        if region.wave.production:
            AwsBackup(name, AwsBackupArgs(region), opts=child.component())

        ready = pulumi.Output.all(cluster.name, *(resource.id for resource in [*access, *addons, scaling]))
        config = pulumi.Output.all(cluster.endpoint, cluster.certificate_authority.data, ready).apply(
            lambda values: kubeconfig(
                name, values[0], values[1], "aws",
                ["--region", settings.location, "eks", "get-token", "--cluster-name", name, "--output", "json"],
            )
        )  # fmt: skip
        self.info = ClusterInfo(
            name=cluster.name,
            endpoint=cluster.endpoint,
            kubeconfig=config,
            identity=cluster.identities[0].oidcs[0].issuer,
            storage=StorageDriver("ebs.csi.aws.com", {"type": "gp3", "encrypted": "true"}),
            inside=autoscaler.manifests(name, settings.location, versions.autoscaler),
            sign_in=f"aws eks update-kubeconfig --name {name} --region {settings.location}",
        )
        self.register_outputs({"name": self.info.name, "endpoint": self.info.endpoint})

    def _access(
        self, name: str, args: ClusterArgs, cluster: aws.eks.Cluster, account: AwsSettings, child: Children
    ) -> list[pulumi.CustomResource]:
        """The deploy role administers the cluster, the preview role sees all but secrets; else whom the settings name."""
        access = args.region.settings.access
        roles = f"arn:aws:iam::{account.account_id}:role"
        let_in = [
            ("deploy", f"{roles}/{account.deploy_role}", "AmazonEKSClusterAdminPolicy"),
            ("preview", f"{roles}/{account.preview_role}", "AmazonEKSViewPolicy"),
        ]
        let_in += [(role.rpartition("/")[2], role, "AmazonEKSClusterAdminPolicy") for role in access.admins]
        let_in += [(role.rpartition("/")[2], role, "AmazonEKSViewPolicy") for role in access.viewers]
        made: list[pulumi.CustomResource] = []
        for who, role, policy in let_in:
            entry = aws.eks.AccessEntry(
                f"{name}-{who}", cluster_name=cluster.name, principal_arn=role, opts=child.own()
            )
            scope = aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster")
            grant = aws.eks.AccessPolicyAssociation(
                f"{name}-{who}",
                cluster_name=cluster.name,
                principal_arn=entry.principal_arn,
                policy_arn=f"{ACCESS_POLICIES}/{policy}",
                access_scope=scope,
                opts=child.own(),
            )
            made += [entry, grant]
        return made
