"""Google Cloud: one pool of workload identities for GitHub, and two service accounts in each project of the fleet."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from bootstrap.documents import ISSUER
from bootstrap.plan import DEPLOY, Identity
from bootstrap.settings import Gcp, GitHub
from fleet import PREVIEW

POOL, PROVIDER = "regions-github", "github"
APIS = ("cloudresourcemanager", "iam", "iamcredentials", "serviceusage", "sts")
"""What signing in takes, in the pool's project and in each other."""
ROLES = {
    DEPLOY: (
        *("roles/cloudkms.admin", "roles/compute.networkAdmin", "roles/container.admin", "roles/gkebackup.backupAdmin"),
        "roles/serviceusage.serviceUsageAdmin",
    ),
    PREVIEW: ("roles/browser", "roles/container.viewer"),
}
"""For what components/gcp*.py make; and for what a preview asks: the project's number, and a cluster's objects, Secrets excepted.
None of them opens what a key has encrypted. Source: cloud.google.com/iam/docs/roles-permissions."""
PERMISSIONS = {
    # To make the nodes' accounts, and to have nodes run as them; not keys or tokens of them, nor who else may.
    DEPLOY: [f"iam.serviceAccounts.{verb}" for verb in ("actAs", "create", "delete", "get", "list", "update")],
    # To reach a cluster by its DNS endpoint.
    PREVIEW: ["container.clusters.connect"],
}
"""What no role of Google's has without more."""
GRANTS = ("roles/artifactregistry.reader", "roles/container.clusterViewer", "roles/container.defaultNodeServiceAccount")
"""What components/gcp/cluster.py gives to others on the project: what builds a region may give these alone."""
LIMIT = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{}])"
"""cloud.google.com/iam/docs/setting-limits-on-granting-roles."""


class GcpPool(pulumi.ComponentResource):
    """Whom Google Cloud takes a job for, and as what. `provider` is the full name that signing in wants."""

    provider: pulumi.Output[str]

    def __init__(self, place: Gcp, github: GitHub, identities: Sequence[Identity]) -> None:
        super().__init__("bootstrap:gcp:Pool", "gcp")
        cloud = gcp.Provider("gcp", project=place.project, opts=pulumi.ResourceOptions(parent=self))
        self._own = pulumi.ResourceOptions(parent=self, provider=cloud)
        projects = dict.fromkeys([place.project, *(identity.project for identity in identities)])
        apis = [
            gcp.projects.Service(
                f"gcp-{project}-{api}",
                service=f"{api}.googleapis.com",
                project=project,
                disable_on_destroy=False,  # regions need them still
                opts=self._own,
            )
            for project in projects
            for api in APIS
        ]
        pool = gcp.iam.WorkloadIdentityPool(
            "gcp",
            workload_identity_pool_id=POOL,
            display_name="GitHub, for regions",
            project=place.project,
            opts=self._after(apis),
        )
        provider = gcp.iam.WorkloadIdentityPoolProvider(
            "gcp",
            workload_identity_pool_id=pool.workload_identity_pool_id,
            workload_identity_pool_provider_id=PROVIDER,
            project=place.project,
            oidc=gcp.iam.WorkloadIdentityPoolProviderOidcArgs(issuer_uri=f"https://{ISSUER}"),
            # A token without one of these is refused: a job outside of an environment has none.
            attribute_mapping={
                "google.subject": "assertion.sub",
                "attribute.environment": "assertion.environment",
                "attribute.repository": "assertion.repository",
            },
            attribute_condition=condition(github),
            opts=self._own,
        )
        path = f"projects/{place.number}/locations/global/workloadIdentityPools/{POOL}"
        for identity in identities:
            account = self._account(identity, path, [pool, *apis])
            self._let(identity, account)
        self.provider = provider.workload_identity_pool_provider_id.apply(lambda name: f"{path}/providers/{name}")
        self.register_outputs({})

    def _account(self, identity: Identity, pool: str, after: Sequence[pulumi.Resource]) -> gcp.serviceaccount.Account:
        """A service account, and who may act as it."""
        name = f"gcp-{identity.project}-{identity.purpose}"
        account = gcp.serviceaccount.Account(
            name,
            account_id=f"regions-{identity.purpose}",
            display_name=f"CI: {identity.purpose} regions",
            project=identity.project,
            opts=self._after(after),
        )
        for environment in sorted(identity.trusts):
            gcp.serviceaccount.IAMMember(
                f"{name}-{environment}",
                service_account_id=account.name,
                role="roles/iam.workloadIdentityUser",
                member=f"principalSet://iam.googleapis.com/{pool}/attribute.environment/{environment}",
                opts=self._own,
            )
        return account

    def _let(self, identity: Identity, account: gcp.serviceaccount.Account) -> None:
        """What a service account may do in its project."""
        name, project = f"gcp-{identity.project}-{identity.purpose}", identity.project
        member = pulumi.Output.concat("serviceAccount:", account.email)
        own = gcp.projects.IAMCustomRole(
            name,
            role_id=f"regions.{identity.purpose}",
            title=f"CI: {identity.purpose} regions",
            permissions=PERMISSIONS[identity.purpose],
            project=project,
            opts=self._after([account]),
        )
        gcp.projects.IAMMember(f"{name}-own", project=project, role=own.name, member=member, opts=self._own)
        for role in ROLES[identity.purpose]:
            gcp.projects.IAMMember(
                f"{name}-{role.rpartition('/')[2]}", project=project, role=role, member=member, opts=self._own
            )
        if identity.purpose == DEPLOY:
            gcp.projects.IAMMember(
                f"{name}-grants",
                project=project,
                role="roles/resourcemanager.projectIamAdmin",
                member=member,
                condition=gcp.projects.IAMMemberConditionArgs(
                    title="only what regions give to others",
                    expression=LIMIT.format(", ".join(f"'{each}'" for each in GRANTS)),
                ),
                opts=self._own,
            )

    def _after(self, resources: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(self._own, pulumi.ResourceOptions(depends_on=[*resources]))


def condition(github: GitHub) -> str:
    """Jobs of the repository that are in an environment, as CEL: their subjects begin so."""
    where = [f"assertion.repository == '{github.owner}/{github.repository}'"]
    if github.repository_id:
        where.append(f"assertion.repository_id == '{github.repository_id}'")
    return " && ".join([*where, f"assertion.sub.startsWith('{github.subject('')}')"])
