"""Rules of the SIMULATED AWS for access to EKS: access entries, access policies and pod identities, all records.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/eks (the file is named at
each rule).
"""

from __future__ import annotations

import re
from typing import Final

from sandbox.clouds.aws.eks import ARN, CLUSTER, TO_CLUSTER
from sandbox.clouds.aws.identity import role
from sandbox.clouds.core.model import CloudError, Context, Reference, ResourceRule, documented_at
from sandbox.clouds.core.store import Transaction

POD_IDENTITY: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ACCESS_ENTRY: Final = "aws:eks/accessEntry:AccessEntry"
_ACCESS_POLICIES: Final = ("Admin", "ClusterAdmin", "AdminView", "Edit", "View", "SecretReader", "AutoNode")


@documented_at("docs.aws.amazon.com/eks/latest/userguide/access-entries.html")
def _entries_allowed(context: Context, tx: Transaction) -> None:
    row = context.find((CLUSTER,), str(context["clusterName"]))
    mode = (row.outputs.get("accessConfig") or {}).get("authenticationMode") if row is not None else None
    if mode == "CONFIG_MAP":
        raise CloudError(
            "InvalidRequestException: The cluster's authentication mode must be set to one of"
            " [API, API_AND_CONFIG_MAP] to perform this operation."
        )
    if not re.match(r"arn:aws[\w-]*:iam::\d{12}:(role|user)/", str(context["principalArn"])):
        raise CloudError(f"InvalidParameterException: The specified principalArn is invalid: {context['principalArn']}")


@documented_at("docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html")
def _access_policy_exists(context: Context, tx: Transaction) -> None:
    arn = str(context["policyArn"])
    if arn not in {f"arn:aws:eks::aws:cluster-access-policy/AmazonEKS{p}Policy" for p in _ACCESS_POLICIES}:
        raise CloudError(f"ResourceNotFoundException: The specified policyArn could not be found: {arn}")


RULES: Final = (
    ResourceRule(  # access_entry.go
        ACCESS_ENTRY,
        source="docs.aws.amazon.com/eks/latest/APIReference/API_CreateAccessEntry.html",
        id="{clusterName}:{principalArn}",
        exists="ResourceInUseException: The specified access entry resource is already in use on this cluster.",
        replace=("clusterName", "principalArn", "type"),
        defaults={"type": "STANDARD"},
        outputs={
            "accessEntryArn": lambda c: (
                c.text(ARN + "access-entry/{clusterName}/role/{account}/")
                + f"{str(c['principalArn']).rsplit('/', 1)[-1]}/{c['uuid']}"
            ),
            "createdAt": "{now}",
            "modifiedAt": "{now}",
            "kubernetesGroups": [],
            "userName": lambda c: re.sub(":role/", ":assumed-role/", str(c["principalArn"])) + "/{{SessionName}}",
        },
        volatile=("modifiedAt",),
        references=(TO_CLUSTER,),
        checks=(_entries_allowed,),
    ),
    ResourceRule(  # access_policy_association.go
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        source="docs.aws.amazon.com/eks/latest/APIReference/API_AssociateAccessPolicy.html",
        id="{clusterName}#{principalArn}#{policyArn}",
        replace=("accessScope", "clusterName", "policyArn", "principalArn"),
        outputs={"associatedAt": "{now}", "modifiedAt": "{now}"},
        references=(
            TO_CLUSTER,
            Reference(
                "principalArn",
                ACCESS_ENTRY,
                "ResourceNotFoundException: The specified principalArn could not be found."
                " You can view your available access entries with 'aws eks list-access-entries'. ({value})",
                value="{clusterName}:{value}",
                cascade=True,
            ),
        ),
        checks=(_access_policy_exists,),
    ),
    ResourceRule(  # pod_identity_association.go
        POD_IDENTITY,
        source="docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html",
        id="a-{hex17}",
        handles=("subject",),
        exists="ResourceInUseException: Association already exists for {namespace}/{serviceAccount} in {clusterName}",
        replace=("clusterName", "namespace", "serviceAccount"),
        defaults={"disableSessionTags": False},
        outputs={
            "associationId": "{id}",
            "associationArn": ARN + "podidentityassociation/{clusterName}/{id}",
            "subject": "{clusterName}/{namespace}/{serviceAccount}",
        },
        references=(
            TO_CLUSTER,
            role("roleArn", "InvalidParameterException: Role provided in the request does not exist ({value})"),
        ),
    ),
)
