"""What upstream's progressive syncs are measured on: Argo CD's objects, one ApplicationSet, and the files of a commit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.argo import argocd, notifications
from components.argo.application import IN_CLUSTER
from components.argo.manifests import Manifest
from fleet import Region

CONTROLLER = "argocd-applicationset-controller"
NAME = "regions"
FOLDER = "app"
"""Where the manifests are in the repository."""


def installation(upstream: Sequence[Manifest], region: Region, repository: str) -> list[Manifest]:
    """Argo CD as a region has it, but for receipts, and with the ApplicationSet controller, progressive syncs on."""
    settings = argocd.settings(region, repository)
    del settings[notifications.CONFIG_MAP]
    settings["argocd-cmd-params-cm"]["applicationsetcontroller.enable.progressive.syncs"] = "true"
    regions_have = argocd.render(upstream, settings)
    left_out = [item for item in upstream if item["metadata"]["name"].startswith(CONTROLLER)]
    return regions_have + [
        {**item, "metadata": {**item["metadata"], "namespace": argocd.NAMESPACE}} for item in left_out
    ]


def rollout(regions: Sequence[Region], repository: str) -> list[Manifest]:
    """The project, and the ApplicationSet: an Application for each region, a step for each wave, all following `main`."""
    waves = list(dict.fromkeys(region.wave.name for region in regions))
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": NAME, "namespace": argocd.NAMESPACE},
        "spec": {
            "sourceRepos": [repository],
            "destinations": [{"server": IN_CLUSTER, "namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
        },
    }
    template = {
        "metadata": {"name": "{{.region}}", "labels": {"wave": "{{.wave}}"}},
        "spec": {
            "project": NAME,
            "source": {"repoURL": repository, "targetRevision": "main", "path": FOLDER},
            "destination": {"server": IN_CLUSTER, "namespace": "{{.region}}"},
            # RollingSync switches automatic syncs off by itself.
            "syncPolicy": {"syncOptions": ["CreateNamespace=true"]},
        },
    }
    steps = [{"matchExpressions": [{"key": "wave", "operator": "In", "values": [wave]}]} for wave in waves]
    applicationset = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": NAME, "namespace": argocd.NAMESPACE},
        "spec": {
            "goTemplate": True,
            "generators": [
                {"list": {"elements": [{"region": region.name, "wave": region.wave.name} for region in regions]}}
            ],
            "strategy": {"type": "RollingSync", "rollingSync": {"steps": steps}},
            "template": template,
        },
    }
    return [project, applicationset]


def manifests(number: int, sound: bool) -> list[dict[str, Any]]:
    """What a commit deploys: its number, and pods that are replaced by each commit. Those of an unsound one never start."""
    labels = {"app": "app"}
    container = {"name": "app", "image": "simulated", "env": [{"name": "RELEASE", "value": str(number)}]}
    nowhere = {"nodeSelector": {"bench": "no-node-has-this"}}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "release"},
            "data": {"number": str(number)},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "app"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [container], **({} if sound else nowhere)},
                },
            },
        },
    ]
