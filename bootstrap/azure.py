"""Azure: a managed identity for each environment that deploys there, one for previews, and their rights on subscriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5

import pulumi
import pulumi_azure_native as azure

from bootstrap.documents import ISSUER
from bootstrap.plan import Subscription
from bootstrap.settings import AzureIdentitySettings, RepositorySettings
from fleet import PREVIEW

AUDIENCE = "api://AzureADTokenExchange"
"""The audience of the tokens that azure-native and kubelogin request from GitHub."""
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACCESS_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
"""Role Based Access Control Administrator."""
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CLUSTER_READER = "7f6c6a51-bcf8-42ba-9220-52d62157d7db"
"""Azure Kubernetes Service RBAC Reader: all objects of a cluster, Secrets excepted."""
CLUSTER_USER = "4abbcc35-e782-43d8-92c5-2d3f1bd2253f"
"""Azure Kubernetes Service Cluster User Role: to get a cluster's address, in a kubeconfig without a credential."""
CLUSTER_ADMIN = "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b"
"""Azure Kubernetes Service RBAC Cluster Admin, at the subscription: CI's identities need not join a group of people."""
DEPLOY_ROLES, PREVIEW_ROLES = (CONTRIBUTOR, CLUSTER_ADMIN), (READER, CLUSTER_READER, CLUSTER_USER)
GRANTS = {
    "Group": {
        "Azure Kubernetes Service Cluster User Role": CLUSTER_USER,
        "Azure Kubernetes Service RBAC Cluster Admin": CLUSTER_ADMIN,
        "Azure Kubernetes Service RBAC Reader": CLUSTER_READER,
    },
    "ServicePrincipal": {
        "Contributor": CONTRIBUTOR,
        "Key Vault Crypto User": "12338af0-0e69-4776-bea7-57ae8d297424",
        "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
        "Private DNS Zone Contributor": "b12aa53e-6015-4669-85d0-8515ebb3ae7f",
        "Reader": READER,
        "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    },
}
"""The roles that components/azure/ assigns to others, by the type of principal. The deploy identity may assign these alone.

Azure Backup demands Contributor for a cluster's identity at the group of the snapshots:
learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-concept, "required roles and permissions".
"""


class AzureIdentities(pulumi.ComponentResource):
    """Managed identities in one resource group. `clients` maps an environment to its identity's client id."""

    clients: dict[str, pulumi.Output[str]]
    principals: dict[str, pulumi.Output[str]]
    """Environment to the identity's object id in Entra."""

    def __init__(
        self,
        settings: AzureIdentitySettings,
        github: RepositorySettings,
        subscriptions: Sequence[Subscription],
        directory: str,
    ) -> None:
        super().__init__("bootstrap:azure:Identities", "azure")
        provider = azure.Provider(
            "azure",
            subscription_id=settings.subscription,
            tenant_id=directory,
            location=settings.location,
            opts=pulumi.ResourceOptions(parent=self),
        )
        own = pulumi.ResourceOptions(parent=self, provider=provider)
        group = azure.resources.ResourceGroup("azure", resource_group_name=settings.resource_group, opts=own)
        self.clients, self.principals = {}, {}
        for environment in dict.fromkeys(subscription.environment for subscription in subscriptions):
            name = f"azure-{environment}"
            identity = azure.managedidentity.UserAssignedIdentity(
                name, resource_name_=f"regions-{environment}", resource_group_name=group.name, opts=own
            )
            azure.managedidentity.FederatedIdentityCredential(
                name,
                federated_identity_credential_resource_name="github",
                resource_group_name=group.name,
                resource_name_=identity.name,
                issuer=f"https://{ISSUER}",
                subject=github.subject(environment),
                audiences=[AUDIENCE],
                opts=own,
            )
            self.clients[environment], self.principals[environment] = identity.client_id, identity.principal_id
        for subscription in subscriptions:
            self._grant(subscription, self.principals[subscription.environment], own)
        self.register_outputs({})

    @staticmethod
    def _grant(subscription: Subscription, principal: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
        """An identity's roles in a subscription."""
        is_preview = subscription.environment == PREVIEW
        roles: list[tuple[str, str | None]] = [(role, None) for role in (PREVIEW_ROLES if is_preview else DEPLOY_ROLES)]
        if not is_preview:
            roles.append((ACCESS_ADMINISTRATOR, condition(GRANTS)))
        for role, limit in roles:
            name = f"azure-{subscription.environment}-{subscription.subscription}-{role}"
            azure.authorization.RoleAssignment(
                name,
                role_assignment_name=str(uuid5(NAMESPACE_URL, name)),
                scope=f"/subscriptions/{subscription.subscription}",
                principal_id=principal,
                principal_type="ServicePrincipal",
                role_definition_id=f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
                condition=limit,
                condition_version="2.0" if limit else None,
                opts=opts,
            )


def condition(grants: Mapping[str, Mapping[str, str]]) -> str:
    """Limits role assignments to some roles for each type of principal. No condition can limit the scope of an assignment.

    Source: learn.microsoft.com/azure/role-based-access-control, "delegate-role-assignments-examples" and
    "conditions-authorization-actions-attributes".
    """
    return " AND ".join(
        f"((!(ActionMatches{{'{ASSIGNMENTS}/{action}'}})) OR "
        f"({' OR '.join(_clause(source, kind, roles) for kind, roles in grants.items())}))"
        for action, source in (("write", "Request"), ("delete", "Resource"))
    )


def _clause(source: str, kind: str, roles: Mapping[str, str]) -> str:
    """One type of principal with its roles."""
    return (
        f"(@{source}[{ASSIGNMENTS}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{', '.join(sorted(roles.values()))}}}"
        f" AND @{source}[{ASSIGNMENTS}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'{kind}'}})"
    )
