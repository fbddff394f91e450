"""A region's cluster on Google Cloud: regional GKE on private nodes, in a network of its own. Reads as it is built."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from components import addresses
from components.cluster import ClusterArgs, ClusterInfo, StorageDriver, kubeconfig, labels

SERVICES = ("cloudresourcemanager", "compute", "container", "cloudkms", "iam", "logging", "monitoring")
NODE_ROLES = ("roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader")
"""What nodes need, instead of the editor's rights of the default account:
cloud.google.com/kubernetes-engine/docs/how-to/hardening-your-cluster#use_least_privilege_sa."""
ZONES_PER_POOL = 3
KEY_ROTATION = f"{90 * 24 * 3600}s"


class GcpCluster(pulumi.ComponentResource):
    """A GKE cluster with its network, key, accounts and nodes. `info` is what the region needs of it."""

    info: ClusterInfo

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:gcp:Cluster", name, None, opts)
        region, settings = args.region, args.region.settings
        project = settings.gcp
        assert project is not None, "fleet refuses a region on Google Cloud without `gcp` settings"
        tags = labels(region)
        provider = gcp.Provider(
            name,
            project=project.project,
            region=settings.location,
            default_labels=tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        own = pulumi.ResourceOptions(parent=self, provider=provider)
        services = [
            gcp.projects.Service(
                f"{name}-{service}",
                service=f"{service}.googleapis.com",
                # Another region of the same project may need it still.
                disable_on_destroy=False,
                opts=own,
            )
            for service in SERVICES
        ]
        enabled = pulumi.ResourceOptions(parent=self, provider=provider, depends_on=services)

        plan = addresses.gcp(settings.network)
        network = gcp.compute.Network(
            name, name=name, auto_create_subnetworks=False, routing_mode="REGIONAL", opts=enabled
        )
        subnetwork = gcp.compute.Subnetwork(
            name,
            name=name,
            network=network.id,
            region=settings.location,
            ip_cidr_range=str(plan.nodes),
            private_ip_google_access=True,
            secondary_ip_ranges=[
                gcp.compute.SubnetworkSecondaryIpRangeArgs(range_name="pods", ip_cidr_range=str(plan.pods)),
                gcp.compute.SubnetworkSecondaryIpRangeArgs(range_name="services", ip_cidr_range=str(plan.services)),
            ],
            opts=own,
        )
        router = gcp.compute.Router(name, name=name, network=network.id, region=settings.location, opts=own)
        nat = gcp.compute.RouterNat(
            name,
            name=name,
            router=router.name,
            region=settings.location,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            log_config=gcp.compute.RouterNatLogConfigArgs(enable=True, filter="ERRORS_ONLY"),
            opts=own,
        )

        ring = gcp.kms.KeyRing(name, name=name, location=settings.location, opts=enabled)
        key = gcp.kms.CryptoKey(
            name,
            name=name,
            key_ring=ring.id,
            rotation_period=KEY_ROTATION,
            opts=pulumi.ResourceOptions(parent=self, provider=provider, protect=region.protected),
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
            opts=own,
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
                opts=own,
            )
            for role in NODE_ROLES
        ]

        cluster = gcp.container.Cluster(
            name,
            name=name,
            location=settings.location,
            node_locations=[f"{settings.location}-{letter}" for letter in settings.zones] if settings.zones else None,
            network=network.id,
            subnetwork=subnetwork.id,
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
                )
            ),
            # The pools below are resources of their own; GKE insists on one to begin with.
            initial_node_count=1,
            remove_default_node_pool=True,
            node_config=gcp.container.ClusterNodeConfigArgs(service_account=account.email),
            # Explicit, since the provider's default is true and a destroy needs it applied as false first.
            deletion_protection=region.protected,
            resource_labels=tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=provider,
                protect=region.protected,
                depends_on=[grant, nat, *roles],
                ignore_changes=[
                    "nodeConfig",  # of the removed pool only
                    "minMasterVersion",  # the release channel upgrades within and past the minor version
                ],
            ),
        )
        pools = [
            gcp.container.NodePool(
                f"{name}-{pool_name}",
                name=pool_name,
                cluster=cluster.id,
                location=settings.location,
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
                opts=pulumi.ResourceOptions(
                    parent=self,
                    provider=provider,
                    # Only at creation; the autoscaler counts from then on, and changing it makes a new pool.
                    ignore_changes=["initialNodeCount"],
                ),
            )
            for pool_name, pool in settings.node_pools.items()
        ]

        endpoint = cluster.endpoint.apply(lambda address: f"https://{address}")
        authority = cluster.master_auth.cluster_ca_certificate
        ready = pulumi.Output.all(*(pool.id for pool in pools))
        self.info = ClusterInfo(
            name=cluster.name,
            endpoint=endpoint,
            certificate_authority=authority,
            kubeconfig=pulumi.Output.all(endpoint, authority, ready).apply(
                lambda values: kubeconfig(name, values[0], values[1], "gke-gcloud-auth-plugin", [])
            ),
            # GKE gives no id of its own to each cluster: after a replacement, refresh.
            identity=cluster.self_link,
            storage=StorageDriver("pd.csi.storage.gke.io", {"type": "pd-ssd"}),
            sign_in=f"gcloud container clusters get-credentials {name} --location {settings.location} --project {project.project}",
        )
        self.register_outputs({"name": self.info.name, "endpoint": self.info.endpoint})
