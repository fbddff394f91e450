"""The region's Application: what Argo CD deploys, from which branch, and what it may touch."""

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
    """What the region's applications take."""

    region: Region
    repository: str
    """The repository that Argo CD follows."""
    storage: StorageDriver
    """How the cluster makes the applications' volumes."""
    secrets: RegionSecrets
    """What applications sign in with, or are set up with."""
    after: pulumi.Output[list[pulumi.Resource]]
    """All else of the region: it must be there before the applications, and go after them."""


class Application(pulumi.ComponentResource):
    """A namespace for each application, and one Argo CD Application that follows the region's branch."""

    def __init__(self, name: str, args: ApplicationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:application:Application", name, None, opts)
        region = args.region
        storage_class = kubernetes.storage.v1.StorageClass(
            name,
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=STORAGE_CLASS),
            provisioner=args.storage.provisioner,
            parameters=args.storage.parameters,
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            # In production a volume outlives its claim; somebody deletes it on purpose.
            reclaim_policy="Retain" if region.wave.production else "Delete",
            opts=pulumi.ResourceOptions(parent=self),
        )
        namespaces = [
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
        rights: list[pulumi.Resource] = []
        if monitoring_rbac.NAMESPACE in region.settings.applications:
            rights = monitoring_rbac.grant(name, self, namespaces)
        settings = region.settings
        secrets: list[pulumi.Resource] = [
            kubernetes.core.v1.Secret(
                f"{name}-{application}",
                metadata=kubernetes.meta.v1.ObjectMetaArgs(name="github-app", namespace=application),
                string_data={"app": app.app_id, "installation": app.installation_id, "private-key": key},
                opts=args.secrets.options(parent=self, depends_on=namespaces),
            )
            for application, app, key in (
                (CONDUCTOR, settings.github_apps.conductor, args.secrets.conductor),
                (FLIPT, settings.github_apps.flags, args.secrets.flags),
            )
            if app is not None and key is not None
        ]
        if args.secrets.influxdb:
            secrets.append(
                kubernetes.core.v1.Secret(
                    f"{name}-{INFLUXDB}",
                    metadata=kubernetes.meta.v1.ObjectMetaArgs(name="admin", namespace=INFLUXDB),
                    string_data=args.secrets.influxdb,
                    opts=args.secrets.options(parent=self, depends_on=namespaces),
                )
            )
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
                # A deleted Application takes what it deployed with it, while Argo CD is still there to do so.
                finalizers=["resources-finalizer.argocd.argoproj.io"],
            ),
            spec=application_spec(region, args.repository),
            # Through the project it depends on all else, so that a `destroy` begins with it, and ends with it where it
            # is protected: nothing at all is deleted.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[project], protect=region.protected),
        )
        self.register_outputs({"branch": region.branch, "repository": args.repository})


def labels(region: Region) -> dict[str, str]:
    """By what the Applications of a fleet are told apart."""
    return {
        "region": region.name,
        "cloud": region.settings.cloud,
        "wave": region.wave.name,
        "tenant": region.settings.tenant,
    }


def project_spec(region: Region, repository: str) -> dict[str, object]:
    """This repository, the applications' namespaces, and nothing of the cluster's own."""
    return {
        "description": f"What region {region.name} runs",
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
    """The jsonnet program of gitops/region at the head of the region's branch, kept in the cluster as it is in git."""
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
            # Once more, for an API server that was away. Argo CD's own five times would keep a commit that fails its gate
            # unsettled for minutes; the gate tries again by itself.
            "retry": {"limit": 1, "backoff": {"duration": "5s"}},
        },
        "revisionHistoryLimit": 20,
    }
