"""Argo Workflows' controller in a region's cluster: gate tests are Workflows. From upstream's manifests, no server."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable

import pulumi
import pulumi_kubernetes as kubernetes

from components.argo import install, manifests
from components.argo.manifests import Manifest

NAMESPACE = "argo"

_CONTAINER = {
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
}
_POD = {"securityContext": {"runAsNonRoot": True, "runAsUser": 8737, "seccompProfile": {"type": "RuntimeDefault"}}}

_REQUEUE = {"name": "DEFAULT_REQUEUE_TIME", "value": "2s"}
"""The time from a change of a workflow's pod to the controller's next look. Upstream's 10 s are for thousands of workflows.

A region has one, and each sync waits for it. Source: argo-workflows.readthedocs.io, environment-variables."""

_UNWATCHED = {"name": "WATCH_CONTROLLER_SEMAPHORE_CONFIGMAPS", "value": "false"}
"""Reads the config map once. An update of the settings makes a new pod instead.

By itself, the controller watches the config map. After a restart of the API server the controller then spins at one core, and logs
a gigabyte in minutes. Source: github.com/argoproj/argo-workflows, issue 11657."""

SETTINGS: dict[str, object] = {
    # Prometheus does not scrape it yet, and the controller would listen on every interface.
    "metricsConfig": {"enabled": False},
    "telemetryConfig": {"enabled": False},
    # A namespace with the pod security level `restricted` demands these fields of each pod. A workflow leaves them out, and
    # has no way to set them in the containers that the controller adds.
    "executor": _CONTAINER,
    "mainContainer": _CONTAINER,
    "workflowDefaults": {"spec": _POD},
}
"""Keys of the controller's config map. Source: argo-workflows.readthedocs.io, workflow-controller-configmap."""


class ArgoWorkflows(pulumi.ComponentResource):
    """The workflow controller, its definitions and its rights."""

    objects: install.Objects

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:argoworkflows:ArgoWorkflows", name, None, opts)
        namespace = kubernetes.core.v1.Namespace(
            name,
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=NAMESPACE, labels={"pod-security.kubernetes.io/enforce": "restricted"}
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        objects = render(manifests.manifests("argo-workflows", "workflow-controller*/*.yaml"))
        definitions = manifests.manifests("argo-workflows", "crds/*.yaml")
        self.objects = install.install(self, name, [namespace], definitions, objects)
        self.register_outputs({"namespace": NAMESPACE, "version": manifests.version("argo-workflows")})


def render(objects: Iterable[Manifest]) -> list[Manifest]:
    """Upstream's objects as Pulumi applies them: in their namespace, and images at the pinned version, not `latest`."""
    version = manifests.version("argo-workflows")
    settings = {key: json.dumps(value) for key, value in SETTINGS.items()}
    result = []
    for original in objects:
        manifest = copy.deepcopy(original)
        if not manifest["kind"].startswith("Cluster") and manifest["kind"] != "PriorityClass":
            manifest["metadata"]["namespace"] = NAMESPACE
        for subject in manifest.get("subjects", []):
            subject["namespace"] = NAMESPACE
        if manifest["kind"] == "Deployment":
            manifests.annotate_settings(manifest, settings)
            spec = manifest["spec"]["template"]["spec"]
            spec["securityContext"]["seccompProfile"] = {"type": "RuntimeDefault"}  # the namespace is `restricted`
            for container in spec["containers"]:
                container["image"] = container["image"].replace(":latest", f":{version}")
                container["args"] = ["--executor-image", f"quay.io/argoproj/argoexec:{version}"]
                container["env"] += [_REQUEUE, _UNWATCHED]
        if manifest["kind"] == "ConfigMap":
            manifest["data"] = settings
        result.append(manifest)
    return result
