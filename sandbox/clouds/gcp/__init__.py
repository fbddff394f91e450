"""The SIMULATED Google Cloud: provider configuration, data sources and the register of resource types."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from sandbox.clouds.core import kubernetes_versions, terraform_bridge
from sandbox.clouds.core.crud import Cloud
from sandbox.clouds.core.dialect import Invoke
from sandbox.clouds.core.model import CloudError, Context, ResourceRule
from sandbox.clouds.core.schema import SchemaError, Sdk
from sandbox.clouds.gcp import backup, gke, identity, network, node_pools
from sandbox.clouds.gcp.zones import project_number, zones
from sandbox.provider_sdk.values import UNKNOWN, has_unknowns

# Added by default since version 8 of the provider (`addPulumiAttributionLabel`).
_ATTRIBUTION: Final = {"goog-pulumi-provisioned": "true"}


class GcpDialect:
    """Google Cloud as `sandbox.clouds.core.dialect.Dialect`."""

    name = "gcp"
    sdk = Sdk("pulumi_gcp", closed_enums=False)
    scope = ""  # ids are full paths
    account = "{project}"
    rules: Mapping[str, ResourceRule] = {
        rule.token: rule for module in (network, identity, gke, node_pools, backup) for rule in module.RULES
    }

    def __init__(self) -> None:
        self.invokes: Mapping[str, Invoke] = {
            "gcp:organizations/getProject:getProject": _project,
            "gcp:compute/getZones:getZones": _zones,
            "gcp:container/getEngineVersions:getEngineVersions": _engine_versions,
        }

    def settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The project, region and zone that resources are in by default, and the labels that all get."""
        return {
            "project": config.get("project") or os.environ.get("GOOGLE_PROJECT") or "",
            "region": config.get("region") or os.environ.get("GOOGLE_REGION") or "",
            "zone": config.get("zone") or "",
            "default_labels": config.get("defaultLabels") or {},
            "attribution": _ATTRIBUTION if config.get("addPulumiAttributionLabel") is not False else {},
        }

    def normalise(self, handle: str) -> str:
        """A self link and the path in it name the same thing. A grant's member may have a path in it, too."""
        link = handle.startswith("https://") and "/projects/" in handle
        return "projects/" + handle.split("/projects/", 1)[1] if link else handle

    def inherited_outputs(self, context: Context) -> dict[str, Any]:
        """`pulumiLabels` (the provider's and the resource's) and `effectiveLabels` (with the attribution)."""
        if "effectiveLabels" not in self.sdk.resource(context.rule.token).outputs:
            return {}
        own = context.inputs.get("labels") or context.inputs.get("resourceLabels") or {}
        if has_unknowns(own):
            return {"pulumiLabels": UNKNOWN, "effectiveLabels": UNKNOWN}
        labels = context.settings["default_labels"] | own
        return {"pulumiLabels": labels, "effectiveLabels": context.settings["attribution"] | labels}

    def default_inputs(self, context: Context) -> dict[str, Any]:
        """The project and the region, where the program names none."""
        inputs = self.sdk.resource(context.rule.token).inputs
        added: dict[str, Any] = {}
        if "project" in inputs:
            added["project"] = context["project"]
        if "region" in inputs:
            added["region"] = context["region"]
        if "location" in inputs and context.rule.token in (node_pools.CLUSTER, node_pools.NODE_POOL):
            added["location"] = context["zone"] or context["region"]
        for key, value in added.items():
            if not value:
                raise CloudError(f"{key}: required field is not set. Set gcp:{key} in the stack's configuration")
        return added

    def invalid_name(self, path: str, value: str, pattern: str) -> str:
        """As Google's APIs put it."""
        return (
            f"googleapi: Error 400: Invalid value for field 'resource.{path}': '{value}'. Must be a match of regex"
            f" '{pattern}', invalid"
        )

    def explain(self, error: SchemaError, token: str, name: str) -> str:
        """A refused input in the bridge's words."""
        return terraform_bridge.explain(error, token, name)


def _project(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    project = arguments.get("projectId") or cloud.settings["project"]
    return {
        "id": f"projects/{project}",
        "projectId": project,
        "name": project,
        "number": project_number(project),
        "orgId": "",
        "folderId": "",
        "billingAccount": "",
        "labels": {},
        "effectiveLabels": {},
        "pulumiLabels": {},
        "tags": {},
        "autoCreateNetwork": False,
        "deletionPolicy": "PREVENT",
    }


def _zones(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    project = arguments.get("project") or cloud.settings["project"]
    region = arguments.get("region") or cloud.settings["region"]
    return {
        "id": f"projects/{project}/regions/{region}",
        "names": zones(region),
        "project": project,
        "region": region,
        "status": arguments.get("status"),
    }


def _engine_versions(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    prefix = arguments.get("versionPrefix") or ""
    offered = [v for v in (gke.version(m) for m in reversed(kubernetes_versions.MINORS)) if v.startswith(prefix)]
    default = gke.version(kubernetes_versions.DEFAULT)
    channels = dict.fromkeys(("RAPID", "REGULAR", "STABLE", "EXTENDED"), default)
    return {
        "id": "engine-versions",
        "location": arguments.get("location") or cloud.settings["region"],
        "project": arguments.get("project") or cloud.settings["project"],
        "versionPrefix": prefix or None,
        "defaultClusterVersion": default,
        "latestMasterVersion": next(iter(offered), ""),
        "latestNodeVersion": next(iter(offered), ""),
        "validMasterVersions": offered,
        "validNodeVersions": offered,
        "releaseChannelDefaultVersion": channels,
        "releaseChannelLatestVersion": channels | {"RAPID": gke.version(kubernetes_versions.MINORS[-1])},
        "releaseChannelUpgradeTargetVersion": channels,
    }


DIALECT: Final = GcpDialect()
