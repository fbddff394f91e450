"""What all clouds have in common: what a cluster is made from, and what the rest of the region needs to know of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi

from fleet import Region

EXEC_API = "client.authentication.k8s.io/v1beta1"
"""The version that aws, gke-gcloud-auth-plugin and kubelogin all speak."""


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
    certificate_authority: pulumi.Output[str]
    """PEM in base64, as kubeconfigs have it."""
    kubeconfig: pulumi.Output[str]
    """Signs in by the cloud's exec plugin; holds no credential."""
    identity: pulumi.Output[str]
    """Changes only when the cluster is created anew, so that an edit of the kubeconfig replaces nothing."""
    storage: StorageDriver
    sign_in: str
    """The command that writes a person's own kubeconfig."""


@dataclass(frozen=True)
class ClusterArgs:
    """What a cloud's cluster component takes."""

    region: Region


def labels(region: Region) -> dict[str, str]:
    """What every resource of a region is tagged with. Valid as AWS and Azure tags and as Google Cloud labels."""
    return {
        "region": region.name,
        "wave": region.wave.name,
        "tenant": region.settings.tenant,
        "managed-by": "pulumi",
        **region.settings.tags,
    }


def zones(region: Region, default: tuple[str, str, str]) -> list[str]:
    """The region's three zones: the settings' own, else the cloud's usual ones."""
    return region.settings.zones or list(default)


def kubeconfig(name: str, endpoint: str, certificate_authority: str, command: str, arguments: list[str]) -> str:
    """A kubeconfig that signs in by an exec plugin. Returns JSON, which is YAML too, with a stable order of keys."""
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {"name": name, "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority}}
        ],
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
