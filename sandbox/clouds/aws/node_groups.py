"""Rules of the SIMULATED AWS for EKS managed node groups, whose nodes join a real cluster.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/eks/node_group.go.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.clouds.aws import network
from sandbox.clouds.aws.eks import ADDON, ARN, CLUSTER, CLUSTER_MISSING, NODE_GROUP, sandbox_cluster
from sandbox.clouds.aws.identity import role
from sandbox.clouds.core import kubernetes_versions, nodes
from sandbox.clouds.core.model import (
    CloudError,
    Context,
    Effect,
    Name,
    Reference,
    ResourceRule,
    documented_at,
    is_known,
)
from sandbox.clouds.core.store import Transaction


class _NodeGroupEffect(Effect):
    """The nodes of a managed node group."""

    outputs = ()

    def create(self, context: Context) -> dict[str, Any]:
        """Join the nodes, spread over the zones of the group's subnets."""
        cluster, group = str(context["clusterName"]), str(context["nodeGroupName"])
        region, type_ = str(context["region"]), _instance_type(context)
        shape = nodes.machine("aws", type_)
        assert shape is not None  # refused by _known_instance_types
        pool = nodes.Pool(
            cloud="aws",
            region=region,
            machine_type=type_,
            machine=shape,
            labels={
                "eks.amazonaws.com/nodegroup": group,
                "eks.amazonaws.com/capacityType": str(context["capacityType"]),
                "eks.amazonaws.com/nodegroup-image": "ami-" + nodes.stable_hex(str(context["amiType"]), 17),
                **(context.inputs.get("labels") or {}),
            },
            taints=[
                nodes.taint(t["key"], t.get("value") or "", t["effect"]) for t in context.inputs.get("taints") or ()
            ],
            zone_labels=("topology.ebs.csi.aws.com/zone",),
        )
        zones = nodes.spread(int(context.get("scalingConfig.desiredSize")), _zones(context))
        names = (
            ".".join([_host(f"{cluster}/{group}/{index}"), region, "compute.internal"]) for index in range(len(zones))
        )
        context.clusters.set_node_pool(
            sandbox_cluster(context, cluster), group, nodes.build(pool, zip(names, zones, strict=True))
        )
        return {"sandboxCluster": sandbox_cluster(context, cluster)}

    def update(self, context: Context) -> dict[str, Any]:
        """Scale, label and taint."""
        self.create(context)
        return {}

    def delete(self, context: Context) -> None:
        """Take the nodes away."""
        context.clusters.delete_node_pool(
            sandbox_cluster(context, str(context["clusterName"])), str(context["nodeGroupName"])
        )


def _host(seed: str) -> str:
    digits = nodes.stable_hex(seed, 6)
    return "ip-10-" + "-".join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))


def _zones(context: Context) -> list[str]:
    subnets = [context.find((network.SUBNET,), str(s)) for s in context.inputs.get("subnetIds") or ()]
    return sorted({str(row.outputs["availabilityZone"]) for row in subnets if row is not None})


def _template(context: Context) -> dict[str, Any]:
    template = context.inputs.get("launchTemplate") or {}
    handle = template.get("id") or template.get("name")
    row = context.find((network.LAUNCH_TEMPLATE,), str(handle)) if handle else None
    return row.outputs if row is not None else {}


def _instance_type(context: Context) -> str:
    types = context.inputs.get("instanceTypes") or ()
    return str(next(iter(types), None) or _template(context).get("instanceType") or "t3.medium")


def _known_instance_types(context: Context, tx: Transaction) -> None:
    types = list(context.inputs.get("instanceTypes") or ())
    in_template = _template(context).get("instanceType")
    if types and in_template:
        raise CloudError("InvalidParameterException: Cannot specify instance types in launch template and API request")
    types = types or [_instance_type(context)]
    missing = [t for t in types if nodes.machine("aws", t) is None]
    if missing:
        raise CloudError(f"InvalidParameterException: The following supplied instance types do not exist: {missing}")
    image = str(context.inputs.get("amiType") or "")
    for type_ in types:
        machine = nodes.machine("aws", type_)
        if machine is not None and image and (machine.arch == "arm64") != ("ARM" in image or "arm64" in image):
            raise CloudError(
                f"InvalidParameterException: [{type_}] is not a valid instance type for requested amiType {image}"
            )


def _sizes(context: Context, tx: Transaction) -> None:
    minimum, size, maximum = (context.get(f"scalingConfig.{k}") for k in ("minSize", "desiredSize", "maxSize"))
    if minimum > size:
        raise CloudError(
            f"InvalidParameterException: Minimum capacity {minimum} can't be greater than desired size {size}"
        )
    if size > maximum:
        raise CloudError(f"InvalidParameterException: desired capacity {size} can't be greater than max size {maximum}")


@documented_at("docs.aws.amazon.com/eks/latest/userguide/troubleshooting.html")
def _joins(context: Context, tx: Transaction) -> None:
    row = context.find((CLUSTER,), str(context["clusterName"]))
    if row is None or context.old_inputs or row.outputs.get("bootstrapSelfManagedAddons") is not False:
        return
    addons = [holder.inputs.get("addonName") for holder, _ in tx.holders(row.uid) if holder.type == ADDON]
    if "vpc-cni" not in addons:
        raise CloudError(
            f"waiting for EKS Node Group ({context.id}) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last"
            " error: NodeCreationFailure: Unhealthy nodes in the kubernetes cluster (no network plugin is installed)"
        )


@documented_at("docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html")
def _not_ahead(context: Context, tx: Transaction) -> None:
    row, version = context.find((CLUSTER,), str(context["clusterName"])), context.inputs.get("version")
    if row is not None and is_known(version) and kubernetes_versions.newer(str(version), str(row.outputs["version"])):
        raise CloudError(
            f"InvalidParameterException: Nodegroup Kubernetes version {version} must not be greater than cluster version"
            f" {row.outputs['version']}"
        )


RULES: Final = (
    ResourceRule(  # node_group.go
        NODE_GROUP,
        source="docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html",
        name_patterns={"nodeGroupName": r"[0-9A-Za-z][\w-]{0,62}"},
        id="{clusterName}:{nodeGroupName}",
        name=Name("nodeGroupName"),
        handles=("arn",),
        exists="ResourceInUseException: NodeGroup already exists with name {nodeGroupName} and cluster"
        " name {clusterName}",
        replace=(
            *("amiType", "capacityType", "clusterName", "diskSize", "instanceTypes", "launchTemplate.id"),
            *(
                "launchTemplate.name",
                "nodeGroupName",
                "nodeGroupNamePrefix",
                "nodeRoleArn",
                "remoteAccess",
                "subnetIds",
            ),
        ),
        outputs={
            "arn": lambda c: c.text(ARN + "nodegroup/{clusterName}/{nodeGroupName}/") + c["uuid"],
            "status": "ACTIVE",
            "amiType": "AL2023_x86_64_STANDARD",
            "capacityType": "ON_DEMAND",
            "diskSize": lambda c: None if c.inputs.get("launchTemplate") else 20,
            "instanceTypes": lambda c: [] if _template(c).get("instanceType") else [_instance_type(c)],
            "version": lambda c: _cluster_version(c),
            "releaseVersion": "{version}.4-20260801",
            "updateConfig": {"maxUnavailable": 1},
            "nodeRepairConfig": {"enabled": False},
            "resources": lambda c: [
                {
                    "autoscalingGroups": [{"name": f"eks-{c['nodeGroupName']}-{c['uuid']}"}],
                    "remoteAccessSecurityGroupId": "",
                }
            ],
        },
        volatile=("releaseVersion",),
        references=(
            Reference(
                "clusterName",
                CLUSTER,
                CLUSTER_MISSING,
                delete_error="ResourceInUseException: Cluster has nodegroups attached ({holder})",
            ),
            role("nodeRoleArn", "InvalidParameterException: The role with name {value} cannot be found."),
            network.subnets("subnetIds"),
            Reference(
                "launchTemplate.id",
                network.LAUNCH_TEMPLATE,
                "InvalidRequestException: The specified launch template, with template ID {value}, does not exist.",
            ),
            Reference(
                "launchTemplate.name",
                network.LAUNCH_TEMPLATE,
                "InvalidRequestException: The specified launch template, with template name {value}, does not exist.",
            ),
        ),
        checks=(_sizes, _known_instance_types, _joins, _not_ahead),
        effect=_NodeGroupEffect(),
    ),
)


def _cluster_version(context: Context) -> Any:
    row = context.find((CLUSTER,), str(context["clusterName"]))
    return None if row is None else row.outputs["version"]
