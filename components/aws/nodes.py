"""The nodes of a region on AWS: a managed node group for each pool, on Amazon Linux 2023."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.iam import service_role
from components.shared.cluster import ChildOptions
from fleet import KUBERNETES, Region

NODE_POLICIES = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"]


@dataclass(frozen=True)
class AwsNodesArgs:
    """The arguments of the nodes."""

    region: Region
    cluster: pulumi.Input[str]
    """The cluster's name, known only after the control plane's upgrade, so that nodes follow it."""
    subnet_ids: list[pulumi.Output[str]]


class AwsNodes(pulumi.ComponentResource):
    """A node group for each pool of the settings."""

    groups: list[aws.eks.NodeGroup]

    def __init__(self, name: str, args: AwsNodesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:aws:Nodes", name, None, opts)
        region, settings = args.region, args.region.settings
        options, account = ChildOptions(self, None, region.protected), settings.aws
        assert account is not None, "fleet refuses a region on AWS without `aws` settings"
        role = service_role(f"{name}-nodes", "ec2.amazonaws.com", NODE_POLICIES, account.boundary, options)
        self.groups = [
            aws.eks.NodeGroup(
                f"{name}-{pool_name}",
                cluster_name=args.cluster,
                node_role_arn=role.arn,
                subnet_ids=args.subnet_ids,
                version=settings.kubernetes_version,
                release_version=KUBERNETES[settings.kubernetes_version].nodes,
                ami_type="AL2023_x86_64_STANDARD",
                instance_types=[pool.machine_type],
                scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                    min_size=pool.min_nodes, desired_size=pool.min_nodes, max_size=pool.max_nodes
                ),
                update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable_percentage=33),
                node_repair_config=aws.eks.NodeGroupNodeRepairConfigArgs(enabled=True),
                launch_template=self._template(f"{name}-{pool_name}", region, options),
                labels={"regions/pool": pool_name},
                # The autoscaler moves the size. An update that resets it would delete nodes.
                opts=options.default(depends_on=[role], ignore_changes=["scalingConfig.desiredSize"]),
            )
            for pool_name, pool in settings.pools.items()
        ]
        self.register_outputs({})

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
            # EKS starts the machines, not Pulumi, so the provider's tags never reach them.
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=region.tags)
                for kind in ("instance", "volume", "network-interface")
            ],
            opts=options.default(),
        )
        return aws.eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str))
