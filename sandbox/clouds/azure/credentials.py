"""The SIMULATED Azure's answers to who wants to sign in to an AKS cluster."""

from __future__ import annotations

import base64
from typing import Any, Final

import yaml

from sandbox.clouds.azure.agent_pools import CLUSTER
from sandbox.clouds.azure.common import GROUPS
from sandbox.clouds.core.clusters import encoded_authority
from sandbox.clouds.core.crud import Cloud
from sandbox.clouds.core.model import CloudError
from sandbox.clouds.core.store import Row

# Fixed ids of AKS in every tenant (azure.github.io/kubelogin/concepts/aks.html).
_SERVER: Final = "6dae42f8-4368-4678-94ff-3960e28e3630"
_CLIENT: Final = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"


def user_credentials(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    """The user kubeconfig, which signs in through kubelogin, by default with a device code."""
    row = _cluster(cloud, arguments)
    access = cloud.clusters.create_cluster(str(row.sandbox_cluster), row.outputs["currentKubernetesVersion"])
    name, group = row.outputs["name"], arguments["resourceGroupName"]
    user = f"clusterUser_{group}_{name}"
    login = {"--environment": "AzurePublicCloud", "--server-id": _SERVER, "--client-id": _CLIENT}
    login |= {"--tenant-id": cloud.settings["tenant"], "--login": "devicecode"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": access.endpoint,
                    "certificate-authority-data": encoded_authority(access),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
        "preferences": {},
        "users": [
            {
                "name": user,
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "command": "kubelogin",
                        "args": ["get-token", *(word for option in login.items() for word in option)],
                        "env": None,
                        "provideClusterInfo": False,
                    }
                },
            }
        ],
    }
    value = base64.b64encode(yaml.safe_dump(config).encode()).decode()
    return {"kubeconfigs": [{"name": "clusterUser", "value": value}]}


def admin_credentials(cloud: Cloud, arguments: dict[str, Any]) -> dict[str, Any]:
    """Refused: by Azure when local accounts are off, by the sandbox otherwise, which hands out no static
    credential."""
    row = _cluster(cloud, arguments)
    if row.outputs.get("disableLocalAccounts"):
        raise CloudError(
            "BadRequest: Getting static credential is not allowed because this cluster is set to disable"
            " local accounts."
        )
    raise CloudError("sandbox: no admin credentials of AKS; set disableLocalAccounts and sign in with kubelogin")


def _cluster(cloud: Cloud, arguments: dict[str, Any]) -> Row:
    group, name = arguments["resourceGroupName"], arguments["resourceName"]
    provider = "Microsoft.ContainerService/managedClusters"
    id_ = f"{GROUPS.format(subscription=cloud.settings['subscription'])}{group}/providers/{provider}/{name}"
    row = cloud.lookup(CLUSTER, id_)
    if row is None:
        raise CloudError(
            f"ResourceNotFound: The Resource '{provider}/{name}' under resource group '{group}' was not found."
        )
    return row
