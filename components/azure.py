"""A region's cluster on Azure: AKS on private nodes, in a resource group and network of its own. Reads as it is built."""

from __future__ import annotations

import base64
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pulumi
import pulumi_azure_native as azure
import yaml

from components import addresses
from components.cluster import ClusterArgs, ClusterInfo, StorageDriver, kubeconfig, labels, zones

AKS_SERVER_ID = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The Entra application of every AKS cluster: learn.microsoft.com/azure/aks/kubelogin-authentication."""
ROLES = {
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Azure Kubernetes Service RBAC Cluster Admin": "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
    "Key Vault Crypto User": "12338af0-0e69-4776-bea7-57ae8d297424",
}
"""Built-in roles: learn.microsoft.com/azure/role-based-access-control/built-in-roles."""
SYSTEM_NODES = 3
POD_RANGE, SERVICE_RANGE, DNS_ADDRESS = "192.168.0.0/16", "172.16.0.0/16", "172.16.0.10"
"""The overlay's ranges: seen only inside the cluster, so every region may have the same."""


class AzureCluster(pulumi.ComponentResource):
    """An AKS cluster with its resource group, network, key, identity and nodes. `info` is what the region needs of it."""

    info: ClusterInfo

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:azure:Cluster", name, None, opts)
        region, settings = args.region, args.region.settings
        account = settings.azure
        assert account is not None, "fleet refuses a region on Azure without `azure` settings"
        tags, plan = labels(region), addresses.azure(settings.network)
        provider = azure.Provider(
            name,
            subscription_id=account.subscription_id,
            tenant_id=account.directory_id,
            location=settings.location,
            opts=pulumi.ResourceOptions(parent=self),
        )
        own = pulumi.ResourceOptions(parent=self, provider=provider)
        kept = pulumi.ResourceOptions(parent=self, provider=provider, protect=region.protected)
        numbers = zones(region, ("1", "2", "3"))

        group = azure.resources.ResourceGroup(name, resource_group_name=name, tags=tags, opts=kept)
        vnet = azure.network.VirtualNetwork(
            name,
            virtual_network_name=name,
            resource_group_name=group.name,
            address_space=azure.network.AddressSpaceArgs(address_prefixes=[str(settings.network)]),
            tags=tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=provider,
                # The subnets are resources of their own; Azure shows them here as well.
                ignore_changes=["subnets"],
            ),
        )
        address = azure.network.PublicIPAddress(
            f"{name}-nat",
            public_ip_address_name=f"{name}-nat",
            resource_group_name=group.name,
            sku=azure.network.PublicIPAddressSkuArgs(name="Standard"),
            public_ip_allocation_method="Static",
            tags=tags,
            opts=own,
        )
        nat = azure.network.NatGateway(
            name,
            nat_gateway_name=name,
            resource_group_name=group.name,
            sku=azure.network.NatGatewaySkuArgs(name="Standard"),
            public_ip_addresses=[azure.network.SubResourceArgs(id=address.id)],
            tags=tags,
            opts=own,
        )
        node_subnet = azure.network.Subnet(
            f"{name}-nodes",
            subnet_name="nodes",
            resource_group_name=group.name,
            virtual_network_name=vnet.name,
            address_prefix=str(plan.nodes),
            default_outbound_access=False,
            nat_gateway=azure.network.SubResourceArgs(id=nat.id),
            opts=own,
        )
        api_subnet = azure.network.Subnet(
            f"{name}-api-server",
            subnet_name="api-server",
            resource_group_name=group.name,
            virtual_network_name=vnet.name,
            address_prefix=str(plan.api_server),
            delegations=[
                azure.network.DelegationArgs(name="aks", service_name="Microsoft.ContainerService/managedClusters")
            ],
            # Azure changes one subnet of a network at a time, and fails the other (AnotherOperationInProgress).
            opts=pulumi.ResourceOptions(parent=self, provider=provider, depends_on=[node_subnet]),
        )

        identity = azure.managedidentity.UserAssignedIdentity(
            name, resource_name_=f"{name}-cluster", resource_group_name=group.name, tags=tags, opts=own
        )
        vault = azure.keyvault.Vault(
            name,
            vault_name=vault_name(account.subscription_id, name),
            resource_group_name=group.name,
            properties=azure.keyvault.VaultPropertiesArgs(
                tenant_id=account.directory_id,
                sku=azure.keyvault.SkuArgs(family="A", name="standard"),
                enable_rbac_authorization=True,
                enable_purge_protection=True,
                soft_delete_retention_in_days=90,
            ),
            tags=tags,
            opts=kept,
        )
        key = azure.keyvault.Key(
            name,
            key_name="etcd",
            vault_name=vault.name,
            resource_group_name=group.name,
            properties=azure.keyvault.KeyPropertiesArgs(kty="RSA", key_size=3072),
            opts=kept,
        )
        rights = [
            self._grant(f"{name}-{what}", role, scope, identity.principal_id, "ServicePrincipal", own)
            for what, role, scope in (
                ("network", "Network Contributor", vnet.id),
                ("etcd-key", "Key Vault Crypto User", vault.id),
            )
        ]

        cluster = azure.containerservice.ManagedCluster(
            name,
            resource_name_=name,
            resource_group_name=group.name,
            dns_prefix=name,
            kubernetes_version=settings.kubernetes_version,
            sku=azure.containerservice.ManagedClusterSKUArgs(name="Base", tier="Standard"),
            identity=azure.containerservice.ManagedClusterIdentityArgs(
                type="UserAssigned", user_assigned_identities=[identity.id]
            ),
            enable_rbac=True,
            disable_local_accounts=True,
            aad_profile=azure.containerservice.ManagedClusterAADProfileArgs(
                managed=True, enable_azure_rbac=True, tenant_id=account.directory_id
            ),
            api_server_access_profile=azure.containerservice.ManagedClusterAPIServerAccessProfileArgs(
                enable_vnet_integration=True,
                subnet_id=api_subnet.id,
                enable_private_cluster=not settings.api_access,
                authorized_ip_ranges=[str(cidr) for cidr in settings.api_access] or None,
                disable_run_command=True,
            ),
            network_profile=azure.containerservice.ContainerServiceNetworkProfileArgs(
                network_plugin="azure",
                network_plugin_mode="overlay",
                network_dataplane="cilium",
                network_policy="cilium",
                outbound_type="userAssignedNATGateway",
                pod_cidr=POD_RANGE,
                service_cidr=SERVICE_RANGE,
                dns_service_ip=DNS_ADDRESS,
                load_balancer_sku="standard",
            ),
            oidc_issuer_profile=azure.containerservice.ManagedClusterOIDCIssuerProfileArgs(enabled=True),
            security_profile=azure.containerservice.ManagedClusterSecurityProfileArgs(
                workload_identity=azure.containerservice.ManagedClusterSecurityProfileWorkloadIdentityArgs(
                    enabled=True
                ),
                azure_key_vault_kms=azure.containerservice.AzureKeyVaultKmsArgs(
                    enabled=True, key_id=key.key_uri_with_version, key_vault_network_access="Public"
                ),
            ),
            auto_upgrade_profile=azure.containerservice.ManagedClusterAutoUpgradeProfileArgs(
                upgrade_channel="patch", node_os_upgrade_channel="NodeImage"
            ),
            # Only the system's own pods; the region's pools are resources of their own, since editing pools here puts
            # all of them into scaling at once.
            agent_pool_profiles=[
                azure.containerservice.ManagedClusterAgentPoolProfileArgs(
                    name="system",
                    mode="System",
                    vm_size=settings.node_pools["general"].machine_type,
                    count=SYSTEM_NODES,
                    availability_zones=numbers,
                    vnet_subnet_id=node_subnet.id,
                    os_sku="AzureLinux",
                    node_taints=["CriticalAddonsOnly=true:NoSchedule"],
                )
            ],
            tags=tags,
            opts=pulumi.ResourceOptions(
                parent=self, provider=provider, protect=region.protected, depends_on=[*rights, nat]
            ),
        )
        pools = [
            azure.containerservice.AgentPool(
                f"{name}-{pool_name}",
                agent_pool_name=pool_name.replace("-", "")[:12],  # AKS takes at most 12 letters and digits
                resource_group_name=group.name,
                resource_name_=cluster.name,
                mode="User",
                vm_size=pool.machine_type,
                # Needed even though the autoscaler sets it from then on.
                count=pool.min_nodes,
                enable_auto_scaling=True,
                min_count=pool.min_nodes,
                max_count=pool.max_nodes,
                availability_zones=numbers,
                vnet_subnet_id=node_subnet.id,
                os_sku="AzureLinux",
                node_labels={"regions/pool": pool_name},
                upgrade_settings=azure.containerservice.AgentPoolUpgradeSettingsArgs(max_surge="33%"),
                tags=tags,
                opts=pulumi.ResourceOptions(parent=self, provider=provider, ignore_changes=["count"]),
            )
            for pool_name, pool in settings.node_pools.items()
        ]
        admin = self._grant(
            f"{name}-admin",
            "Azure Kubernetes Service RBAC Cluster Admin",
            cluster.id,
            pulumi.Output.from_input(account.admin_group_id),
            "Group",
            own,
        )

        # Azure tells a cluster's certificate authority only inside of a kubeconfig.
        credentials = azure.containerservice.list_managed_cluster_user_credentials_output(
            resource_group_name=group.name,
            resource_name=cluster.name,
            opts=pulumi.InvokeOutputOptions(parent=self, provider=provider),
        )
        access = credentials.kubeconfigs.apply(lambda configs: cluster_entry(configs[0].value))
        ready = pulumi.Output.all(admin.id, *(pool.id for pool in pools))
        self.info = ClusterInfo(
            name=cluster.name,
            endpoint=access["server"],
            certificate_authority=access["certificate-authority-data"],
            kubeconfig=pulumi.Output.all(access, ready).apply(
                lambda values: kubeconfig(
                    name, values[0]["server"], values[0]["certificate-authority-data"], "kubelogin",
                    ["get-token", "--server-id", AKS_SERVER_ID, "--tenant-id", account.directory_id, "--login", "azurecli"],
                )
            ),
            identity=cluster.resource_uid,
            storage=StorageDriver("disk.csi.azure.com", {"skuName": "Premium_LRS"}),
            sign_in=f"az aks get-credentials --name {name} --resource-group {name} --subscription {account.subscription_id}",
        )  # fmt: skip
        self.register_outputs({"name": self.info.name, "endpoint": self.info.endpoint})

    def _grant(
        self,
        name: str,
        role: str,
        scope: pulumi.Input[str],
        principal: pulumi.Input[str],
        kind: str,
        own: pulumi.ResourceOptions,
    ) -> azure.authorization.RoleAssignment:
        """A built-in role at a scope. An assignment's name is a GUID; this one is the same at every update."""
        return azure.authorization.RoleAssignment(
            name,
            role_assignment_name=str(uuid5(NAMESPACE_URL, name)),
            scope=scope,
            principal_id=principal,
            principal_type=kind,
            role_definition_id=f"/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}",
            opts=own,
        )


def vault_name(subscription: str, region: str) -> str:
    """A key vault's name: unique in all of Azure, 3 to 24 letters, digits and hyphens."""
    return f"kv-{uuid5(NAMESPACE_URL, f'{subscription}/{region}').hex[:20]}"


def cluster_entry(encoded: str) -> dict[str, Any]:
    """Server and certificate authority out of a kubeconfig in base64."""
    config = yaml.safe_load(base64.b64decode(encoded))
    entry: dict[str, Any] = config["clusters"][0]["cluster"]
    return {key: entry[key] for key in ("server", "certificate-authority-data")}
