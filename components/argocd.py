"""Argo CD in a region's cluster, from upstream's own manifests with this project's settings merged in."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components import controllers, upstream
from components.upstream import Manifest

NAMESPACE = "argocd"

UNUSED = ("argocd-dex-server", "argocd-applicationset-controller")
"""Parts that no region uses: no single sign-on is set up, and every region has its one Application."""

SETTINGS: dict[str, dict[str, str]] = {
    "argocd-cm": {
        "admin.enabled": "false",
        "users.anonymous.enabled": "false",
        "application.resourceTrackingMethod": "annotation",
        # Private clusters get no webhook, so a new commit is seen by asking; one ls-remote each time.
        "timeout.reconciliation": "30s",
        "timeout.reconciliation.jitter": "5s",
    },
    "argocd-rbac-cm": {"policy.default": ""},
    "argocd-cmd-params-cm": {
        "server.disable.auth": "false",
        # A sync waits for pods to get ready, and while it waits no other begins, be it a fix or a rollback. A pod may take
        # five minutes to start (gitops/apps), so after ten it will not.
        "controller.sync.timeout.seconds": "600",
    },
}
"""Config map to keys, laid over upstream's own. docs: argo-cd.readthedocs.io, operator-manual/argocd-cm.yaml."""


@dataclass(frozen=True)
class ArgoCdArgs:
    """What Argo CD takes."""

    high_availability: bool
    """Upstream's HA manifests: three Redis, two repo-servers, two API servers. They want three nodes."""


class ArgoCd(pulumi.ComponentResource):
    """Argo CD: its namespace, definitions and controllers."""

    objects: controllers.Objects

    def __init__(self, name: str, args: ArgoCdArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:argocd:ArgoCd", name, None, opts)
        namespace = kubernetes.core.v1.Namespace(
            name,
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=NAMESPACE, labels={"pod-security.kubernetes.io/enforce": "baseline"}
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        install = "ha/namespace-install.yaml" if args.high_availability else "namespace-install.yaml"
        objects = render(upstream.manifests("argo-cd", "cluster-rbac/*.yaml", install), SETTINGS)
        definitions = upstream.manifests("argo-cd", "crds/*.yaml")
        self.objects = controllers.install(self, name, namespace, definitions, objects)
        self.register_outputs({"namespace": NAMESPACE, "version": upstream.version("argo-cd")})


def render(objects: Iterable[Manifest], settings: dict[str, dict[str, str]]) -> list[Manifest]:
    """Upstream's objects as they are applied: unused parts left out, settings merged, the namespace named.

    Raises KeyError if settings name a config map that upstream does not have, as after a careless upgrade.
    """
    rendered = []
    remaining = dict(settings)
    for original in objects:
        name, kind = original["metadata"]["name"], original["kind"]
        if name.startswith(UNUSED):
            continue
        manifest = copy.deepcopy(original)
        if not kind.startswith("Cluster"):
            manifest["metadata"]["namespace"] = NAMESPACE
        if kind == "ConfigMap" and name in remaining:
            manifest["data"] = {**(manifest.get("data") or {}), **remaining.pop(name)}
        rendered.append(manifest)
    if remaining:
        raise KeyError(f"upstream's manifests have no config map {', '.join(remaining)}; mend SETTINGS in argocd.py")
    return rendered
