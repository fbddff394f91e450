"""Argo CD in a region's cluster, from upstream's own manifests with this project's settings merged in."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.argo import install, manifests, notifications
from components.argo.manifests import Manifest
from components.shared.secrets import RegionSecrets
from fleet import Region
from fleet.duration import text

NAMESPACE = "argocd"

UNUSED = ("argocd-dex-server", "argocd-applicationset-controller")
"""Parts that no region uses: there is no single sign-on, and every region has its one Application."""

_REVISION_CACHE = ("argocd-repo-server", "ARGOCD_RECONCILIATION_TIMEOUT", "1s")
"""Deployment, variable, value. By default the repo-server caches a branch's commit for the controller's whole poll interval.

A poll might then get the commit of the poll before. Source: reposerver/cache/cache.go, revision-cache-expiration."""


@dataclass(frozen=True)
class ArgoCdArgs:
    """The arguments of Argo CD."""

    region: Region
    """In production Argo CD has upstream's HA manifests: three Redis, two repo-servers, two API servers, on three nodes."""
    repository: str
    """The repository that Argo CD follows, and on whose commits it posts receipts."""
    secrets: RegionSecrets
    """The private key of the GitHub app that posts receipts is among these."""


class ArgoCd(pulumi.ComponentResource):
    """Argo CD: its namespace, definitions and controllers."""

    objects: install.Objects

    def __init__(self, name: str, args: ArgoCdArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("regions:argocd:ArgoCd", name, None, opts)
        namespace = kubernetes.core.v1.Namespace(
            name,
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=NAMESPACE, labels={"pod-security.kubernetes.io/enforce": "baseline"}
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        variant = "ha/namespace-install.yaml" if args.region.wave.production else "namespace-install.yaml"
        upstream = manifests.manifests("argo-cd", "cluster-rbac/*.yaml", variant)
        objects = render(upstream, settings(args.region, args.repository))
        definitions = manifests.manifests("argo-cd", "crds/*.yaml")
        # Not in the ConfigGroup: one secret value in it makes every object of the group a secret as a whole.
        key = kubernetes.core.v1.Secret(
            f"{name}-receipts",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=notifications.SECRET, namespace=NAMESPACE),
            string_data={notifications.SECRET_KEY: args.secrets.receipts},
            opts=args.secrets.options(parent=self, depends_on=[namespace]),
        )
        self.objects = install.install(self, name, [namespace, key], definitions, objects)
        self.register_outputs({"namespace": NAMESPACE, "version": manifests.version("argo-cd")})


def settings(region: Region, repository: str) -> dict[str, dict[str, str]]:
    """Config map to the keys that replace upstream's. Source: argo-cd.readthedocs.io, operator-manual/argocd-cm.yaml."""
    return {
        "argocd-cm": {
            "admin.enabled": "false",
            "users.anonymous.enabled": "false",
            "application.resourceTrackingMethod": "annotation",
            # Private clusters get no webhook, so Argo CD polls for new commits, with one ls-remote each time. Jitter is off: it
            # spreads many applications of one Argo CD. With jitter, a poll shortly before the interval's end is skipped, so
            # every second poll was. Source: controller/appcontroller.go, needRefreshAppStatus.
            "timeout.reconciliation": text(region.settings.poll_interval),
            "timeout.reconciliation.jitter": "0s",
        },
        "argocd-rbac-cm": {"policy.default": ""},
        "argocd-cmd-params-cm": {
            "server.disable.auth": "false",
            # Without it an operation waits for ever for a pod that never becomes ready. Such an operation posts no
            # receipt, and blocks every later commit, the fix too.
            "controller.sync.timeout.seconds": f"{region.settings.sync_timeout.total_seconds():.0f}",
        },
        notifications.CONFIG_MAP: notifications.settings(region, repository),
    }


def render(objects: Iterable[Manifest], settings: dict[str, dict[str, str]]) -> list[Manifest]:
    """Upstream's objects as Pulumi applies them: without unused parts, with settings merged and the namespace set.

    Raises KeyError if settings name a config map that upstream does not have, as after an upgrade.
    """
    result = []
    remaining = dict(settings)
    for original in objects:
        name, kind = original["metadata"]["name"], original["kind"]
        if name.startswith(UNUSED) or (name == notifications.SECRET and kind == "Secret"):
            continue
        manifest = copy.deepcopy(original)
        if not kind.startswith("Cluster"):
            manifest["metadata"]["namespace"] = NAMESPACE
        if kind == "ConfigMap" and name in remaining:
            manifest["data"] = {**(manifest.get("data") or {}), **remaining.pop(name)}
        if kind in ("Deployment", "StatefulSet"):
            manifests.annotate_settings(manifest, _settings_of(original, settings))
        if name == _REVISION_CACHE[0] and kind == "Deployment":
            _set_variable(manifest, *_REVISION_CACHE[1:])
        result.append(manifest)
    if remaining:
        raise KeyError(f"upstream's manifests have no config map {', '.join(remaining)}: fix settings() in argocd.py")
    return result


def _settings_of(workload: Manifest, settings: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The config maps that a workload reads as it starts."""
    text = json.dumps(workload)
    return {config_map: keys for config_map, keys in settings.items() if f'"name": "{config_map}"' in text}


def _set_variable(deployment: Manifest, name: str, value: str) -> None:
    """Set a variable of a Deployment's first container. Raises KeyError if the container has no such variable."""
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    indexes = [index for index, entry in enumerate(variables) if entry["name"] == name]
    if not indexes:
        raise KeyError(f"upstream's {deployment['metadata']['name']} reads no {name}: fix _REVISION_CACHE in argocd.py")
    variables[indexes[0]] = {"name": name, "value": value}
