"""A region's cluster on Google Cloud: regional GKE on private nodes, in a network of its own. Reads as it is built."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Network

import pulumi
import pulumi_gcp as gcp

from components.gcp import access
from components.gcp.backup import back_up_daily
from components.gcp.keys import etcd_key
from components.gcp.network import GcpNetwork, GcpNetworkArgs
from components.gcp.nodes import node_identity, node_pools
from components.shared import subnets
from components.shared.cluster import ChildOptions, ClusterArgs, ClusterInfo, StorageDriver, kubeconfig
from components.shared.maintenance import maintenance_window
from components.shared.subnets import GcpAddresses
from fleet import Region
from fleet.windows import DAYS

APIS = (*("cloudresourcemanager", "compute", "container", "cloudkms", "gkebackup", "iam", "logging", "monitoring"),)
LOGS = ["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"]
EXCLUSION_START = "2026-01-01T00:00:00Z"
"""The start of the exclusion of minor upgrades: any time in the past, so that it has begun."""
FIRST_MONDAY = datetime(2026, 1, 5)
"""The week in which the maintenance windows begin: any week in the past."""


class GcpCluster(pulumi.ComponentResource):
    """A GKE cluster with its network, key, accounts and nodes. `info` describes it to the rest of the region."""

    info: ClusterInfo

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:gcp:Cluster", name, None, opts)
        region = self._region = args.region
        settings = region.settings
        assert settings.gcp is not None, "fleet refuses a region on Google Cloud without `gcp` settings"
        project = self._project = settings.gcp.project
        provider = gcp.Provider(
            name,
            project=project,
            region=settings.location,
            default_labels=region.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        options = self._options = ChildOptions(self, provider, region.protected)

        apis = self._enable_apis()
        addresses = subnets.gcp(settings.network)
        network = GcpNetwork(
            name, GcpNetworkArgs(settings.location, addresses), opts=options.component(depends_on=apis)
        )
        key, key_grant = etcd_key(region, project, apis, options)
        account, roles = node_identity(region, project, apis, options)
        cluster = self._create_cluster(network, addresses, key, account, [key_grant, network.nat, *roles])
        pools = node_pools(region, cluster, account, options)
        access.grant_sign_in(region, project, options)
        if region.wave.production:
            back_up_daily(region, cluster, options)
        self.info = self._describe(cluster, pools)
        self.register_outputs({"name": self.info.name, "endpoint": self.info.endpoint})

    def _enable_apis(self) -> list[gcp.projects.Service]:
        """Enable the Google Cloud APIs that the region calls."""
        return [
            gcp.projects.Service(
                f"{self._region.name}-{api}",
                service=f"{api}.googleapis.com",
                # Another region of the same project may still need it.
                disable_on_destroy=False,
                opts=self._options.default(),
            )
            for api in APIS
        ]

    def _create_cluster(
        self,
        network: GcpNetwork,
        addresses: GcpAddresses,
        key: gcp.kms.CryptoKey,
        account: gcp.serviceaccount.Account,
        depends_on: list[pulumi.Resource],
    ) -> gcp.container.Cluster:
        """The control plane. Node pools are resources of their own."""
        region, settings = self._region, self._region.settings
        return gcp.container.Cluster(
            region.name,
            name=region.name,
            location=settings.location,
            node_locations=[f"{settings.location}-{letter}" for letter in settings.zones] if settings.zones else None,
            network=network.network_id,
            subnetwork=network.subnetwork_id,
            networking_mode="VPC_NATIVE",
            ip_allocation_policy=gcp.container.ClusterIpAllocationPolicyArgs(
                cluster_secondary_range_name="pods", services_secondary_range_name="services"
            ),
            datapath_provider="ADVANCED_DATAPATH",
            private_cluster_config=gcp.container.ClusterPrivateClusterConfigArgs(
                enable_private_nodes=True,
                enable_private_endpoint=not settings.api_allowed_cidrs,
                master_ipv4_cidr_block=str(addresses.control_plane),
            ),
            control_plane_endpoints_config=_dns_endpoint(),
            master_authorized_networks_config=_allowed_networks(settings.api_allowed_cidrs),
            authenticator_groups_config=access.group_of_groups(settings.cluster_access),
            master_auth=gcp.container.ClusterMasterAuthArgs(
                client_certificate_config=gcp.container.ClusterMasterAuthClientCertificateConfigArgs(
                    issue_client_certificate=False
                )
            ),
            database_encryption=gcp.container.ClusterDatabaseEncryptionArgs(state="ENCRYPTED", key_name=key.id),
            workload_identity_config=gcp.container.ClusterWorkloadIdentityConfigArgs(
                workload_pool=f"{self._project}.svc.id.goog"
            ),
            release_channel=gcp.container.ClusterReleaseChannelArgs(channel="REGULAR"),
            min_master_version=settings.kubernetes_version,
            maintenance_policy=_maintenance(region),
            enable_shielded_nodes=True,
            enable_legacy_abac=False,
            binary_authorization=gcp.container.ClusterBinaryAuthorizationArgs(
                evaluation_mode="PROJECT_SINGLETON_POLICY_ENFORCE"
            ),
            security_posture_config=gcp.container.ClusterSecurityPostureConfigArgs(
                mode="BASIC", vulnerability_mode="VULNERABILITY_BASIC"
            ),
            logging_config=gcp.container.ClusterLoggingConfigArgs(enable_components=LOGS),
            monitoring_config=_monitoring(),
            addons_config=gcp.container.ClusterAddonsConfigArgs(
                gke_backup_agent_config=gcp.container.ClusterAddonsConfigGkeBackupAgentConfigArgs(
                    enabled=region.wave.production
                )
            ),
            # GKE creates no cluster without a pool. This one goes at once.
            initial_node_count=1,
            remove_default_node_pool=True,
            node_config=gcp.container.ClusterNodeConfigArgs(service_account=account.email),
            # Explicit, since the provider's default is true and a destroy needs it applied as false first.
            deletion_protection=region.protected,
            resource_labels=region.tags,
            # nodeConfig is the removed pool's only.
            opts=self._options.protected(depends_on=depends_on, ignore_changes=["nodeConfig"]),
        )

    def _describe(self, cluster: gcp.container.Cluster, pools: Sequence[gcp.container.NodePool]) -> ClusterInfo:
        """The cluster as the rest of the region sees it. The kubeconfig is known only when the nodes are there."""
        name, settings = self._region.name, self._region.settings
        ready = pulumi.Output.all(*(pool.id for pool in pools))
        endpoint = cluster.control_plane_endpoints_config.dns_endpoint_config.endpoint.apply(
            lambda address: f"https://{address}"
        )
        return ClusterInfo(
            name=cluster.name,
            endpoint=endpoint,
            kubeconfig=pulumi.Output.all(endpoint, ready).apply(
                # No certificate authority: the DNS endpoint's certificate is Google's own, which every machine trusts.
                lambda values: kubeconfig(name, values[0], None, "gke-gcloud-auth-plugin", [])
            ),
            # GKE gives a cluster no id of its own: after a replacement, refresh.
            identity=cluster.self_link,
            storage=StorageDriver("pd.csi.storage.gke.io", {"type": "pd-ssd"}),
            sign_in=f"gcloud container clusters get-credentials {name} --location {settings.location} "
            f"--project {self._project} --dns-endpoint",
            manifests=access.role_bindings(settings.cluster_access),
        )


def _dns_endpoint() -> gcp.container.ClusterControlPlaneEndpointsConfigArgs:
    """The way of CI and people to a private control plane: a name at Google's front end, which asks IAM first."""
    return gcp.container.ClusterControlPlaneEndpointsConfigArgs(
        dns_endpoint_config=gcp.container.ClusterControlPlaneEndpointsConfigDnsEndpointConfigArgs(
            allow_external_traffic=True
        )
    )


def _allowed_networks(cidrs: Sequence[IPv4Network]) -> gcp.container.ClusterMasterAuthorizedNetworksConfigArgs:
    """The address ranges that reach the control plane by its address."""
    return gcp.container.ClusterMasterAuthorizedNetworksConfigArgs(
        gcp_public_cidrs_access_enabled=False,
        cidr_blocks=[
            gcp.container.ClusterMasterAuthorizedNetworksConfigCidrBlockArgs(cidr_block=str(cidr)) for cidr in cidrs
        ],
    )


def _maintenance(region: Region) -> gcp.container.ClusterMaintenancePolicyArgs:
    """The weekly window for Google's patches. A new minor version comes by a commit, wave by wave, until support ends.

    GKE reads the days in UTC: cloud.google.com/kubernetes-engine/docs/how-to/maintenance-window.
    """
    window = maintenance_window(region)
    start = datetime.combine(FIRST_MONDAY + timedelta(days=DAYS.index(window.days[0])), window.start)
    return gcp.container.ClusterMaintenancePolicyArgs(
        recurring_window=gcp.container.ClusterMaintenancePolicyRecurringWindowArgs(
            start_time=f"{start.isoformat()}Z",
            end_time=f"{(start + timedelta(hours=window.hours)).isoformat()}Z",
            recurrence=f"FREQ=WEEKLY;BYDAY={','.join(day[:2].upper() for day in window.days)}",
        ),
        maintenance_exclusions=[
            gcp.container.ClusterMaintenancePolicyMaintenanceExclusionArgs(
                exclusion_name="minor-versions-come-by-commit",
                start_time=EXCLUSION_START,
                exclusion_options=gcp.container.ClusterMaintenancePolicyMaintenanceExclusionExclusionOptionsArgs(
                    scope="NO_MINOR_UPGRADES", end_time_behavior="UNTIL_END_OF_SUPPORT"
                ),
            )
        ],
    )


def _monitoring() -> gcp.container.ClusterMonitoringConfigArgs:
    """Google's metrics of the system. The region brings its own Prometheus for all others."""
    return gcp.container.ClusterMonitoringConfigArgs(
        enable_components=["SYSTEM_COMPONENTS"],
        managed_prometheus=gcp.container.ClusterMonitoringConfigManagedPrometheusArgs(enabled=False),
    )
