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
"""How soon the controller looks at a workflow again after its pod has changed. Upstream's 10 s are for thousands of workflows
at once; here is one, and each sync waits for it. Source: argo-workflows.readthedocs.io, environment-variables."""

SETTINGS: dict[str, object] = {
    # Nobody scrapes it yet, and the controller would listen on every interface.
    "metricsConfig": {"enabled": False},
    "telemetryConfig": {"enabled": False},
    # What a namespace with the pod security level `restricted` asks of each pod; a workflow says it neither of its own
    # container nor, as it could not, of those that the controller adds.
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
    """Upstream's objects as they are applied: in their namespace, and images at the pinned version, not `latest`."""
    version = manifests.version("argo-workflows")
    rendered = []
    for original in objects:
        manifest = copy.deepcopy(original)
        if not manifest["kind"].startswith("Cluster") and manifest["kind"] != "PriorityClass":
            manifest["metadata"]["namespace"] = NAMESPACE
        for subject in manifest.get("subjects", []):
            subject["namespace"] = NAMESPACE
        if manifest["kind"] == "Deployment":
            spec = manifest["spec"]["template"]["spec"]
            spec["securityContext"]["seccompProfile"] = {"type": "RuntimeDefault"}  # the namespace is `restricted`
            for container in spec["containers"]:
                container["image"] = container["image"].replace(":latest", f":{version}")
                container["args"] = ["--executor-image", f"quay.io/argoproj/argoexec:{version}"]
                container["env"].append(_REQUEUE)
        if manifest["kind"] == "ConfigMap":
            manifest["data"] = {key: json.dumps(value) for key, value in SETTINGS.items()}
        rendered.append(manifest)
    return rendered
