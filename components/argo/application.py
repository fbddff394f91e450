"""The region's Application: its source, its branch, and the namespaces that it may change."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.argo import argocd, monitoring_rbac
from components.shared.cluster import StorageDriver
from components.shared.secrets import RegionSecrets
from fleet import CONDUCTOR, FLIPT, INFLUXDB, Region
from fleet.rendering import STORAGE_CLASS, jsonnet_args

IN_CLUSTER = "https://kubernetes.default.svc"


@dataclass(frozen=True)
class ApplicationArgs:
    """The arguments of the region's applications."""

    region: Region
    repository: str
    """The repository that Argo CD follows."""
    storage: StorageDriver
    """How the cluster makes the applications' volumes."""
    secrets: RegionSecrets
    """The applications' keys and first passwords."""
    after: pulumi.Output[list[pulumi.Resource]]
    """The region's other resources. Pulumi creates them before the applications, and deletes them after."""


class Application(pulumi.ComponentResource):
    """A namespace for each application, and one Argo CD Application that follows the region's branch."""

    def __init__(self, name: str, args: ApplicationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:application:Application", name, None, opts)
        self._args = args
        region = args.region
        storage_class = self._create_storage_class(name)
        namespaces = self._create_namespaces(name)
        rights: list[pulumi.Resource] = []
        if monitoring_rbac.NAMESPACE in region.settings.applications:
            rights = monitoring_rbac.grant(name, self, namespaces)
        secrets = self._create_secrets(name, namespaces)
        project = kubernetes.apiextensions.CustomResource(
            f"{name}-project",
            api_version="argoproj.io/v1alpha1",
            kind="AppProject",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=region.name, namespace=argocd.NAMESPACE),
            spec=project_spec(region, args.repository),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=args.after.apply(lambda after: [*after, storage_class, *namespaces, *secrets, *rights]),
            ),
        )
        kubernetes.apiextensions.CustomResource(
            name,
            api_version="argoproj.io/v1alpha1",
            kind="Application",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=region.name,
                namespace=argocd.NAMESPACE,
                labels=labels(region),
                # Argo CD deletes an Application's objects before the Application itself.
                finalizers=["resources-finalizer.argocd.argoproj.io"],
            ),
            spec=application_spec(region, args.repository),
            # Through the project it depends on all other resources, so a `destroy` begins with it. Where it is protected, the
            # `destroy` ends there, before any deletion.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[project], protect=region.protected),
        )
        self.register_outputs({"branch": region.branch, "repository": args.repository})

    def _create_storage_class(self, name: str) -> kubernetes.storage.v1.StorageClass:
        """The class of the applications' volumes."""
        return kubernetes.storage.v1.StorageClass(
            name,
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=STORAGE_CLASS),
            provisioner=self._args.storage.provisioner,
            parameters=self._args.storage.parameters,
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            # In production a volume outlives its claim. A person deletes it.
            reclaim_policy="Retain" if self._args.region.wave.production else "Delete",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_namespaces(self, name: str) -> list[kubernetes.core.v1.Namespace]:
        """A namespace for each application."""
        region = self._args.region
        return [
            kubernetes.core.v1.Namespace(
                f"{name}-{application}",
                metadata=kubernetes.meta.v1.ObjectMetaArgs(
                    name=application,
                    labels={**labels(region), "pod-security.kubernetes.io/enforce": "restricted"},
                ),
                opts=pulumi.ResourceOptions(parent=self, protect=region.protected),
            )
            for application in region.settings.applications
        ]

    def _create_secrets(
        self, name: str, namespaces: list[kubernetes.core.v1.Namespace]
    ) -> list[kubernetes.core.v1.Secret]:
        """The keys of the applications' GitHub apps, and InfluxDB's first password and token."""
        secrets, apps = self._args.secrets, self._args.region.settings.github_apps
        resources = [
            kubernetes.core.v1.Secret(
                f"{name}-{application}",
                metadata=kubernetes.meta.v1.ObjectMetaArgs(name="github-app", namespace=application),
                string_data={"app": app.app_id, "installation": app.installation_id, "private-key": key},
                opts=secrets.options(parent=self, depends_on=namespaces),
            )
            for application, app, key in (
                (CONDUCTOR, apps.conductor, secrets.conductor),
                (FLIPT, apps.flags, secrets.flags),
            )
            if app is not None and key is not None
        ]
        if secrets.influxdb:
            resources.append(
                kubernetes.core.v1.Secret(
                    f"{name}-{INFLUXDB}",
                    metadata=kubernetes.meta.v1.ObjectMetaArgs(name="admin", namespace=INFLUXDB),
                    string_data=secrets.influxdb,
                    opts=secrets.options(parent=self, depends_on=namespaces),
                )
            )
        return resources


def labels(region: Region) -> dict[str, str]:
    """The labels that tell a fleet's Applications apart."""
    return {
        "region": region.name,
        "cloud": region.settings.cloud,
        "wave": region.wave.name,
        "tenant": region.settings.tenant,
    }


def project_spec(region: Region, repository: str) -> dict[str, object]:
    """This repository, the applications' namespaces, and nothing of the cluster's own."""
    return {
        "description": f"The applications of region {region.name}",
        "sourceRepos": [repository],
        "destinations": [{"server": IN_CLUSTER, "namespace": name} for name in region.settings.applications],
        "clusterResourceWhitelist": [],
        "namespaceResourceBlacklist": [
            {"group": "", "kind": "ResourceQuota"},
            {"group": "", "kind": "LimitRange"},
            {"group": "argoproj.io", "kind": "Application"},
            {"group": "argoproj.io", "kind": "AppProject"},
        ],
    }


def application_spec(region: Region, repository: str) -> dict[str, object]:
    """The jsonnet program of gitops/region at the head of the region's branch, and the cluster follows git."""
    # Argo CD puts the commit in: argo-cd.readthedocs.io, user-guide/build-environment.
    tlas: list[dict[str, object]] = [
        {"name": "region", "value": json.dumps(jsonnet_args(region)), "code": True},
        {"name": "repository", "value": repository},
        {"name": "revision", "value": "$ARGOCD_APP_REVISION"},
    ]
    return {
        "project": region.name,
        "source": {
            "repoURL": repository,
            "targetRevision": region.branch,
            "path": "gitops/region",
            "directory": {"jsonnet": {"tlas": tlas}},
        },
        "destination": {"server": IN_CLUSTER, "namespace": region.settings.applications[0]},
        "syncPolicy": {
            "automated": {"prune": True, "selfHeal": True},
            "syncOptions": ["ServerSideApply=true"],
            # One retry, for an API server that was away. With Argo CD's five retries, a commit that fails its gate would stay
            # unsettled for minutes. The gate has retries of its own.
            "retry": {"limit": 1, "backoff": {"duration": "5s"}},
        },
        "revisionHistoryLimit": 20,
    }
