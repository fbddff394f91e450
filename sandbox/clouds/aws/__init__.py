"""The SIMULATED Amazon Web Services: provider configuration, data sources and the register of resource types."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

from sandbox.clouds.aws import (
    backup,
    cluster_access,
    eks,
    endpoints,
    identity,
    network,
    node_groups,
    routes,
    security,
    storage,
    transit,
)
from sandbox.clouds.aws.zones import zone_ids
from sandbox.clouds.core import terraform_bridge
from sandbox.clouds.core.crud import Cloud
from sandbox.clouds.core.dialect import Invoke
from sandbox.clouds.core.model import CloudError, Context, ResourceRule
from sandbox.clouds.core.schema import SchemaError, Sdk
from sandbox.provider_sdk.values import UNKNOWN, has_unknowns

_NO_ACCOUNT: Final = "000000000000"
_REGION: Final = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx|cn)(-gov)?-(north|south|east|west|central)(east|west)?-\d")
_ROLE_ACCOUNT: Final = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):role/")


class AwsDialect:
    """AWS as `sandbox.clouds.core.dialect.Dialect`."""

    name = "aws"
    # The SDK's enums lag behind AWS (managed policies, regions), so other strings pass.
    sdk = Sdk("pulumi_aws", closed_enums=False)
    scope = "{account}/{region}"
    account = "{account}"
    rules: Mapping[str, ResourceRule] = {
        rule.token: rule
        for module in (
            network,
            routes,
            endpoints,
            security,
            identity,
            storage,
            eks,
            cluster_access,
            node_groups,
            backup,
            transit,
        )
        for rule in module.RULES
    }

    def __init__(self) -> None:
        self.invokes: Mapping[str, Invoke] = {
            "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
            "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
            "aws:eks/getClusters:getClusters": node_groups.clusters,
            "aws:eks/getNodeGroups:getNodeGroups": node_groups.groups,
            "aws:eks/getNodeGroup:getNodeGroup": node_groups.group,
            "aws:index/getPartition:getPartition": _partition,
            "aws:index/getRegion:getRegion": _region,
        }

    def settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The region and the account: the assumed role's, else the first allowed one, else twelve zeros."""
        region = config.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
        if region and not _REGION.fullmatch(region):
            raise CloudError(f"invalid AWS Region: {region}")
        allowed = [str(a) for a in config.get("allowedAccountIds") or ()]
        roles = [str(r.get("roleArn", "")) for r in config.get("assumeRoles") or ()]
        assumed = next((m.group(1) for role in roles if (m := _ROLE_ACCOUNT.match(role))), None)
        account = assumed or next(iter(allowed), _NO_ACCOUNT)
        forbidden = [str(a) for a in config.get("forbiddenAccountIds") or ()]
        if account in forbidden or (allowed and account not in allowed):
            raise CloudError(f"AWS account ID not allowed: {account}")
        return {
            "region": region,
            "account": account,
            "default_tags": (config.get("defaultTags") or {}).get("tags") or {},
        }

    def normalise(self, handle: str) -> str:
        """Ids and names are compared as they are."""
        return handle

    def inherited_outputs(self, context: Context) -> dict[str, Any]:
        """`tagsAll`: the provider's default tags with the resource's own over them."""
        if "tagsAll" not in self.sdk.resource(context.rule.token).outputs:
            return {}
        own = context.inputs.get("tags") or {}
        if has_unknowns(own):
            return {"tagsAll": UNKNOWN}
        return {"tagsAll": context.settings["default_tags"] | own}

    def default_inputs(self, context: Context) -> dict[str, Any]:
        """The region, which every regional resource of the provider's version 7 carries."""
        if "region" not in self.sdk.resource(context.rule.token).inputs:
            return {}
        region = context["region"]
        if not region:
            raise CloudError(
                "Missing region configuration: set aws:region in the stack's configuration, or `region` on the provider"
            )
        return {"region": region}

    def invalid_name(self, path: str, value: str, pattern: str) -> str:
        """The message of all AWS services."""
        return (
            f"ValidationException: 1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: Member"
            f" must satisfy regular expression pattern: {pattern}"
        )

    def explain(self, error: SchemaError, token: str, name: str) -> str:
        """A refused input in the bridge's words."""
        return terraform_bridge.explain(error, token, name)


def _caller_identity(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    account = cloud.settings["account"]
    return {
        "accountId": account,
        "arn": f"arn:aws:sts::{account}:assumed-role/sandbox/pulumi",
        "userId": "AROASANDBOXSANDBOX00:pulumi",
        "id": account,
    }


def _availability_zones(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    region = arguments.get("region") or cloud.settings["region"]
    ids = zone_ids(region, cloud.settings["account"])
    excluded = {*(arguments.get("excludeNames") or ()), *(arguments.get("excludeZoneIds") or ())}
    names = [zone for zone in ids if not excluded & {zone, ids[zone]}]
    return arguments | {
        "id": region,
        "region": region,
        "names": names,
        "zoneIds": [ids[zone] for zone in names],
        "groupNames": [region],
    }


def _partition(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _region(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    region = arguments.get("region") or arguments.get("name") or cloud.settings["region"]
    return {
        "id": region,
        "name": region,
        "region": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
        "description": f"{region} (simulated)",
    }


DIALECT: Final = AwsDialect()
