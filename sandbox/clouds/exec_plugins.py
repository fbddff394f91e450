"""SIMULATED exec plugins of the clouds (`aws`, `gke-gcloud-auth-plugin`, `kubelogin`), on PATH in the sandbox.

The sign-in is SIMULATED, the token is real: the cluster's own API server mints it for the sandbox's operator, and it
expires. Each plugin accepts the real one's arguments only, so that a wrong kubeconfig fails here too.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

from sandbox.clouds import reach
from sandbox.clouds.core.store import open_store
from sandbox.machine import supervisor_client
from sandbox.machine.errors import SandboxError

_AKS_SERVER_ID = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The Entra application of all AKS clusters: learn.microsoft.com/azure/aks/kubelogin-authentication."""


def main() -> int:
    """`python -m sandbox.clouds.exec_plugins PLUGIN ARGUMENT…`: print an ExecCredential."""
    plugin, *arguments = sys.argv[1:]
    try:
        cluster = CLUSTER_OF[plugin](arguments)
        with open_store().reading() as tx:
            reach.require_way(tx.all(), cluster)
        token = supervisor_client.token(cluster)
    except SandboxError as error:
        print(f"{plugin} (simulated by the sandbox): {error}", file=sys.stderr)
        return 255 if plugin == "aws" else 1
    status = {"token": token["token"], "expirationTimestamp": token["expires"]}
    print(json.dumps({"apiVersion": _version(), "kind": "ExecCredential", "spec": {}, "status": status}))
    return 0


def _aws(arguments: list[str]) -> str:
    """`aws --region R eks get-token --cluster-name N [--output json]`: the cluster by location and name."""
    options, commands = _parse(arguments)
    if commands != ["eks", "get-token"]:
        raise SandboxError(f"only `eks get-token` is simulated, not `{' '.join(commands)}`")
    missing = [name for name in ("--region", "--cluster-name") if name not in options]
    if missing:
        raise SandboxError(f"the following arguments are required: {', '.join(missing)}")
    return f"{options['--region']}/{options['--cluster-name']}"


def _gke(arguments: list[str]) -> str:
    """`gke-gcloud-auth-plugin`, without arguments: the cluster that the client connects to."""
    if arguments:
        raise SandboxError(f"unknown arguments: {' '.join(arguments)}")
    return _server()


def _kubelogin(arguments: list[str]) -> str:
    """`kubelogin get-token --server-id … --login …`: the cluster that the client connects to."""
    options, commands = _parse(arguments)
    if commands != ["get-token"]:
        raise SandboxError(f"only `get-token` is simulated, not `{' '.join(commands)}`")
    if options.get("--server-id") != _AKS_SERVER_ID:
        raise SandboxError(f"--server-id must be {_AKS_SERVER_ID}, the application of AKS")
    # The variable goes before the argument: Azure/kubelogin, pkg/internal/token/options.go.
    login = os.environ.get("AAD_LOGIN_METHOD") or options.get("--login", "devicecode")
    if login == "devicecode":
        raise SandboxError("--login devicecode, the default, waits for a person at a browser. Set another --login")
    if login == "azurecli" and os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        raise SandboxError("AADSTS700024: Client assertion is not within its valid time range (Azure/login, issue 372)")
    if login == "workloadidentity":
        _check_workload_identity(os.environ)
    return _server()


def _check_workload_identity(environment: Mapping[str, str]) -> None:
    """Make kubelogin's own refusals in GitHub's jobs: Azure/kubelogin, pkg/internal/token/githubactionscredential.go."""
    if not environment.get("AZURE_CLIENT_ID"):
        raise SandboxError("client ID cannot be empty")
    if not (environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN") and environment.get("ACTIONS_ID_TOKEN_REQUEST_URL")):
        raise SandboxError("ACTIONS_ID_TOKEN_REQUEST_TOKEN or ACTIONS_ID_TOKEN_REQUEST_URL is not set")


CLUSTER_OF = {"aws": _aws, "gke-gcloud-auth-plugin": _gke, "kubelogin": _kubelogin}


def _parse(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """`--name value` and `--name=value` apart from plain words."""
    options: dict[str, str] = {}
    words: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            options[name] = value if equals else next(rest, "")
        else:
            words.append(word)
    return options, words


def _information() -> dict[str, object]:
    information: dict[str, object] = json.loads(os.environ.get("KUBERNETES_EXEC_INFO") or "{}")
    return information


def _version() -> str:
    return str(_information().get("apiVersion") or "client.authentication.k8s.io/v1beta1")


def _server() -> str:
    """The cluster that the client connects to, from the information of `provideClusterInfo: true`."""
    specification = _information().get("spec")
    cluster = specification.get("cluster") if isinstance(specification, dict) else None
    if not isinstance(cluster, dict) or not cluster.get("server"):
        raise SandboxError("KUBERNETES_EXEC_INFO names no cluster. Set `provideClusterInfo: true` in the kubeconfig")
    return str(cluster["server"])


if __name__ == "__main__":
    sys.exit(main())
