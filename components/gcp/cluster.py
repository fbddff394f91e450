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

APIS = (
    *("binaryauthorization", "cloudkms", "cloudresourcemanager", "compute", "container", "containersecurity"),
    *("gkebackup", "iam", "logging", "monitoring"),
)
"""The APIs that the region calls. Admission asks Binary Authorization, and the security posture needs Container Security:
cloud.google.com/binary-authorization/docs/setting-up,
cloud.google.com/kubernetes-engine/docs/how-to/protect-workload-configuration.
"""
LOGS = ["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"]
NODES_PATCHED = "2026-01-01T00:00:00Z"
"""The day of the last commit that took the control planes' patches to the nodes. docs/operate/upgrade-kubernetes.md.

Also the start of the exclusion of Google's own upgrades. A new day updates the cluster, so that Pulumi reads its version.
"""
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
        key, key_grant = etcd_key(region, apis, options)
        account, roles = node_identity(region, project, apis, options)
        # The cluster, and with it its nodes, comes after the whole network and all grants, and goes before them.
        cluster = self._create_cluster(network, addresses, key, account, [network, key_grant, *roles])
        pools = node_pools(region, cluster, account, options)
        access.grant_sign_in(region, project, options)
        plan = back_up_daily(region, cluster, options) if region.wave.production else None
        self.info = self._describe(cluster, plan, pools)
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
            node_locations=settings.zones,
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
            security_posture_config=gcp.container.ClusterSecurityPostureConfigArgs(mode="BASIC"),
            logging_config=gcp.container.ClusterLoggingConfigArgs(enable_components=LOGS),
            monitoring_config=_monitoring(),
            addons_config=gcp.container.ClusterAddonsConfigArgs(
                gke_backup_agent_config=gcp.container.ClusterAddonsConfigGkeBackupAgentConfigArgs(
                    enabled=region.wave.production
                )
            ),
            initial_node_count=1,
            remove_default_node_pool=True,
            node_config=_first_nodes(account),
            # Explicit, since the provider's default is true and a destroy needs it applied as false first.
            deletion_protection=region.protected,
            resource_labels=region.tags,
            # nodeConfig is the removed pool's only.
            opts=self._options.protected(depends_on=depends_on, ignore_changes=["nodeConfig"]),
        )

    def _describe(
        self,
        cluster: gcp.container.Cluster,
        plan: gcp.gkebackup.BackupPlan | None,
        pools: Sequence[gcp.container.NodePool],
    ) -> ClusterInfo:
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
                # The plugin takes gcloud's own login. gcloud refuses application-default credentials for a DNS endpoint
                # (api_lib/container/kubeconfig.py). In CI google-github-actions/auth hands its own to gcloud, too (src/main.ts).
                lambda values: kubeconfig(name, values[0], None, "gke-gcloud-auth-plugin", [])
            ),
            # A new cluster of the same path has a new endpoint, whose name has a hash of the cluster's id in it:
            # cloud.google.com/kubernetes-engine/docs/concepts/network-isolation. The path itself would stay.
            identity=endpoint,
            storage=StorageDriver("pd.csi.storage.gke.io", {"type": "pd-ssd"}),
            sign_in=f"gcloud container clusters get-credentials {name} --location {settings.location} "
            f"--project {self._project} --dns-endpoint",
            kept=pulumi.Output.concat("the backup plan ", plan.name) if plan else None,
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


def _first_nodes(account: gcp.serviceaccount.Account) -> gcp.container.ClusterNodeConfigArgs:
    """The nodes of the pool without which GKE creates no cluster. The provider removes the pool at once.

    Small machines and magnetic disks: the defaults take 300 GB of a new project's 250 to 500 GB of SSD.
    Source: terraform-google-kubernetes-engine issue 1795.
    """
    return gcp.container.ClusterNodeConfigArgs(
        machine_type="e2-small", disk_type="pd-standard", disk_size_gb=20, service_account=account.email
    )


def _maintenance(region: Region) -> gcp.container.ClusterMaintenancePolicyArgs:
    """The weekly window for Google's patches of the control plane. All other versions come by a commit, until support ends.

    docs/explanation/adr/0016-node-versions-by-commit.md has the reasons.
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
                exclusion_name="versions-come-by-commit",
                start_time=NODES_PATCHED,
                exclusion_options=gcp.container.ClusterMaintenancePolicyMaintenanceExclusionExclusionOptionsArgs(
                    scope="NO_MINOR_OR_NODE_UPGRADES", end_time_behavior="UNTIL_END_OF_SUPPORT"
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
