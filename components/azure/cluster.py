"""A region's cluster on Azure: AKS on private nodes, in a resource group and network of its own. Reads as it is built."""

from __future__ import annotations

import base64
import calendar
from typing import Any

import pulumi
import pulumi_azure_native as azure
import yaml

from components.azure import management
from components.azure.access import cluster_identity, grant_group_roles, grant_key_role, grant_network_roles
from components.azure.backup import AzureBackup, AzureBackupArgs
from components.azure.keys import etcd_key
from components.azure.logs import log_workspace, send_logs
from components.azure.network import AzureNetwork, AzureNetworkArgs
from components.azure.nodes import AgentPoolsArgs, agent_pools, system_pool
from components.shared.cluster import ChildOptions, ClusterArgs, ClusterInfo, StorageDriver, kubeconfig
from components.shared.maintenance import maintenance_window
from fleet.settings import RegionSettings

AKS_SERVER_ID = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The Entra application of every AKS cluster: learn.microsoft.com/azure/aks/kubelogin-authentication."""
WEEKDAYS = {day[:3].lower(): day for day in calendar.day_name}
"""Azure's names of the days of the week."""
POD_RANGE, SERVICE_RANGE, DNS_ADDRESS = "192.168.0.0/16", "172.16.0.0/16", "172.16.0.10"
"""The overlay's ranges. Only the cluster itself sees them, so every region may have the same."""


class AzureCluster(pulumi.ComponentResource):
    """An AKS cluster with its resource group, network, key, identity and nodes. `info` describes it to the region."""

    info: ClusterInfo

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:azure:Cluster", name, None, opts)
        region = self._region = args.region
        account = region.settings.azure
        assert account is not None, "fleet refuses a region on Azure without `azure` settings"
        self._account = account
        provider = azure.Provider(
            name,
            subscription_id=account.subscription_id,
            tenant_id=account.directory_id,
            location=region.settings.location,
            opts=pulumi.ResourceOptions(parent=self),
        )
        options = self._options = ChildOptions(self, provider, region.protected)

        group = azure.resources.ResourceGroup(
            name, resource_group_name=name, tags=region.tags, opts=options.protected()
        )
        vault, key = etcd_key(region, account, group, options)
        identity = cluster_identity(region, group, options)
        key_role = grant_key_role(region, identity, vault, options)
        network = AzureNetwork(
            name, AzureNetworkArgs(region, group.name), opts=options.component(depends_on=[key_role])
        )
        network_roles = grant_network_roles(region, identity, network, options)
        workspace = log_workspace(region, group, options, depends_on=network_roles)
        way_in = management.connect(region, account, group, network, options)
        cluster = self._create_cluster(group, network, identity, key, workspace, [key_role, *network_roles, network])

        # AKS runs one operation at a time and refuses another one (OperationNotAllowed), and the provider does not retry.
        # So each operation depends on the one before it, and Pulumi deletes in the opposite order.
        operations: list[pulumi.CustomResource] = [cluster]
        agent_pools(AgentPoolsArgs(region, group, cluster, network, operations), options)
        pools = operations[1:]
        backup = (
            AzureBackup(name, AzureBackupArgs(region, cluster, group, identity, operations), opts=options.component())
            if region.wave.production
            else None
        )
        self._set_maintenance(group, cluster, operations)
        send_logs(region, cluster, workspace, options)
        group_roles = grant_group_roles(region, account.deploy_group_id, cluster, options)
        self.info = self._describe(group, cluster, backup, [*way_in, *group_roles, *pools])
        self.register_outputs({"name": self.info.name, "endpoint": self.info.endpoint})

    def _create_cluster(
        self,
        group: azure.resources.ResourceGroup,
        network: AzureNetwork,
        identity: azure.managedidentity.UserAssignedIdentity,
        key: azure.keyvault.Key,
        workspace: azure.operationalinsights.Workspace,
        depends_on: list[pulumi.Resource],
    ) -> azure.containerservice.ManagedCluster:
        """The control plane with its system pool. The region's own pools are resources of their own."""
        region, settings = self._region, self._region.settings
        return azure.containerservice.ManagedCluster(
            region.name,
            resource_name_=region.name,
            resource_group_name=group.name,
            dns_prefix=region.name,
            kubernetes_version=settings.kubernetes_version,
            sku=azure.containerservice.ManagedClusterSKUArgs(name="Base", tier="Standard"),
            identity=azure.containerservice.ManagedClusterIdentityArgs(
                type="UserAssigned", user_assigned_identities=[identity.id]
            ),
            enable_rbac=True,
            disable_local_accounts=True,
            aad_profile=azure.containerservice.ManagedClusterAADProfileArgs(
                managed=True, enable_azure_rbac=True, tenant_id=self._account.directory_id
            ),
            api_server_access_profile=_api_server(settings, network),
            network_profile=_overlay(),
            oidc_issuer_profile=azure.containerservice.ManagedClusterOIDCIssuerProfileArgs(enabled=True),
            security_profile=_security(key, workspace),
            auto_upgrade_profile=azure.containerservice.ManagedClusterAutoUpgradeProfileArgs(
                upgrade_channel="patch", node_os_upgrade_channel="NodeImage"
            ),
            # The zones of a pool are agent pools of their own. The autoscaler keeps them at the same size.
            auto_scaler_profile=azure.containerservice.ManagedClusterPropertiesAutoScalerProfileArgs(
                balance_similar_node_groups="true"
            ),
            agent_pool_profiles=[system_pool(region, network)],
            tags=region.tags,
            # Azure shows all pools of the cluster here, with their numbers of nodes (pulumi-azure-native, issues 2059 and 2719).
            opts=self._options.protected(depends_on=depends_on, ignore_changes=["agentPoolProfiles"]),
        )

    def _set_maintenance(
        self,
        group: azure.resources.ResourceGroup,
        cluster: azure.containerservice.ManagedCluster,
        operations: list[pulumi.CustomResource],
    ) -> None:
        """Azure's weekly window for upgrades that it starts itself, of the cluster and of the nodes' images.

        A weekly schedule has one day and 4 to 24 hours: learn.microsoft.com/azure/aks/planned-maintenance.
        """
        time = maintenance_window(self._region)
        for schedule in ("aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule"):
            window = azure.containerservice.MaintenanceConfiguration(
                f"{self._region.name}-{schedule}",
                config_name=schedule,
                resource_group_name=group.name,
                resource_name_=cluster.name,
                maintenance_window=azure.containerservice.MaintenanceWindowArgs(
                    duration_hours=min(time.hours, 24),
                    start_time=f"{time.start:%H:%M}",
                    utc_offset="+00:00",
                    schedule=azure.containerservice.ScheduleArgs(
                        weekly=azure.containerservice.WeeklyScheduleArgs(
                            day_of_week=WEEKDAYS[time.days[0]], interval_weeks=1
                        )
                    ),
                ),
                opts=self._options.default(depends_on=operations[-1:]),
            )
            operations.append(window)

    def _describe(
        self,
        group: azure.resources.ResourceGroup,
        cluster: azure.containerservice.ManagedCluster,
        backup: AzureBackup | None,
        depends_on: list[pulumi.CustomResource],
    ) -> ClusterInfo:
        """The cluster as the rest of the region sees it. The kubeconfig is known only when roles and nodes are there."""
        name, account = self._region.name, self._account
        # Azure has a cluster's certificate authority only inside of a kubeconfig.
        credentials = azure.containerservice.list_managed_cluster_user_credentials_output(
            resource_group_name=group.name,
            resource_name=cluster.name,
            opts=pulumi.InvokeOutputOptions(parent=self, provider=self._options.provider),
        )
        entry = credentials.kubeconfigs.apply(lambda configs: cluster_entry(configs[0].value))
        # `azurecli` is for people. In CI the environment sets AAD_LOGIN_METHOD, which goes before `--login`
        # (.github/actions/sign-in, and Azure/kubelogin, pkg/internal/token/options.go).
        ready = pulumi.Output.all(*(resource.id for resource in depends_on))
        return ClusterInfo(
            name=cluster.name,
            endpoint=entry["server"],
            kubeconfig=pulumi.Output.all(entry, ready).apply(
                lambda values: kubeconfig(
                    name, values[0]["server"], values[0]["certificate-authority-data"], "kubelogin",
                    ["get-token", "--server-id", AKS_SERVER_ID, "--tenant-id", account.directory_id, "--login", "azurecli"],
                )
            ),
            identity=cluster.resource_uid,
            storage=StorageDriver("disk.csi.azure.com", {"skuName": "Premium_LRS"}),
            kept=pulumi.Output.concat("the resource group ", backup.group) if backup else None,
            sign_in=f"az aks get-credentials --name {name} --resource-group {name} --subscription {account.subscription_id}",
        )  # fmt: skip


def _api_server(
    settings: RegionSettings, network: AzureNetwork
) -> azure.containerservice.ManagedClusterAPIServerAccessProfileArgs:
    """The API server in the region's network, private unless the settings allow address ranges."""
    return azure.containerservice.ManagedClusterAPIServerAccessProfileArgs(
        enable_vnet_integration=True,
        subnet_id=network.api_subnet_id,
        enable_private_cluster=network.zone is not None,
        private_dns_zone=network.zone.id if network.zone else None,
        authorized_ip_ranges=[str(cidr) for cidr in settings.api_allowed_cidrs] or None,
        disable_run_command=True,
    )


def _overlay() -> azure.containerservice.ContainerServiceNetworkProfileArgs:
    """Pods and services in an overlay, by Cilium. Traffic leaves by the region's NAT gateway."""
    return azure.containerservice.ContainerServiceNetworkProfileArgs(
        network_plugin="azure",
        network_plugin_mode="overlay",
        network_dataplane="cilium",
        network_policy="cilium",
        outbound_type="userAssignedNATGateway",
        pod_cidr=POD_RANGE,
        service_cidr=SERVICE_RANGE,
        dns_service_ip=DNS_ADDRESS,
        load_balancer_sku="standard",
    )


def _security(
    key: azure.keyvault.Key, workspace: azure.operationalinsights.Workspace
) -> azure.containerservice.ManagedClusterSecurityProfileArgs:
    """Workload identity, the key for Secrets, and Defender."""
    return azure.containerservice.ManagedClusterSecurityProfileArgs(
        workload_identity=azure.containerservice.ManagedClusterSecurityProfileWorkloadIdentityArgs(enabled=True),
        azure_key_vault_kms=azure.containerservice.AzureKeyVaultKmsArgs(
            enabled=True, key_id=key.key_uri_with_version, key_vault_network_access="Public"
        ),
        defender=azure.containerservice.ManagedClusterSecurityProfileDefenderArgs(
            log_analytics_workspace_resource_id=workspace.id,
            security_monitoring=azure.containerservice.ManagedClusterSecurityProfileDefenderSecurityMonitoringArgs(
                enabled=True
            ),
        ),
    )


def cluster_entry(encoded: str) -> dict[str, Any]:
    """Server and certificate authority out of a kubeconfig in base64."""
    config = yaml.safe_load(base64.b64decode(encoded))
    entry: dict[str, Any] = config["clusters"][0]["cluster"]
    return {key: entry[key] for key in ("server", "certificate-authority-data")}
