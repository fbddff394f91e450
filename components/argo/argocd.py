"""Argo CD in a region's cluster, from upstream's own manifests with this project's settings merged in."""

from __future__ import annotations

import copy
import hashlib
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
"""Parts that no region uses: no single sign-on is set up, and every region has its one Application."""

_REVISION_CACHE = ("argocd-repo-server", "ARGOCD_RECONCILIATION_TIMEOUT", "1s")
"""Deployment, variable, value. The repo-server remembers a branch's commit for as long as the controller waits between two looks,
so that a look may be answered with what the one before saw. Source: reposerver/cache/cache.go, revision-cache-expiration."""


@dataclass(frozen=True)
class ArgoCdArgs:
    """What Argo CD takes."""

    region: Region
    """In production it is upstream's HA manifests: three Redis, two repo-servers, two API servers. They want three nodes."""
    repository: str
    """The repository that it follows, on whose commits it posts receipts."""
    secrets: RegionSecrets
    """The private key of the GitHub app that posts them is among these."""


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
        upstreams = manifests.manifests("argo-cd", "cluster-rbac/*.yaml", variant)
        objects = render(upstreams, settings(args.region, args.repository))
        definitions = manifests.manifests("argo-cd", "crds/*.yaml")
        # Not among the others: with one secret value in it, every object of the group would become a secret as a whole.
        key = kubernetes.core.v1.Secret(
            f"{name}-receipts",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=notifications.SECRET, namespace=NAMESPACE),
            string_data={notifications.SECRET_KEY: args.secrets.receipts},
            opts=args.secrets.options(parent=self, depends_on=[namespace]),
        )
        self.objects = install.install(self, name, [namespace, key], definitions, objects)
        self.register_outputs({"namespace": NAMESPACE, "version": manifests.version("argo-cd")})


def settings(region: Region, repository: str) -> dict[str, dict[str, str]]:
    """Config map to keys, laid over upstream's own. docs: argo-cd.readthedocs.io, operator-manual/argocd-cm.yaml."""
    return {
        "argocd-cm": {
            "admin.enabled": "false",
            "users.anonymous.enabled": "false",
            "application.resourceTrackingMethod": "annotation",
            # Private clusters get no webhook, so a new commit is seen by asking; one ls-remote each time. Without jitter,
            # which spreads many applications of one Argo CD: a look that comes a little earlier after the last than the
            # interval is left out, so that of every two one was. Source: controller/appcontroller.go, needRefreshAppStatus.
            "timeout.reconciliation": text(region.settings.poll_interval),
            "timeout.reconciliation.jitter": "0s",
        },
        "argocd-rbac-cm": {"policy.default": ""},
        "argocd-cmd-params-cm": {
            "server.disable.auth": "false",
            # Without it an operation that waits for a pod which never becomes ready runs for ever, says nothing, and keeps
            # every later commit out, the one that mends it too.
            "controller.sync.timeout.seconds": f"{region.settings.sync_timeout.total_seconds():.0f}",
        },
        notifications.CONFIG_MAP: notifications.settings(region, repository),
    }


def render(objects: Iterable[Manifest], settings: dict[str, dict[str, str]]) -> list[Manifest]:
    """Upstream's objects as they are applied: unused parts left out, settings merged, the namespace named.

    Raises KeyError if settings name a config map that upstream does not have, as after a careless upgrade.
    """
    rendered = []
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
            # Settings that are read as a process starts: another value has to start it anew.
            text = json.dumps(original)
            read = {each: values for each, values in settings.items() if f'"name": "{each}"' in text}
            digest = hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()[:16]
            manifest["spec"]["template"]["metadata"].setdefault("annotations", {})["regions/settings"] = digest
        if name == _REVISION_CACHE[0] and kind == "Deployment":
            _set_variable(manifest, *_REVISION_CACHE[1:])
        rendered.append(manifest)
    if remaining:
        raise KeyError(f"upstream's manifests have no config map {', '.join(remaining)}; mend settings() in argocd.py")
    return rendered


def _set_variable(deployment: Manifest, name: str, value: str) -> None:
    """Give a variable of a Deployment's first container a value of its own. Raises KeyError if it has no such variable."""
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    places = [place for place, entry in enumerate(variables) if entry["name"] == name]
    if not places:
        raise KeyError(f"upstream's {deployment['metadata']['name']} reads no {name}; mend argocd.py")
    variables[places[0]] = {"name": name, "value": value}
