"""The parts that the three clouds' clusters share: their arguments, their children's options, and their description."""

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
"""Retention of the control plane's logs in days. The key says whether the wave is production."""
BACKUP_DAYS = 35
"""Retention of a volume's backup in days: a month, and some days to notice a loss."""


@dataclass(frozen=True)
class ChildOptions:
    """The options of a component's children: their parent and their cloud's provider."""

    parent: pulumi.Resource
    provider: pulumi.ProviderResource | None
    """None if the parent has its providers from its own options."""
    protect: bool
    """Whether Pulumi refuses to delete the children that `protected` is for."""

    def default(self, **options: Any) -> pulumi.ResourceOptions:
        """For a resource without data, which Pulumi may delete at any time."""
        return pulumi.ResourceOptions(parent=self.parent, provider=self.provider, **options)

    def protected(self, **options: Any) -> pulumi.ResourceOptions:
        """For a resource that holds data, and for one without which data cannot be read or explained."""
        return self.default(protect=self.protect, **options)

    def component(self, **options: Any) -> pulumi.ResourceOptions:
        """For a component."""
        providers = [self.provider] if self.provider else None
        return pulumi.ResourceOptions(parent=self.parent, providers=providers, **options)


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
    """Signs in by the cloud's exec plugin and holds no credential."""
    identity: pulumi.Output[str]
    """Changes only when Pulumi replaces the cluster, so that an edit of the kubeconfig replaces nothing."""
    storage: StorageDriver
    sign_in: str
    """The command that writes a person's own kubeconfig."""
    kept: pulumi.Output[str] | None = None
    """The holder of the backups that a destroy leaves in the cloud. None if there are none."""
    manifests: Sequence[dict[str, Any]] = ()
    """Kubernetes objects that belong to the cluster: the cloud leaves them to its users."""


@dataclass(frozen=True)
class ClusterArgs:
    """The arguments of a cloud's cluster component."""

    region: Region


def kubeconfig(name: str, endpoint: str, certificate_authority: str | None, command: str, arguments: list[str]) -> str:
    """A kubeconfig that signs in by an exec plugin. Returns JSON, which is YAML too, with a stable order of keys.

    The certificate authority is PEM in base64, or None where every machine trusts the endpoint's certificate.
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
