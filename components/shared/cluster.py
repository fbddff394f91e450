"""What all clouds have in common: what a cluster is made from, and what the rest of the region needs to know of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from fleet import Region

EXEC_API = "client.authentication.k8s.io/v1beta1"
"""The version that aws, gke-gcloud-auth-plugin and kubelogin all speak."""


LOG_DAYS = {False: 30, True: 365}
"""How long the control plane's logs are kept, by whether the wave is production."""
BACKUP_DAYS = 35
"""How long a backup of a volume is kept: a month, and some days to notice."""


@dataclass(frozen=True)
class Children:
    """The options of a component's children: the parent, its cloud's provider, and whether deletion is refused."""

    parent: pulumi.Resource
    provider: pulumi.ProviderResource | None
    """None where the parent was given providers itself."""
    protected: bool

    def own(self, **more: Any) -> pulumi.ResourceOptions:
        """For a resource that may go at any time."""
        return pulumi.ResourceOptions(parent=self.parent, provider=self.provider, **more)

    def kept(self, **more: Any) -> pulumi.ResourceOptions:
        """For a resource that holds data, or without which data cannot be read or explained."""
        return self.own(protect=self.protected, **more)

    def component(self, **more: Any) -> pulumi.ResourceOptions:
        """For a component."""
        return pulumi.ResourceOptions(parent=self.parent, providers=[self.provider] if self.provider else None, **more)


@dataclass(frozen=True)
class StorageDriver:
    """How the cluster makes volumes: the CSI driver, and its parameters for an encrypted SSD."""

    provisioner: str
    parameters: dict[str, str]


@dataclass(frozen=True)
class ClusterInfo:
    """A cluster as the rest of the region sees it, the same for every cloud."""

    name: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    """The API server's address, with https://."""
    kubeconfig: pulumi.Output[str]
    """Signs in by the cloud's exec plugin; holds no credential."""
    identity: pulumi.Output[str]
    """Changes only when the cluster is created anew, so that an edit of the kubeconfig replaces nothing."""
    storage: StorageDriver
    sign_in: str
    """The command that writes a person's own kubeconfig."""
    inside: Sequence[dict[str, Any]] = ()
    """Objects that the cloud leaves to the cluster itself."""


@dataclass(frozen=True)
class ClusterArgs:
    """What a cloud's cluster component takes."""

    region: Region


def zones(region: Region, default: tuple[str, str, str]) -> list[str]:
    """The region's three zones: the settings' own, else the cloud's usual ones."""
    return region.settings.zones or list(default)


def kubeconfig(name: str, endpoint: str, certificate_authority: str | None, command: str, arguments: list[str]) -> str:
    """A kubeconfig that signs in by an exec plugin. Returns JSON, which is YAML too, with a stable order of keys.

    The certificate authority is PEM in base64; None where the endpoint's certificate is one that every machine trusts.
    """
    cluster = {"server": endpoint}
    if certificate_authority:
        cluster["certificate-authority-data"] = certificate_authority
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "users": [
            {
                "name": name,
                "user": {
                    "exec": {
                        "apiVersion": EXEC_API,
                        "command": command,
                        "args": arguments,
                        "interactiveMode": "Never",
                        "provideClusterInfo": True,
                    }
                },
            }
        ],
    }
    return json.dumps(config)
