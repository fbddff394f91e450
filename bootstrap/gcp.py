"""Google Cloud: one pool of workload identities for GitHub, and two service accounts in each project of the fleet."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from bootstrap.documents import ISSUER
from bootstrap.plan import DEPLOY, ServiceAccount
from bootstrap.settings import GcpPoolSettings, RepositorySettings
from fleet import PREVIEW

POOL, PROVIDER = "regions-github", "github"
APIS = ("cloudresourcemanager", "iam", "iamcredentials", "serviceusage", "sts")
"""The APIs that a sign-in calls, in the pool's project and in each project of the fleet."""
REGION_APIS = (
    *(
        "binaryauthorization",
        "cloudkms",
        "compute",
        "container",
        "containersecurity",
        "gkebackup",
        "logging",
        "monitoring",
    ),
)
"""The further APIs that a region's resources need, in each project of the fleet, so that no first `up` waits for them."""
ROLES = {DEPLOY: ("roles/compute.networkAdmin", "roles/container.admin"), PREVIEW: ("roles/container.viewer",)}
"""Purpose to roles. DEPLOY creates the resources of components/gcp/. PREVIEW reads a cluster's objects except Secrets.

Source: cloud.google.com/iam/docs/roles-permissions."""


def _permissions(kind: str, *verbs: str) -> list[str]:
    return [f"{kind}.{verb}" for verb in verbs]


PERMISSIONS = {
    DEPLOY: [
        # To create the nodes' accounts, and to run nodes as them. Not their keys and tokens, nor their IAM policies.
        *_permissions("iam.serviceAccounts", "actAs", "create", "delete", "get", "list", "update"),
        # To create keys, to let GKE's agent use them, and to destroy them. No encryption and no decryption.
        *_permissions("cloudkms.keyRings", "create", "get", "list"),
        *_permissions("cloudkms.cryptoKeys", "create", "get", "getIamPolicy", "list", "setIamPolicy", "update"),
        *_permissions("cloudkms.cryptoKeyVersions", "destroy", "get", "list"),
        # To set up backups. A plan outlives its region, so nothing here deletes a plan or a backup.
        *_permissions("gkebackup.backupPlans", "create", "get", "list", "update"),
        "gkebackup.operations.get",
        # To turn APIs on, and never off.
        *_permissions("serviceusage.services", "enable", "generateServiceIdentity", "get", "list", "use"),
        "serviceusage.operations.get",
    ],
    # To reach a cluster by its DNS endpoint.
    PREVIEW: ["container.clusters.connect"],
}
"""Permissions that each role of Google's combines with others."""
GRANTS = ("roles/artifactregistry.reader", "roles/container.clusterViewer", "roles/container.defaultNodeServiceAccount")
"""The roles in the project that components/gcp/ grants to others. The deploy identity may grant these alone."""
LIMIT = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{}])"
"""cloud.google.com/iam/docs/setting-limits-on-granting-roles."""


class GcpPool(pulumi.ComponentResource):
    """The pool of workload identities and the service accounts. `provider` is the provider's full name, for the sign-in."""

    provider: pulumi.Output[str]

    def __init__(
        self, settings: GcpPoolSettings, github: RepositorySettings, accounts: Sequence[ServiceAccount]
    ) -> None:
        super().__init__("bootstrap:gcp:Pool", "gcp")
        cloud = gcp.Provider("gcp", project=settings.project, opts=pulumi.ResourceOptions(parent=self))
        self._own = pulumi.ResourceOptions(parent=self, provider=cloud)
        apis = self._enable_apis(settings.project, APIS)
        for project in dict.fromkeys(account.project for account in accounts):
            others = REGION_APIS if project == settings.project else (*APIS, *REGION_APIS)
            apis += self._enable_apis(project, others)
            self._disable_default_accounts(project, apis)
        pool = gcp.iam.WorkloadIdentityPool(
            "gcp",
            workload_identity_pool_id=POOL,
            display_name="GitHub, for regions",
            project=settings.project,
            opts=self._after(apis),
        )
        provider = gcp.iam.WorkloadIdentityPoolProvider(
            "gcp",
            workload_identity_pool_id=pool.workload_identity_pool_id,
            workload_identity_pool_provider_id=PROVIDER,
            project=settings.project,
            oidc=gcp.iam.WorkloadIdentityPoolProviderOidcArgs(issuer_uri=f"https://{ISSUER}"),
            # Google Cloud refuses a token without one of these. A job outside of an environment has no `environment`.
            attribute_mapping={
                "google.subject": "assertion.sub",
                "attribute.environment": "assertion.environment",
                "attribute.repository": "assertion.repository",
            },
            attribute_condition=condition(github),
            opts=self._own,
        )
        path = f"projects/{settings.number}/locations/global/workloadIdentityPools/{POOL}"
        for account in accounts:
            self._grant_roles(account, self._create_account(account, path, [pool, *apis]))
        self.provider = provider.workload_identity_pool_provider_id.apply(lambda name: f"{path}/providers/{name}")
        self.register_outputs({})

    def _enable_apis(self, project: str, names: Sequence[str]) -> list[gcp.projects.Service]:
        return [
            gcp.projects.Service(
                f"gcp-{project}-{name}",
                service=f"{name}.googleapis.com",
                project=project,
                disable_on_destroy=False,  # regions still need them
                opts=self._own,
            )
            for name in names
        ]

    def _disable_default_accounts(self, project: str, apis: Sequence[pulumi.Resource]) -> None:
        """Take the default accounts of Compute Engine and App Engine out of the deploy account's reach.

        Both accounts are editors of the project, and the deploy account may run nodes as any account. Compute Engine's API
        makes its own: cloud.google.com/iam/docs/service-account-types#default.
        """
        gcp.projects.DefaultServiceAccounts(
            f"gcp-{project}", project=project, action="DISABLE", restore_policy="REVERT", opts=self._after(apis)
        )

    def _create_account(
        self, account: ServiceAccount, pool: str, after: Sequence[pulumi.Resource]
    ) -> gcp.serviceaccount.Account:
        """A service account, and the environments whose jobs may act as it."""
        name = f"gcp-{account.project}-{account.purpose}"
        resource = gcp.serviceaccount.Account(
            name,
            account_id=f"regions-{account.purpose}",
            display_name=f"CI: {account.purpose} regions",
            project=account.project,
            opts=self._after(after),
        )
        for environment in sorted(account.trusts):
            gcp.serviceaccount.IAMMember(
                f"{name}-{environment}",
                service_account_id=resource.name,
                role="roles/iam.workloadIdentityUser",
                member=f"principalSet://iam.googleapis.com/{pool}/attribute.environment/{environment}",
                opts=self._own,
            )
        return resource

    def _grant_roles(self, account: ServiceAccount, resource: gcp.serviceaccount.Account) -> None:
        """A service account's roles in its project."""
        name, project = f"gcp-{account.project}-{account.purpose}", account.project
        member = pulumi.Output.concat("serviceAccount:", resource.email)
        own = gcp.projects.IAMCustomRole(
            name,
            role_id=f"regions.{account.purpose}",
            title=f"CI: {account.purpose} regions",
            permissions=PERMISSIONS[account.purpose],
            project=project,
            opts=self._after([resource]),
        )
        gcp.projects.IAMMember(f"{name}-own", project=project, role=own.name, member=member, opts=self._own)
        for role in ROLES[account.purpose]:
            gcp.projects.IAMMember(
                f"{name}-{role.rpartition('/')[2]}", project=project, role=role, member=member, opts=self._own
            )
        if account.purpose == DEPLOY:
            gcp.projects.IAMMember(
                f"{name}-grants",
                project=project,
                role="roles/resourcemanager.projectIamAdmin",
                member=member,
                condition=gcp.projects.IAMMemberConditionArgs(
                    title="only roles that regions grant to others",
                    expression=LIMIT.format(", ".join(f"'{role}'" for role in GRANTS)),
                ),
                opts=self._own,
            )

    def _after(self, resources: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(self._own, pulumi.ResourceOptions(depends_on=[*resources]))


def condition(github: RepositorySettings) -> str:
    """The condition on a token, as CEL: the repository's, from a job in an environment, whose subject begins so."""
    terms = [f"assertion.repository == '{github.owner}/{github.repository}'"]
    if github.repository_id:
        terms.append(f"assertion.repository_id == '{github.repository_id}'")
    return " && ".join([*terms, f"assertion.sub.startsWith('{github.subject('')}')"])
