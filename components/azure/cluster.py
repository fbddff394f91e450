"""A region's cluster on Azure: AKS on private nodes, in a resource group and network of its own. Reads as it is built."""

from __future__ import annotations

import base64
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pulumi
import pulumi_azure_native as azure
import yaml

from components.azure.backup import AzureBackup, AzureBackupArgs
from components.azure.network import AzureNetwork, AzureNetworkArgs
from components.azure.role_assignments import grant
from components.shared.cluster import LOG_DAYS, Children, ClusterArgs, ClusterInfo, StorageDriver, kubeconfig, zones
from fleet import MAIN_POOL
from fleet.settings import Access

AKS_SERVER_ID = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The Entra application of every AKS cluster: learn.microsoft.com/azure/aks/kubelogin-authentication."""
SYSTEM_NODES = 3
LOGS = [
    "kube-audit-admin",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "cluster-autoscaler",
    "guard",
]
"""What the control plane writes down. `kube-audit-admin` leaves out reads, which are most of `kube-audit`, and its price."""
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
        tags = region.tags
        provider = azure.Provider(
            name,
            subscription_id=account.subscription_id,
            tenant_id=account.directory_id,
            location=settings.location,
            opts=pulumi.ResourceOptions(parent=self),
        )
        child = Children(self, provider, region.protected)
        numbers = zones(region, ("1", "2", "3"))

        group = azure.resources.ResourceGroup(name, resource_group_name=name, tags=tags, opts=child.kept())
        network = AzureNetwork(name, AzureNetworkArgs(region, group.name), opts=child.component())

        identity = azure.managedidentity.UserAssignedIdentity(
            name, resource_name_=f"{name}-cluster", resource_group_name=group.name, tags=tags, opts=child.own()
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
            opts=child.kept(),
        )
        key = azure.keyvault.Key(
            name,
            key_name="etcd",
            vault_name=vault.name,
            resource_group_name=group.name,
            properties=azure.keyvault.KeyPropertiesArgs(kty="RSA", key_size=3072),
            opts=child.kept(),
        )
        scopes = [
            ("network", "Network Contributor", network.vnet_id),
            ("etcd-key", "Key Vault Crypto User", vault.id),
            *([("dns", "Private DNS Zone Contributor", network.zone.id)] if network.zone else []),
        ]
        rights = [
            grant(f"{name}-{what}", role, scope, identity.principal_id, "ServicePrincipal", child)
            for what, role, scope in scopes
        ]
        logs = azure.operationalinsights.Workspace(
            name,
            workspace_name=name,
            resource_group_name=group.name,
            sku=azure.operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
            retention_in_days=LOG_DAYS[region.wave.production],
            tags=tags,
            opts=child.kept(),
        )

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
                subnet_id=network.api_subnet_id,
                enable_private_cluster=network.zone is not None,
                private_dns_zone=network.zone.id if network.zone else None,
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
                defender=azure.containerservice.ManagedClusterSecurityProfileDefenderArgs(
                    log_analytics_workspace_resource_id=logs.id,
                    security_monitoring=azure.containerservice.ManagedClusterSecurityProfileDefenderSecurityMonitoringArgs(
                        enabled=True
                    ),
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
                    vm_size=settings.pools[MAIN_POOL].machine_type,
                    count=SYSTEM_NODES,
                    orchestrator_version=settings.kubernetes_version,
                    availability_zones=numbers,
                    vnet_subnet_id=network.node_subnet_id,
                    os_sku="AzureLinux",
                    node_taints=["CriticalAddonsOnly=true:NoSchedule"],
                )
            ],
            tags=tags,
            opts=child.kept(depends_on=[*rights, network]),
        )
        pools = [
            azure.containerservice.AgentPool(
                f"{name}-{pool_name}",
                agent_pool_name=pool_name,
                resource_group_name=group.name,
                resource_name_=cluster.name,
                mode="User",
                vm_size=pool.machine_type,
                # After the control plane, on which the pool depends.
                orchestrator_version=settings.kubernetes_version,
                # Needed even though the autoscaler sets it from then on.
                count=pool.min_nodes,
                enable_auto_scaling=True,
                min_count=pool.min_nodes,
                max_count=pool.max_nodes,
                availability_zones=numbers,
                vnet_subnet_id=network.node_subnet_id,
                os_sku="AzureLinux",
                node_labels={"regions/pool": pool_name},
                upgrade_settings=azure.containerservice.AgentPoolUpgradeSettingsArgs(max_surge="33%"),
                tags=tags,
                opts=child.own(ignore_changes=["count"]),
            )
            for pool_name, pool in settings.pools.items()
        ]
        self._operate(name, cluster, group, logs, child)
        if region.wave.production:
            AzureBackup(name, AzureBackupArgs(region, cluster, group, identity), opts=child.component())
        grants = [
            grant(f"{name}-{who}", role, cluster.id, pulumi.Output.from_input(group_id), "Group", child)
            for who, group_id, role in self._let_in(account.deploy_group_id, settings.access)
        ]

        # Azure tells a cluster's certificate authority only inside of a kubeconfig.
        credentials = azure.containerservice.list_managed_cluster_user_credentials_output(
            resource_group_name=group.name,
            resource_name=cluster.name,
            opts=pulumi.InvokeOutputOptions(parent=self, provider=provider),
        )
        access = credentials.kubeconfigs.apply(lambda configs: cluster_entry(configs[0].value))
        ready = pulumi.Output.all(*(each.id for each in grants), *(pool.id for pool in pools))
        self.info = ClusterInfo(
            name=cluster.name,
            endpoint=access["server"],
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

    @staticmethod
    def _let_in(deploy_group: str, access: Access) -> list[tuple[str, str, str]]:
        """Who gets what role at the cluster: those who build it, and whom the settings name. Nobody else."""
        listed = [("admin", deploy_group, "Azure Kubernetes Service RBAC Cluster Admin")]
        for kind, groups, role in (
            ("admin", access.admins, "Azure Kubernetes Service RBAC Cluster Admin"),
            ("viewer", access.viewers, "Azure Kubernetes Service RBAC Reader"),
        ):
            for group in groups:
                listed.append((f"{kind}-{group}", group, role))
                listed.append((f"kubeconfig-{group}", group, "Azure Kubernetes Service Cluster User Role"))
        return listed

    @staticmethod
    def _operate(
        name: str,
        cluster: azure.containerservice.ManagedCluster,
        group: azure.resources.ResourceGroup,
        logs: azure.operationalinsights.Workspace,
        child: Children,
    ) -> None:
        """When Azure may upgrade by itself, and where the control plane's logs go."""
        for schedule in ("aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule"):
            azure.containerservice.MaintenanceConfiguration(
                f"{name}-{schedule}",
                config_name=schedule,
                resource_group_name=group.name,
                resource_name_=cluster.name,
                maintenance_window=azure.containerservice.MaintenanceWindowArgs(
                    duration_hours=4,
                    start_time="03:00",
                    utc_offset="+00:00",
                    schedule=azure.containerservice.ScheduleArgs(
                        weekly=azure.containerservice.WeeklyScheduleArgs(day_of_week="Tuesday", interval_weeks=1)
                    ),
                ),
                opts=child.own(),
            )
        azure.monitor.DiagnosticSetting(
            name,
            name="control-plane",
            resource_uri=cluster.id,
            workspace_id=logs.id,
            log_analytics_destination_type="Dedicated",
            logs=[azure.monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True) for category in LOGS],
            opts=child.own(),
        )


def vault_name(subscription: str, region: str) -> str:
    """A key vault's name: unique in all of Azure, 3 to 24 letters, digits and hyphens."""
    return f"kv-{uuid5(NAMESPACE_URL, f'{subscription}/{region}').hex[:20]}"


def cluster_entry(encoded: str) -> dict[str, Any]:
    """Server and certificate authority out of a kubeconfig in base64."""
    config = yaml.safe_load(base64.b64decode(encoded))
    entry: dict[str, Any] = config["clusters"][0]["cluster"]
    return {key: entry[key] for key in ("server", "certificate-authority-data")}
