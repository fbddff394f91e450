"""Rules of the SIMULATED AWS for security groups, and for the launch templates that name them.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/ec2 (the file is named at
each rule).
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.clouds.aws.network import (
    ARN,
    DEFAULT_SECURITY_GROUP,
    LAUNCH_TEMPLATE,
    SECURITY_GROUP,
    VPC,
    in_vpc,
    security_groups,
)
from sandbox.clouds.core.model import Context, Effect, Name, Reference, ResourceRule, random_hex

INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


class _Versions(Effect):
    """A launch template gets a new version whenever it changes."""

    outputs = ("latestVersion", "defaultVersion")

    def create(self, context: Context) -> dict[str, Any]:
        return {"latestVersion": 1, "defaultVersion": context.get("defaultVersion") or 1}

    def update(self, context: Context) -> dict[str, Any]:
        latest = int(context.get("latestVersion") or 0) + 1
        follows = context.inputs.get("updateDefaultVersion")
        return {"latestVersion": latest} | ({"defaultVersion": latest} if follows else {})

    def delete(self, context: Context) -> None:
        return


def _default_group(context: Context) -> str:
    vpc = context.find((VPC,), str(context.inputs.get("vpcId")))
    return str(vpc.outputs["defaultSecurityGroupId"]) if vpc is not None else f"sg-{random_hex(17)}"


RULES: Final = (
    ResourceRule(  # vpc_default_security_group.go: adopts the group that the VPC came with
        DEFAULT_SECURITY_GROUP,
        source="docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html",
        id=lambda c: _default_group(c),
        replace=("vpcId",),
        outputs={
            "arn": ARN + "security-group/{id}",
            "description": "default VPC security group",
            "name": "default",
            "ownerId": "{account}",
            "ingress": [],
            "egress": [],
        },
        references=(in_vpc(blocks_delete=False),),
    ),
    ResourceRule(  # vpc_security_group.go
        SECURITY_GROUP,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html",
        name_patterns={"name": r"(?!sg-)[\w .:/()#,@\[\]+=&;{}!$*-]{1,255}"},
        id="sg-{hex17}",
        name=Name(),
        handles=("groupKey",),
        exists="InvalidGroup.Duplicate: The security group '{name}' already exists for VPC '{vpcId}'",
        replace=("description", "name", "namePrefix", "vpcId"),
        defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
        outputs={
            "arn": ARN + "security-group/{id}",
            "groupKey": "{vpcId}/{name}",
            "ownerId": "{account}",
            "ingress": [],
            "egress": [],
        },
        references=(in_vpc(),),
    ),
    ResourceRule(  # vpc_security_group_ingress_rule.go
        INGRESS_RULE,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html",
        id="sgr-{hex17}",
        replace=("securityGroupId",),
        outputs={"arn": ARN + "security-group-rule/{id}", "securityGroupRuleId": "{id}"},
        # EKS owns the group of a cluster, which is no resource of the program. The group's rules go with the group.
        references=(
            Reference(
                "securityGroupId",
                (SECURITY_GROUP, DEFAULT_SECURITY_GROUP),
                "InvalidGroup.NotFound: The security group '{value}' does not exist",
                foreign=("sg-",),
                cascade=True,
            ),
        ),
    ),
    ResourceRule(  # ec2_launch_template.go
        LAUNCH_TEMPLATE,
        source="docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html",
        name_patterns={"name": r"[\w().\-/]{3,128}"},
        id="lt-{hex17}",
        name=Name(),
        handles=("name",),
        exists="InvalidLaunchTemplateName.AlreadyExistsException: Launch template name already in use. ({name})",
        replace=("name", "namePrefix"),
        outputs={"arn": ARN + "launch-template/{id}"},
        references=(security_groups("vpcSecurityGroupIds"),),
        effect=_Versions(),
    ),
)
