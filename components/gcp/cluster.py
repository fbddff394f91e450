"""A region's cluster on Google Cloud: regional GKE on private nodes, in a network of its own. Reads as it is built."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_gcp as gcp

from components.gcp.network import GcpNetwork, GcpNetworkArgs
from components.shared import subnets
from components.shared.cluster import BACKUP_DAYS, Children, ClusterArgs, ClusterInfo, StorageDriver, kubeconfig
from fleet.settings import Access

SERVICES = (*("cloudresourcemanager", "compute", "container", "cloudkms", "gkebackup", "iam", "logging", "monitoring"),)
NODE_ROLES = ("roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader")
"""What nodes need, instead of the editor's rights of the default account:
cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster#use_least_privilege_sa."""
ZONES_PER_POOL = 3
LOGS = ["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"]
EXCLUSION_START = "2026-01-01T00:00:00Z"
"""Any time that has passed: from then on."""
KEY_ROTATION = f"{90 * 24 * 3600}s"


class GcpCluster(pulumi.ComponentResource):
    """A GKE cluster with its network, key, accounts and nodes. `info` is what the region needs of it."""

    info: ClusterInfo

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:gcp:Cluster", name, None, opts)
        region, settings = args.region, args.region.settings
        project = settings.gcp
        assert project is not None, "fleet refuses a region on Google Cloud without `gcp` settings"
        tags = region.tags
        provider = gcp.Provider(
            name,
            project=project.project,
            region=settings.location,
            default_labels=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        child = Children(self, provider, region.protected)
        services = [
            gcp.projects.Service(
                f"{name}-{service}",
                service=f"{service}.googleapis.com",
                # Another region of the same project may need it still.
                disable_on_destroy=False,
                opts=child.own(),
            )
            for service in SERVICES
        ]
        enabled = child.own(depends_on=services)

        plan = subnets.gcp(settings.network)
        network = GcpNetwork(name, GcpNetworkArgs(settings.location, plan), opts=child.component(depends_on=services))

        ring = gcp.kms.KeyRing(name, name=name, location=settings.location, opts=enabled)
        key = gcp.kms.CryptoKey(
            name,
            name=name,
            key_ring=ring.id,
            rotation_period=KEY_ROTATION,
            opts=child.kept(),
        )
        # GKE's own agent encrypts the secrets, so it needs the key before there is a cluster.
        number = gcp.organizations.get_project_output(
            project_id=project.project,
            opts=pulumi.InvokeOutputOptions(parent=self, provider=provider, depends_on=services),
        ).number
        agent = pulumi.Output.format("service-{0}@container-engine-robot.iam.gserviceaccount.com", number)
        grant = gcp.kms.CryptoKeyIAMMember(
            name,
            crypto_key_id=key.id,
            role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
            member=pulumi.Output.concat("serviceAccount:", agent),
            opts=child.own(),
        )
        account = gcp.serviceaccount.Account(
            f"{name}-nodes", account_id=f"{name}-nodes", display_name=f"Nodes of {name}", opts=enabled
        )
        roles = [
            gcp.projects.IAMMember(
                f"{name}-nodes-{role.rpartition('/')[2]}",
                project=project.project,
                role=role,
                member=account.email.apply(lambda email: f"serviceAccount:{email}"),
                opts=child.own(),
            )
            for role in NODE_ROLES
        ]

        cluster = gcp.container.Cluster(
            name,
            name=name,
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
                enable_private_endpoint=not settings.api_access,
                master_ipv4_cidr_block=str(plan.control_plane),
            ),
            # How CI and people reach a private control plane: by name, through Google's front end, which asks IAM first.
            control_plane_endpoints_config=gcp.container.ClusterControlPlaneEndpointsConfigArgs(
                dns_endpoint_config=gcp.container.ClusterControlPlaneEndpointsConfigDnsEndpointConfigArgs(
                    allow_external_traffic=True
                )
            ),
            authenticator_groups_config=self._groups(settings.access),
            master_authorized_networks_config=gcp.container.ClusterMasterAuthorizedNetworksConfigArgs(
                gcp_public_cidrs_access_enabled=False,
                cidr_blocks=[
                    gcp.container.ClusterMasterAuthorizedNetworksConfigCidrBlockArgs(cidr_block=str(cidr))
                    for cidr in settings.api_access
                ],
            ),
            master_auth=gcp.container.ClusterMasterAuthArgs(
                client_certificate_config=gcp.container.ClusterMasterAuthClientCertificateConfigArgs(
                    issue_client_certificate=False
                )
            ),
            database_encryption=gcp.container.ClusterDatabaseEncryptionArgs(state="ENCRYPTED", key_name=key.id),
            workload_identity_config=gcp.container.ClusterWorkloadIdentityConfigArgs(
                workload_pool=f"{project.project}.svc.id.goog"
            ),
            release_channel=gcp.container.ClusterReleaseChannelArgs(channel="REGULAR"),
            min_master_version=settings.kubernetes_version,
            enable_shielded_nodes=True,
            enable_legacy_abac=False,
            binary_authorization=gcp.container.ClusterBinaryAuthorizationArgs(
                evaluation_mode="PROJECT_SINGLETON_POLICY_ENFORCE"
            ),
            security_posture_config=gcp.container.ClusterSecurityPostureConfigArgs(
                mode="BASIC", vulnerability_mode="VULNERABILITY_BASIC"
            ),
            maintenance_policy=gcp.container.ClusterMaintenancePolicyArgs(
                daily_maintenance_window=gcp.container.ClusterMaintenancePolicyDailyMaintenanceWindowArgs(
                    start_time="03:00"
                ),
                # A new minor version comes by a commit, wave by wave, and not by Google, until it has to.
                maintenance_exclusions=[
                    gcp.container.ClusterMaintenancePolicyMaintenanceExclusionArgs(
                        exclusion_name="minor-versions-come-by-commit",
                        start_time=EXCLUSION_START,
                        exclusion_options=gcp.container.ClusterMaintenancePolicyMaintenanceExclusionExclusionOptionsArgs(
                            scope="NO_MINOR_UPGRADES", end_time_behavior="UNTIL_END_OF_SUPPORT"
                        ),
                    )
                ],
            ),
            logging_config=gcp.container.ClusterLoggingConfigArgs(enable_components=LOGS),
            monitoring_config=gcp.container.ClusterMonitoringConfigArgs(
                enable_components=["SYSTEM_COMPONENTS"],
                # The region brings its own Prometheus.
                managed_prometheus=gcp.container.ClusterMonitoringConfigManagedPrometheusArgs(enabled=False),
            ),
            addons_config=gcp.container.ClusterAddonsConfigArgs(
                gke_backup_agent_config=gcp.container.ClusterAddonsConfigGkeBackupAgentConfigArgs(
                    enabled=region.wave.production
                )
            ),
            # The pools below are resources of their own; GKE insists on one to begin with.
            initial_node_count=1,
            remove_default_node_pool=True,
            node_config=gcp.container.ClusterNodeConfigArgs(service_account=account.email),
            # Explicit, since the provider's default is true and a destroy needs it applied as false first.
            deletion_protection=region.protected,
            resource_labels=tags,
            # nodeConfig is the removed pool's only.
            opts=child.kept(depends_on=[grant, network.nat, *roles], ignore_changes=["nodeConfig"]),
        )
        pools = [
            gcp.container.NodePool(
                f"{name}-{pool_name}",
                name=pool_name,
                cluster=cluster.id,
                location=settings.location,
                # Known only when the control plane has the wanted version: nodes follow it, and are never ahead.
                version=cluster.master_version,
                initial_node_count=-(-pool.min_nodes // ZONES_PER_POOL),
                autoscaling=gcp.container.NodePoolAutoscalingArgs(
                    total_min_node_count=pool.min_nodes, total_max_node_count=pool.max_nodes, location_policy="BALANCED"
                ),
                management=gcp.container.NodePoolManagementArgs(auto_repair=True, auto_upgrade=True),
                upgrade_settings=gcp.container.NodePoolUpgradeSettingsArgs(max_surge=1, max_unavailable=0),
                node_config=gcp.container.NodePoolNodeConfigArgs(
                    machine_type=pool.machine_type,
                    service_account=account.email,
                    oauth_scopes=["https://www.googleapis.com/auth/cloud-platform"],
                    image_type="COS_CONTAINERD",
                    disk_type="pd-balanced",
                    labels={"regions/pool": pool_name},
                    resource_labels=tags,
                    metadata={"disable-legacy-endpoints": "true"},
                    shielded_instance_config=gcp.container.NodePoolNodeConfigShieldedInstanceConfigArgs(
                        enable_secure_boot=True, enable_integrity_monitoring=True
                    ),
                    workload_metadata_config=gcp.container.NodePoolNodeConfigWorkloadMetadataConfigArgs(
                        mode="GKE_METADATA"
                    ),
                    kubelet_config=gcp.container.NodePoolNodeConfigKubeletConfigArgs(
                        insecure_kubelet_readonly_port_enabled="FALSE"
                    ),
                ),
                # Only at creation; the autoscaler counts from then on, and changing it makes a new pool.
                opts=child.own(ignore_changes=["initialNodeCount"]),
            )
            for pool_name, pool in settings.pools.items()
        ]
        for group in settings.access.named:
            gcp.projects.IAMMember(
                f"{name}-{group.partition('@')[0]}",
                project=project.project,
                # To find the cluster and sign in; what they may do inside is the cluster's own to say.
                role="roles/container.clusterViewer",
                member=f"group:{group}",
                # For this cluster alone; and a binding of its own, so that no other region's end takes it along.
                condition=gcp.projects.IAMMemberConditionArgs(
                    title=name,
                    expression=f'resource.name == "projects/{project.project}/locations/{settings.location}/clusters/{name}"',
                ),
                opts=child.own(),
            )
        if region.wave.production:
            self._backup(name, settings.location, cluster, child)

        ready = pulumi.Output.all(*(pool.id for pool in pools))
        endpoint = cluster.control_plane_endpoints_config.dns_endpoint_config.endpoint.apply(
            lambda address: f"https://{address}"
        )
        self.info = ClusterInfo(
            name=cluster.name,
            endpoint=endpoint,
            kubeconfig=pulumi.Output.all(endpoint, ready).apply(
                # Without a certificate authority: the DNS endpoint's certificate is Google's own, which every machine trusts.
                lambda values: kubeconfig(name, values[0], None, "gke-gcloud-auth-plugin", [])
            ),
            # GKE gives no id of its own to each cluster: after a replacement, refresh.
            identity=cluster.self_link,
            storage=StorageDriver("pd.csi.storage.gke.io", {"type": "pd-ssd"}),
            sign_in=f"gcloud container clusters get-credentials {name} --location {settings.location} "
            f"--project {project.project} --dns-endpoint",
            inside=[
                *(binding(group, "cluster-admin") for group in settings.access.admins),
                *(binding(group, "view") for group in settings.access.viewers),
            ],
        )
        self.register_outputs({"name": self.info.name, "endpoint": self.info.endpoint})

    @staticmethod
    def _groups(access: Access) -> gcp.container.ClusterAuthenticatorGroupsConfigArgs | None:
        """Groups in RBAC need one group around them, of a fixed name.

        Source: cloud.google.com/kubernetes-engine/docs/how-to/google-groups-rbac.
        """
        if not access.named:
            return None
        domain = access.named[0].partition("@")[2]
        return gcp.container.ClusterAuthenticatorGroupsConfigArgs(security_group=f"gke-security-groups@{domain}")

    @staticmethod
    def _backup(name: str, location: str, cluster: gcp.container.Cluster, child: Children) -> None:
        """Daily backups of all namespaces with their volumes. docs/runbooks/restore.md brings them back."""
        gcp.gkebackup.BackupPlan(
            name,
            name=name,
            location=location,
            cluster=cluster.id,
            backup_schedule=gcp.gkebackup.BackupPlanBackupScheduleArgs(cron_schedule="0 3 * * *"),
            # Nobody, an administrator neither, deletes a backup early.
            retention_policy=gcp.gkebackup.BackupPlanRetentionPolicyArgs(
                backup_delete_lock_days=BACKUP_DAYS, backup_retain_days=BACKUP_DAYS
            ),
            backup_config=gcp.gkebackup.BackupPlanBackupConfigArgs(
                all_namespaces=True, include_volume_data=True, include_secrets=False
            ),
            opts=child.kept(),
        )


def binding(group: str, role: str) -> dict[str, Any]:
    """What a Google group may do in the cluster: Google Cloud leaves that to the cluster itself."""
    rbac = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"regions:{role}:{group}"},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": rbac, "kind": "Group", "name": group}],
    }
