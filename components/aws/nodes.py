"""The nodes of a region on AWS: managed node groups for each pool, on Amazon Linux 2023."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.iam import ServiceRole
from components.aws.running_nodes import GroupSize, group_size, node_groups
from components.shared.cluster import ChildOptions
from components.shared.pools import zone_shares
from fleet import KUBERNETES, NodePool, Region
from fleet.tags import REGION_TAG

NODE_POLICIES = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"]


@dataclass(frozen=True)
class AwsNodesArgs:
    """The arguments of the nodes."""

    region: Region
    cluster: pulumi.Input[str]
    """The cluster's name, known only after the control plane's upgrade, so that nodes follow it."""
    subnet_ids: list[pulumi.Output[str]]
    """A subnet for each of the region's zones, in their order."""
    role: ServiceRole
    """The nodes' role."""
    after: list[pulumi.Resource]
    """The resources without which a node cannot join: the network, and the daemon sets of each node."""


class AwsNodes(pulumi.ComponentResource):
    """A node group for each pool of the settings and each zone.

    A volume is in one zone. So the autoscaler must be able to add a node in that zone:
    docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html.
    """

    groups: list[aws.eks.NodeGroup]

    def __init__(self, name: str, args: AwsNodesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:aws:Nodes", name, None, opts)
        self._args, self._options = args, ChildOptions(self, None, args.region.protected)
        settings = args.region.settings
        subnet_ids = dict(zip(settings.zone_names, args.subnet_ids, strict=True))
        running = node_groups(args.region, self)
        self.groups = []
        for pool_name, pool in settings.pools.items():
            template = self._template(f"{name}-{pool_name}", args.region, self._options)
            for zone, least, most in zone_shares(pool.min_nodes, pool.max_nodes, settings.zone_names):
                title = f"{name}-{pool_name}-{zone}"
                size = group_size(running.get(title), pool.machine_type, least, most)
                self.groups.append(self._group(title, pool_name, pool, subnet_ids[zone], template, size))
        self.register_outputs({})

    def _group(
        self,
        title: str,
        pool_name: str,
        pool: NodePool,
        subnet_id: pulumi.Output[str],
        template: aws.eks.NodeGroupLaunchTemplateArgs,
        size: GroupSize,
    ) -> aws.eks.NodeGroup:
        """A pool's node group in one zone."""
        settings = self._args.region.settings
        return aws.eks.NodeGroup(
            title,
            cluster_name=self._args.cluster,
            node_role_arn=self._args.role.role.arn,
            subnet_ids=[subnet_id],
            version=settings.kubernetes_version,
            release_version=KUBERNETES[settings.kubernetes_version].nodes,
            ami_type="AL2023_x86_64_STANDARD",
            instance_types=[pool.machine_type],
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                min_size=size.least, desired_size=size.desired, max_size=size.most
            ),
            update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable_percentage=33),
            # Otherwise an update gives up on a pod that is not evicted within 15 minutes (PodEvictionFailure):
            # docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html.
            force_update_version=True,
            node_repair_config=aws.eks.NodeGroupNodeRepairConfigArgs(enabled=True),
            launch_template=template,
            labels={"regions/pool": pool_name},
            opts=self._options.default(
                depends_on=[*self._args.after, *self._args.role.policies],
                ignore_changes=["scalingConfig.desiredSize"] if size.settled else None,
            ),
        )

    def _template(self, name: str, region: Region, options: ChildOptions) -> aws.eks.NodeGroupLaunchTemplateArgs:
        """The launch template of a node's machine."""
        template = aws.ec2.LaunchTemplate(
            name,
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
            # EKS starts the machines, not Pulumi, so the provider's tags never reach them. A change of these tags would replace
            # all machines. So machines have the one tag that never changes. The region's other tags can be looked up by it.
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags={REGION_TAG: region.name})
                for kind in ("instance", "volume", "network-interface")
            ],
            opts=options.default(),
        )
        return aws.eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str))
