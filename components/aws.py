"""A region's cluster on AWS: EKS on private nodes, in a VPC of its own. Reads as it is built."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from components.aws_network import AwsNetwork, AwsNetworkArgs
from components.cluster import ClusterArgs, ClusterInfo, StorageDriver, kubeconfig, labels, zones

POLICIES = "arn:aws:iam::aws:policy"
CLUSTER_ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
LOG_DAYS = {False: 30, True: 365}
"""How long the control plane's logs are kept, by whether the wave is production."""


class AwsCluster(pulumi.ComponentResource):
    """An EKS cluster with its network, keys, roles, nodes and add-ons. `info` is what the region needs of it."""

    info: ClusterInfo

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:aws:Cluster", name, None, opts)
        region, settings = args.region, args.region.settings
        account = settings.aws
        assert account is not None, "fleet refuses a region on AWS without `aws` settings"
        deploy_role = f"arn:aws:iam::{account.account_id}:role/{account.deploy_role}"
        provider = aws.Provider(
            name,
            region=settings.location,
            allowed_account_ids=[account.account_id],
            assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=deploy_role, session_name="pulumi")],
            default_tags=aws.ProviderDefaultTagsArgs(tags=labels(region)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        own = pulumi.ResourceOptions(parent=self, provider=provider)
        kept = pulumi.ResourceOptions(parent=self, provider=provider, protect=region.protected)

        letters = zones(region, ("a", "b", "c"))
        network = AwsNetwork(
            name,
            AwsNetworkArgs(region=region, zones=[f"{settings.location}{letter}" for letter in letters]),
            opts=pulumi.ResourceOptions(parent=self, providers=[provider]),
        )

        key = aws.kms.Key(
            name,
            description=f"Secrets of the Kubernetes cluster {name}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            opts=kept,
        )
        aws.kms.Alias(name, name=f"alias/eks/{name}", target_key_id=key.key_id, opts=own)
        # EKS would create the group by itself, without an end to what it keeps, were it not there first.
        logs = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/eks/{name}/cluster",
            retention_in_days=LOG_DAYS[region.wave.production],
            opts=own,
        )

        cluster_role = self._role(f"{name}-cluster", "eks.amazonaws.com", ["AmazonEKSClusterPolicy"], own)
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
            # Likewise: only at creation. The add-ons below are managed, with pinned settings.
            bootstrap_self_managed_addons=False,
            encryption_config=aws.eks.ClusterEncryptionConfigArgs(
                provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=key.arn), resources=["secrets"]
            ),
            enabled_cluster_log_types=LOG_TYPES,
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            zonal_shift_config=aws.eks.ClusterZonalShiftConfigArgs(enabled=True),
            deletion_protection=region.protected,
            opts=pulumi.ResourceOptions(
                parent=self, provider=provider, protect=region.protected, depends_on=[logs, cluster_role]
            ),
        )

        access = self._access(name, cluster, deploy_role, own)
        # The CNI comes before the nodes, which are not ready without it; its right to give addresses before both.
        cni_rights = self._pod_role(f"{name}-cni", cluster, "kube-system", "aws-node", "AmazonEKS_CNI_Policy", own)
        cni = aws.eks.Addon(
            f"{name}-vpc-cni",
            cluster_name=cluster.name,
            addon_name="vpc-cni",
            resolve_conflicts_on_update="OVERWRITE",
            opts=pulumi.ResourceOptions(parent=self, provider=provider, depends_on=[cni_rights]),
        )
        nodes = self._nodes(name, args, cluster, network, [cni], provider)
        self._pod_role(
            f"{name}-ebs-csi",
            cluster,
            "kube-system",
            "ebs-csi-controller-sa",
            "service-role/AmazonEBSCSIDriverPolicy",
            own,
        )
        addons = [
            aws.eks.Addon(
                f"{name}-{addon}",
                cluster_name=cluster.name,
                addon_name=addon,
                resolve_conflicts_on_update="OVERWRITE",
                opts=pulumi.ResourceOptions(parent=self, provider=provider, depends_on=nodes),
            )
            for addon in ("kube-proxy", "coredns", "aws-ebs-csi-driver", "eks-pod-identity-agent")
        ]

        ready = pulumi.Output.all(cluster.name, *(resource.id for resource in [*access, *addons]))
        config = pulumi.Output.all(cluster.endpoint, cluster.certificate_authority.data, ready).apply(
            lambda values: kubeconfig(
                name, values[0], values[1], "aws",
                ["--region", settings.location, "eks", "get-token", "--cluster-name", name, "--output", "json",
                 "--role-arn", deploy_role],
            )
        )  # fmt: skip
        self.info = ClusterInfo(
            name=cluster.name,
            endpoint=cluster.endpoint,
            certificate_authority=cluster.certificate_authority.data,
            kubeconfig=config,
            identity=cluster.identities[0].oidcs[0].issuer,
            storage=StorageDriver("ebs.csi.aws.com", {"type": "gp3", "encrypted": "true"}),
            sign_in=f"aws eks update-kubeconfig --name {name} --region {settings.location} --role-arn {deploy_role}",
        )
        self.register_outputs({"name": self.info.name, "endpoint": self.info.endpoint})

    def _role(
        self,
        name: str,
        service: str,
        policies: list[str],
        own: pulumi.ResourceOptions,
        actions: tuple[str, ...] = ("sts:AssumeRole",),
    ) -> aws.iam.Role:
        """A role that a service of AWS may take, with some of AWS's own policies."""
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions)}
        role = aws.iam.Role(
            name,
            name=name,
            assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
            opts=own,
        )
        for policy in policies:
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy.rpartition('/')[2]}", role=role.name, policy_arn=f"{POLICIES}/{policy}", opts=own
            )
        return role

    def _pod_role(
        self,
        name: str,
        cluster: aws.eks.Cluster,
        namespace: str,
        account: str,
        policy: str,
        own: pulumi.ResourceOptions,
    ) -> aws.eks.PodIdentityAssociation:
        """A role for the pods of one service account (EKS Pod Identity): no key, nothing on the nodes."""
        role = self._role(name, "pods.eks.amazonaws.com", [policy], own, ("sts:AssumeRole", "sts:TagSession"))
        return aws.eks.PodIdentityAssociation(
            name, cluster_name=cluster.name, namespace=namespace, service_account=account, role_arn=role.arn, opts=own
        )

    def _access(
        self, name: str, cluster: aws.eks.Cluster, deploy_role: str, own: pulumi.ResourceOptions
    ) -> list[pulumi.CustomResource]:
        """The deploy role, and nobody else, administers the cluster."""
        entry = aws.eks.AccessEntry(f"{name}-deploy", cluster_name=cluster.name, principal_arn=deploy_role, opts=own)
        policy = aws.eks.AccessPolicyAssociation(
            f"{name}-deploy",
            cluster_name=cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=CLUSTER_ADMIN,
            access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            opts=own,
        )
        return [entry, policy]

    def _nodes(
        self, name: str, args: ClusterArgs, cluster: aws.eks.Cluster, network: AwsNetwork,
        before: list[pulumi.Resource], provider: aws.Provider,
    ) -> list[aws.eks.NodeGroup]:  # fmt: skip
        """A managed node group for each pool, on Amazon Linux 2023."""
        own = pulumi.ResourceOptions(parent=self, provider=provider)
        role = self._role(
            f"{name}-nodes",
            "ec2.amazonaws.com",
            ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"],
            own,
        )
        groups = []
        for pool_name, pool in args.region.settings.node_pools.items():
            template = aws.ec2.LaunchTemplate(
                f"{name}-{pool_name}",
                update_default_version=True,
                metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                    http_tokens="required",
                    # One hop: pods cannot reach the node's own credentials.
                    http_put_response_hop_limit=1,
                ),
                block_device_mappings=[
                    aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                        device_name="/dev/xvda",
                        ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                            encrypted="true", volume_size=100, volume_type="gp3"
                        ),
                    )
                ],
                opts=own,
            )
            groups.append(
                aws.eks.NodeGroup(
                    f"{name}-{pool_name}",
                    cluster_name=cluster.name,
                    node_role_arn=role.arn,
                    subnet_ids=network.private_subnet_ids,
                    ami_type="AL2023_x86_64_STANDARD",
                    instance_types=[pool.machine_type],
                    scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                        min_size=pool.min_nodes, desired_size=pool.min_nodes, max_size=pool.max_nodes
                    ),
                    update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable_percentage=33),
                    launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
                        id=template.id, version=template.latest_version.apply(str)
                    ),
                    labels={"regions/pool": pool_name},
                    opts=pulumi.ResourceOptions(
                        parent=self,
                        provider=provider,
                        depends_on=[role, *before],
                        # The autoscaler moves it; setting it back at every update would throw nodes away.
                        ignore_changes=["scalingConfig.desiredSize"],
                    ),
                )
            )
        return groups
