"""Rules of the SIMULATED AWS for identities and keys: IAM roles and policies, KMS keys.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-aws, internal/service/iam and
internal/service/kms.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sandbox.clouds.core.model import (
    CloudError,
    Context,
    Name,
    Reference,
    Refusal,
    ResourceRule,
    documented_at,
    is_known,
)
from sandbox.clouds.core.store import Transaction

ROLE: Final = "aws:iam/role:Role"
POLICY: Final = "aws:iam/policy:Policy"
KEY: Final = "aws:kms/key:Key"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
ROLE_POLICY_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

_IAM: Final = "{account}"
"""IAM is global: names are unique in the account, across all regions."""
_OWNED_BY_AWS: Final = ("arn:aws:iam::aws:",)


def role(path: str, missing: str, *, retried: bool = True) -> Reference:
    """A role that a resource uses, by ARN. AWS lets the role go while it is used.

    The provider asks again for two minutes while IAM's changes spread (internal/service/iam, propagationTimeout), but not for
    every type of resource."""
    return Reference(path, ROLE, missing, foreign=("arn:aws:iam::aws:role/aws-service-role/",), retried=retried)


def key(path: str, missing: str = "NotFoundException: Key '{value}' does not exist") -> Reference:
    """A KMS key that a resource uses."""
    return Reference(path, KEY, missing)


def _is_json(path: str, error: str) -> Any:
    def check(context: Context, tx: Transaction) -> None:
        document = context.inputs.get(path)
        if not is_known(document):
            return
        try:
            parsed = json.loads(str(document))
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict) or "Statement" not in parsed:
            raise CloudError(f"{error}: {path} is no JSON policy document with a Statement")

    return check


def principals(error: str) -> Refusal:
    """Refuse a resource policy that names a role that does not exist, in any account."""

    def check(context: Context, tx: Transaction) -> None:
        policy = context.inputs.get("policy")
        for statement in json.loads(str(policy))["Statement"] if is_known(policy) else ():
            principal = statement.get("Principal")
            arns = principal.get("AWS", ()) if isinstance(principal, dict) else ()
            for arn in [arns] if isinstance(arns, str) else arns:
                account = re.fullmatch(r"arn:aws:iam::(\d{12}):role/.+", arn)
                if account and tx.by_handle(ROLE, account[1], arn) is None:
                    raise CloudError(f"{error}: {arn}")

    return check


@documented_at("docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html")
def _detaches(context: Context, tx: Transaction) -> None:
    row = context.find((ROLE,), context.id)
    if row is None or context.get("forceDetachPolicies"):
        return
    kinds = {holder.type for holder, path in tx.holders(row.uid) if path == "role"}
    if ROLE_POLICY_ATTACHMENT in kinds:
        raise CloudError("DeleteConflict: Cannot delete entity, must detach all policies first.")
    if ROLE_POLICY in kinds:
        raise CloudError("DeleteConflict: Cannot delete entity, must delete policies first.")


_TO_ROLE: Final = Reference(
    "role", ROLE, "NoSuchEntity: The role with name {value} cannot be found.", cascade=True, retried=True
)

RULES: Final = (
    ResourceRule(  # iam/role.go
        ROLE,
        source="docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
        name_patterns={"name": r"[\w+=,.@-]{1,64}"},
        # docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html, "changes that I make are not always visible"
        propagation_seconds=0.3,
        id="{name}",
        name=Name(),
        scope=_IAM,
        handles=("arn",),
        exists="EntityAlreadyExists: Role with name {name} already exists.",
        replace=("name", "namePrefix", "path"),
        defaults={"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False},
        outputs={
            "arn": "arn:aws:iam::{account}:role{path}{name}",
            "createDate": "{now}",
            "uniqueId": lambda c: f"AROA{c['hex16'].upper()}",
            "managedPolicyArns": [],
            "inlinePolicies": [],
        },
        checks=(_is_json("assumeRolePolicy", "MalformedPolicyDocument"),),
        protected=(_detaches,),
        json=("assumeRolePolicy",),
    ),
    ResourceRule(  # iam/role_policy.go
        ROLE_POLICY,
        source="docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html",
        name_patterns={"name": r"[\w+=,.@-]{1,128}"},
        id="{role}:{name}",
        name=Name(),
        scope=_IAM,
        replace=("name", "namePrefix", "role"),
        references=(_TO_ROLE,),
        checks=(_is_json("policy", "MalformedPolicyDocument"),),
        json=("policy",),
    ),
    ResourceRule(  # iam/role_policy_attachment.go
        ROLE_POLICY_ATTACHMENT,
        source="docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html",
        id="{role}/{policyArn}",
        scope=_IAM,
        replace=("policyArn", "role"),
        references=(
            _TO_ROLE,
            Reference(
                "policyArn",
                POLICY,
                "NoSuchEntity: Policy {value} does not exist or is not attachable.",
                delete_error="DeleteConflict: Cannot delete a policy attached to entities. ({holder})",
                foreign=_OWNED_BY_AWS,
            ),
        ),
    ),
    ResourceRule(  # iam/policy.go: its id is its ARN
        POLICY,
        source="docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html",
        name_patterns={"name": r"[\w+=,.@-]{1,128}"},
        id=lambda c: c.text(f"arn:aws:iam::{{account}}:policy{c['path'] or '/'}{{name}}"),
        name=Name(),
        scope=_IAM,
        exists="EntityAlreadyExists: A policy called {name} already exists. Duplicate names are not allowed.",
        replace=("description", "name", "namePrefix", "path"),
        defaults={"path": "/"},
        outputs={"arn": "{id}", "attachmentCount": 0, "policyId": lambda c: f"ANPA{c['hex16'].upper()}"},
        checks=(_is_json("policy", "MalformedPolicyDocument"),),
        json=("policy",),
    ),
    ResourceRule(  # iam/openid_connect_provider.go: its id is its ARN
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        source="docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html",
        name_patterns={"url": r"https://[\w.\-/]{1,247}"},
        id=lambda c: c.text(f"arn:aws:iam::{{account}}:oidc-provider/{str(c['url']).removeprefix('https://')}"),
        scope=_IAM,
        exists="EntityAlreadyExists: Provider with url {url} already exists.",
        replace=("url",),
        outputs={"arn": "{id}", "thumbprintLists": []},
    ),
    ResourceRule(  # kms/key.go
        KEY,
        source="docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html",
        id="{uuid}",
        handles=("arn",),
        replace=("customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"),
        defaults={
            "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "keyUsage": "ENCRYPT_DECRYPT",
            "isEnabled": True,
            "enableKeyRotation": False,
            "bypassPolicyLockoutSafetyCheck": False,
        },
        outputs={
            "arn": "arn:aws:kms:{region}:{account}:key/{id}",
            "keyId": "{id}",
            "multiRegion": False,
            "description": "",
            "rotationPeriodInDays": lambda c: 365 if c.get("enableKeyRotation") else None,
            "policy": lambda c: json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "Enable IAM User Permissions",
                            "Effect": "Allow",
                            "Principal": {"AWS": f"arn:aws:iam::{c['account']}:root"},
                            "Action": "kms:*",
                            "Resource": "*",
                        }
                    ],
                }
            ),
        },
        checks=(
            _is_json("policy", "MalformedPolicyDocumentException"),
            principals(
                "MalformedPolicyDocumentException: Policy contains a statement with one or more invalid principals"
            ),
        ),
        json=("policy",),
    ),
    ResourceRule(  # kms/alias.go
        "aws:kms/alias:Alias",
        source="docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html",
        name_patterns={"name": r"alias/(?!aws/)[a-zA-Z0-9:/_-]{1,250}"},
        id="{name}",
        name=Name(pattern="alias/{name}-{hex7}"),
        exists="AlreadyExistsException: An alias with the name {name} already exists",
        replace=("name", "namePrefix"),
        outputs={
            "arn": "arn:aws:kms:{region}:{account}:{name}",
            "targetKeyArn": lambda c: _key_arn(c),
        },
        volatile=("targetKeyArn",),
        references=(key("targetKeyId"),),
    ),
)


def _key_arn(context: Context) -> Any:
    row = context.find((KEY,), str(context.inputs.get("targetKeyId")))
    return None if row is None else row.outputs["arn"]
