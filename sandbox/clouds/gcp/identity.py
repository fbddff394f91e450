"""Rules of the SIMULATED Google Cloud for projects, identities and keys: services, grants, service accounts, KMS.

The `replace` paths are `ForceNew` in hashicorp/terraform-provider-google, google/services/{resourcemanager,kms} and
google/tpgiamresource. To enable a service twice, or to repeat a grant, is no error in Google Cloud.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sandbox.clouds.core.model import CloudError, Context, KeptName, Name, Quota, Reference, ResourceRule, documented_at
from sandbox.clouds.core.store import Transaction
from sandbox.clouds.gcp.paths import deletion_policy, full_path
from sandbox.clouds.gcp.zones import project_number

ACCOUNT: Final = "gcp:serviceaccount/account:Account"
KEY_RING: Final = "gcp:kms/keyRing:KeyRing"
CRYPTO_KEY: Final = "gcp:kms/cryptoKey:CryptoKey"
POOL: Final = "gcp:iam/workloadIdentityPool:WorkloadIdentityPool"
SERVICE_IDENTITY: Final = "gcp:projects/serviceIdentity:ServiceIdentity"
CRYPTO_KEY_MEMBER: Final = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"

_ROBOTS: Final = {
    # cloud.google.com/iam/docs/service-agents
    "container.googleapis.com": "container-engine-robot",
    "compute.googleapis.com": "compute-system",
}
_LATE_ROBOTS: Final = ("container.googleapis.com",)
"""The APIs whose agent may not exist before a call creates it: cloud.google.com/iam/docs/create-service-agents."""
_MEMBER: Final = re.compile(
    r"(user|serviceAccount|group|domain|principal|principalSet|deleted):.+|allUsers|allAuthenticatedUsers"
)


def robot(project: str, service: str) -> str:
    """The service agent of an API in a project."""
    name = _ROBOTS.get(service, "gcp-sa-" + service.split(".", 1)[0])
    return f"service-{project_number(project)}@{name}.iam.gserviceaccount.com"


@documented_at("cloud.google.com/iam/docs/principal-identifiers")
def _member_exists(context: Context, tx: Transaction) -> None:
    member = str(context["member"])
    if not _MEMBER.fullmatch(member):
        raise CloudError(f"googleapi: Error 400: The member {member} is of an unknown type, badRequest")
    agent = next(
        (service for service in _LATE_ROBOTS if member.endswith(robot(str(context["project"]), service))), None
    )
    if agent and not any(row.inputs["service"] == agent for row in tx.of_type(SERVICE_IDENTITY, "")):
        raise CloudError(
            f"googleapi: Error 400: Service account {member.partition(':')[2]} does not exist., badRequest"
        )
    own = re.fullmatch(r"serviceAccount:(.+@(?P<project>[\w-]+)\.iam\.gserviceaccount\.com)", member)
    # Accounts of other projects, and Google's own, are outside of the simulation.
    if own and own["project"] == context["project"] and context.find((ACCOUNT,), own[1]) is None:
        raise CloudError(f"googleapi: Error 400: Service account {own[1]} does not exist., badRequest")


@documented_at("cloud.google.com/iam/docs/understanding-roles")
def _role_form(context: Context, tx: Transaction) -> None:
    role = str(context["role"])
    if not re.fullmatch(r"(roles/[\w.]+|(projects|organizations)/[\w-]+/roles/[\w.]+)", role):
        raise CloudError(f"googleapi: Error 400: Role {role} is not supported for this resource., badRequest")


def _service_name(context: Context, tx: Transaction) -> None:
    service = str(context["service"])
    if not re.fullmatch(r"[a-z0-9-]+\.googleapis\.com", service):
        raise CloudError(
            f"googleapi: Error 403: Not found or permission denied for service(s): {service}., SERVICE_CONFIG_NOT_FOUND"
        )


def _grant(token: str, target: str, source: str, *references: Reference) -> ResourceRule:
    return ResourceRule(
        token,
        source=source,
        id=f"{{{target}}}/{{role}}/{{member}}",
        shared=True,
        replace=(target, "role", "member", "condition"),
        outputs={"etag": "{hex12}="},
        references=references,
        checks=(_member_exists, _role_form),
    )


_POOLS: Final = "projects/{project}/locations/global/workloadIdentityPools/"
_PROVIDERS: Final = "{workloadIdentityPoolId}/providers/"


def _by_number(path: str) -> Callable[[Context], str]:
    """Google names pools and their providers by the project's number."""
    return lambda c: c.text(path).replace(str(c["project"]), project_number(str(c["project"])), 1)


_EMAIL: Final = "{accountId}@{project}.iam.gserviceaccount.com"

RULES: Final = (
    ResourceRule(
        "gcp:projects/service:Service",
        source="cloud.google.com/service-usage/docs/reference/rest/v1/services/enable",
        id="{project}/{service}",
        shared=True,
        counted=True,
        replace=("project", "service"),
        defaults={"disableOnDestroy": True},
        checks=(_service_name,),
    ),
    ResourceRule(
        SERVICE_IDENTITY,
        source="cloud.google.com/service-usage/docs/reference/rest/v1beta1/services/generateServiceIdentity",
        id="projects/{project}/services/{service}",
        shared=True,
        counted=True,
        replace=("project", "service"),
        outputs={
            "email": lambda c: robot(str(c["project"]), str(c["service"])),
            "member": "serviceAccount:{email}",
        },
        checks=(_service_name,),
    ),
    ResourceRule(
        "gcp:projects/defaultServiceAccounts:DefaultServiceAccounts",
        source="cloud.google.com/iam/docs/service-account-types",
        id="projects/{project}",
        replace=("project", "action", "restorePolicy"),
        defaults={"restorePolicy": "REVERT"},
    ),
    _grant(
        "gcp:projects/iAMMember:IAMMember",
        "project",
        "cloud.google.com/resource-manager/reference/rest/v1/projects/setIamPolicy",
    ),
    ResourceRule(
        ACCOUNT,
        source="cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create",
        name_patterns={"accountId": r"[a-z][-a-z0-9]{4,28}[a-z0-9]"},
        quota=Quota(
            100,
            "googleapi: Error 429: Maximum number of service accounts on project reached., rateLimitExceeded",
            "cloud.google.com/iam/quotas",
        ),
        id=f"projects/{{project}}/serviceAccounts/{_EMAIL}",
        name=Name("accountId"),
        handles=("email", "member"),
        exists="googleapi: Error 409: Service account {accountId} already exists within project"
        " projects/{project}., alreadyExists",
        replace=("accountId", "project"),
        defaults={"disabled": False},
        outputs={
            "email": _EMAIL,
            "member": f"serviceAccount:{_EMAIL}",
            "name": "{id}",
            "uniqueId": "{digits21}",
        },
        protected=(deletion_policy,),
    ),
    _grant(
        "gcp:serviceaccount/iAMMember:IAMMember",
        "serviceAccountId",
        "cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/setIamPolicy",
        Reference(
            "serviceAccountId",
            ACCOUNT,
            "googleapi: Error 404: Unknown service account {value}, notFound",
            cascade=True,
        ),
    ),
    # Pools, their providers and roles keep their names for thirty days after they are deleted. Here they do not.
    ResourceRule(
        POOL,
        source="cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools/create",
        name_patterns={"workloadIdentityPoolId": r"(?!gcp-)[a-z0-9-]{4,32}"},
        id=_POOLS + "{workloadIdentityPoolId}",
        exists="googleapi: Error 409: Requested entity already exists, alreadyExists",
        replace=("workloadIdentityPoolId", "project"),
        outputs={"name": _by_number(_POOLS + "{workloadIdentityPoolId}"), "state": "ACTIVE"},
    ),
    ResourceRule(
        "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
        source="cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers/create",
        name_patterns={"workloadIdentityPoolProviderId": r"(?!gcp-)[a-z0-9-]{4,32}"},
        id=_POOLS + _PROVIDERS + "{workloadIdentityPoolProviderId}",
        exists="googleapi: Error 409: Requested entity already exists, alreadyExists",
        replace=("workloadIdentityPoolId", "workloadIdentityPoolProviderId", "project"),
        outputs={"name": _by_number(_POOLS + _PROVIDERS + "{workloadIdentityPoolProviderId}"), "state": "ACTIVE"},
        references=(
            Reference(
                "workloadIdentityPoolId",
                POOL,
                "googleapi: Error 404: Requested entity was not found., notFound",
                cascade=True,
                value=full_path(_POOLS),
            ),
        ),
    ),
    ResourceRule(
        "gcp:projects/iAMCustomRole:IAMCustomRole",
        source="cloud.google.com/iam/docs/reference/rest/v1/projects.roles/create",
        name_patterns={"roleId": r"[\w.]{3,64}"},
        id="projects/{project}/roles/{roleId}",
        exists="googleapi: Error 409: A role named {roleId} in projects/{project} already exists., alreadyExists",
        replace=("project", "roleId"),
        defaults={"stage": "GA"},
        outputs={"name": "{id}", "deleted": False},
    ),
    # The provider deletes no key ring, and of a key its versions alone (resource_kms_key_ring.go, resource_kms_crypto_key.go).
    # Here both go, so that an empty cloud is empty. As in life, no other resource gets their names:
    # cloud.google.com/kms/docs/delete-kms-resources.
    ResourceRule(
        KEY_RING,
        source="cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings/create",
        name_patterns={"name": r"[\w-]{1,63}"},
        id="projects/{project}/locations/{location}/keyRings/{name}",
        keeps_name=KeptName("{id}", "googleapi: Error 409: KeyRing {id} already exists., alreadyExists"),
        name=Name(),
        exists="googleapi: Error 409: KeyRing {id} already exists., alreadyExists",
        replace=("name", "location", "project"),
    ),
    ResourceRule(
        CRYPTO_KEY,
        source="cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/create",
        name_patterns={"name": r"[\w-]{1,63}"},
        id="{keyRing}/cryptoKeys/{name}",
        keeps_name=KeptName("{id}", "googleapi: Error 409: CryptoKey {id} already exists., alreadyExists"),
        name=Name(),
        exists="googleapi: Error 409: CryptoKey {id} already exists., alreadyExists",
        replace=(
            *("keyRing", "name", "purpose", "importOnly", "destroyScheduledDuration", "cryptoKeyBackend"),
            "skipInitialVersionCreation",
        ),
        defaults={"purpose": "ENCRYPT_DECRYPT", "importOnly": False},
        outputs={
            "destroyScheduledDuration": "2592000s",
            "primaries": lambda c: [{"name": f"{c.id}/cryptoKeyVersions/1", "state": "ENABLED"}],
            "versionTemplate": {"algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION", "protectionLevel": "SOFTWARE"},
        },
        references=(Reference("keyRing", KEY_RING, "googleapi: Error 404: KeyRing {value} not found., notFound"),),
        protected=(deletion_policy,),
    ),
    _grant(
        CRYPTO_KEY_MEMBER,
        "cryptoKeyId",
        "cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/setIamPolicy",
        Reference(
            "cryptoKeyId",
            CRYPTO_KEY,
            "googleapi: Error 404: CryptoKey {value} not found., notFound",
            cascade=True,
        ),
    ),
)
