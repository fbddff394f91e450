"""Rules of the SIMULATED AWS for EKS managed node groups, whose nodes join a real cluster.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/eks/node_group.go.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.clouds.aws import network, routes
from sandbox.clouds.aws.cluster_access import POD_IDENTITY
from sandbox.clouds.aws.eks import ADDON, ARN, CLUSTER, CLUSTER_MISSING, NODE_GROUP, sandbox_cluster
from sandbox.clouds.aws.identity import ROLE, ROLE_POLICY_ATTACHMENT, role
from sandbox.clouds.core import kubernetes_versions, nodes
from sandbox.clouds.core.crud import Cloud
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
from sandbox.clouds.core.store import Row, Transaction


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
    """Nodes are not ready without their role's policies and without the daemon sets that give pods addresses and rights."""
    row = context.find((CLUSTER,), str(context["clusterName"]))
    if row is None or context.old_inputs:
        return
    reason = next((text for policy, text in _NODE_POLICIES.items() if policy not in _attached(context, tx)), None)
    reason = reason or _closed(context, tx)
    if row.outputs.get("bootstrapSelfManagedAddons") is False:
        reason = reason or _unready(row, tx)
    if reason:
        raise CloudError(
            f"waiting for EKS Node Group ({context.id}) create: unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last"
            f" error: NodeCreationFailure: Instances failed to join the kubernetes cluster ({reason})"
        )


_NODE_POLICIES: Final = {
    "AmazonEKSWorkerNodePolicy": "the node role may not describe the cluster",
    "AmazonEC2ContainerRegistryPullOnly": "the node role may not pull the images of the daemon sets",
}
"""docs.aws.amazon.com/eks/latest/userguide/create-node-role.html. A node role may have ReadOnly in place of PullOnly."""


def _attached(context: Context, tx: Transaction) -> set[str]:
    """The names of AWS's policies that the node role has."""
    row = context.find((ROLE,), str(context["nodeRoleArn"]))
    holders = tx.holders(row.uid) if row is not None else ()
    names = {str(holder.inputs["policyArn"]).rpartition("/")[2] for holder, path in holders if path == "role" and
             holder.type == ROLE_POLICY_ATTACHMENT}  # fmt: skip
    if "AmazonEC2ContainerRegistryReadOnly" in names:
        names.add("AmazonEC2ContainerRegistryPullOnly")
    return names


def _closed(context: Context, tx: Transaction) -> str | None:
    """The reason why nodes reach neither the registry nor EC2's API: a subnet's route table has no way out.

    docs.aws.amazon.com/eks/latest/userguide/private-clusters.html has the endpoints that would do instead.
    """
    scope = context.text("{account}/{region}")
    tables = {
        str(row.inputs.get("subnetId")): row.inputs.get("routeTableId") for row in tx.of_type(routes.ASSOCIATION, scope)
    }
    ways = {
        row.inputs.get("routeTableId")
        for row in tx.of_type(routes.ROUTE, scope)
        if row.inputs.get("destinationCidrBlock") == "0.0.0.0/0"
    }
    closed = [subnet for subnet in context.inputs.get("subnetIds") or () if tables.get(str(subnet)) not in ways]
    return f"{closed[0]} has no route to the internet, where the images of the daemon sets are" if closed else None


def _unready(cluster: Row, tx: Transaction) -> str | None:
    """The reason why nodes of a cluster without EKS's own daemon sets do not become ready.

    github.com/terraform-aws-modules/terraform-aws-eks, issue 3260, and aws/amazon-vpc-cni-k8s, issue 3840.
    """
    holders = [holder for holder, _ in tx.holders(cluster.uid)]
    addons = {holder.inputs.get("addonName") for holder in holders if holder.type == ADDON}
    by_agent = any(
        holder.type == POD_IDENTITY and holder.inputs.get("serviceAccount") == "aws-node" for holder in holders
    )
    if "vpc-cni" not in addons:
        return "no network plugin is installed"
    if "kube-proxy" not in addons:
        return "the network plugin does not reach the API server's service without kube-proxy"
    if by_agent and "eks-pod-identity-agent" not in addons:
        return "the network plugin gets no credentials without the Pod Identity agent"
    return None


@documented_at("docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html")
def _not_ahead(context: Context, tx: Transaction) -> None:
    row, version = context.find((CLUSTER,), str(context["clusterName"])), context.inputs.get("version")
    if row is not None and is_known(version) and kubernetes_versions.newer(str(version), str(row.outputs["version"])):
        raise CloudError(
            f"InvalidParameterException: Nodegroup Kubernetes version {version} must not be greater than cluster version"
            f" {row.outputs['version']}"
        )


def clusters(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    """The names of a region's clusters, as ListClusters gives them."""
    region = str(cloud.settings["region"])
    return {"id": region, "region": region, "names": [row.id for row in _rows(cloud, CLUSTER)]}


def groups(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    """The names of a cluster's node groups, as ListNodegroups gives them."""
    cluster = str(arguments["clusterName"])
    _cluster(cloud, cluster)
    names = [
        str(row.outputs["nodeGroupName"]) for row in _rows(cloud, NODE_GROUP) if row.inputs["clusterName"] == cluster
    ]
    return {"id": cluster, "clusterName": cluster, "region": cloud.settings["region"], "names": names}


def group(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    """A node group, as DescribeNodegroup gives it."""
    cluster, name = str(arguments["clusterName"]), str(arguments["nodeGroupName"])
    row = cloud.lookup(NODE_GROUP, f"{cluster}:{name}")
    if row is None:
        raise CloudError(f"ResourceNotFoundException: No node group found for name: {name}.")
    same = ("amiType", "arn", "clusterName", "instanceTypes", "labels", "nodeGroupName", "nodeRoleArn", "region")
    values = {key: row.outputs.get(key) for key in (*same, "releaseVersion", "status", "subnetIds", "version")}
    return {"id": row.id, **values, "scalingConfigs": [row.outputs["scalingConfig"]]}


def _cluster(cloud: Cloud, name: str) -> None:
    if cloud.lookup(CLUSTER, name) is None:
        raise CloudError(CLUSTER_MISSING.format(value=name))


def _rows(cloud: Cloud, token: str) -> list[Row]:
    with cloud.store.reading() as tx:
        return tx.of_type(token, cloud.context(cloud.rule(token), {}).text(cloud.dialect.scope))


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
            # node_group.go retries for a launch template alone.
            role(
                "nodeRoleArn", "InvalidParameterException: The role with name {value} cannot be found.", retried=False
            ),
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
