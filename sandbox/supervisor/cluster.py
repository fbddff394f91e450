"""One region's control plane: API server, controller manager and scheduler as host processes, and kwok for its nodes."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sandbox.machine.errors import SandboxError
from sandbox.machine.processes import Process, free_port
from sandbox.machine.supervisor_client import ApiServerAccess, NodeSpec
from sandbox.supervisor import pki
from sandbox.supervisor.api import ApiServer
from sandbox.supervisor.pods import PodRunner
from sandbox.supervisor.programs import COLLECTOR
from sandbox.supervisor.simulated.flipt import Flipt
from sandbox.supervisor.simulated.network import Network
from sandbox.supervisor.simulated.volumes import VolumeProvisioner
from sandbox.toolchain.tools import KWOK_STAGES

SERVICE_RANGE = "10.0.0.0/24"
_SERVICE_IP = "10.0.0.1"
_READY_SECONDS = 90.0
_OPERATOR = "sandbox-operator"
"""The service account of the tokens that the simulated exec plugins print."""

_POOL_LABEL = "sandbox.regions/pool"
_UNPULLABLE = Path(__file__).with_name("unpullable.yaml")


@dataclass(frozen=True)
class ClusterRecord:
    """The data with which a cluster starts again. The endpoint is in the stacks' state, so the port stays the same."""

    name: str
    version: str
    port: int
    token: str


@dataclass(frozen=True)
class ClusterMachine:
    """The parts of this machine that all clusters share."""

    clusters: Path
    """The folder of the clusters' folders."""
    logs: Path
    """The folder of the clusters' folders of logs."""
    binaries: Mapping[str, Path]
    etcd: str
    """The address of etcd."""
    flipt: Flipt


class Cluster:
    """A running control plane."""

    def __init__(self, record: ClusterRecord, host: ClusterMachine) -> None:
        self.record = record
        self._host = host
        self._folder = folder = host.clusters / slug(record.name)
        self._logs = host.logs / slug(record.name)
        self._processes: list[Process] = []
        self._api = ApiServer(self.endpoint, folder / "ca.crt", record.token) if (folder / "ca.crt").exists() else None
        self._pods: PodRunner | None = None
        self._volumes: VolumeProvisioner | None = None
        self._network: Network | None = None

    @classmethod
    def create(cls, name: str, version: str, host: ClusterMachine) -> Cluster:
        """A new cluster, not yet started."""
        pki.create(host.clusters / slug(name), _SERVICE_IP)
        return cls(ClusterRecord(name, version, free_port(), secrets.token_urlsafe(24)), host)

    @property
    def endpoint(self) -> str:
        """The API server's address."""
        return f"https://127.0.0.1:{self.record.port}"

    @property
    def access(self) -> ApiServerAccess:
        """The address and the certificate authority, for the cloud's outputs."""
        return ApiServerAccess(self.endpoint, (self._folder / "ca.crt").read_text())

    @property
    def etcd_prefix(self) -> str:
        """The prefix of the cluster's data in the etcd that all clusters share."""
        return f"/{slug(self.record.name)}"

    @property
    def folder(self) -> Path:
        """The cluster's keys and configuration."""
        return self._folder

    @property
    def api(self) -> ApiServer:
        """The API server, as administrator."""
        if self._api is None:
            self._api = ApiServer(self.endpoint, self._folder / "ca.crt", self.record.token)
        return self._api

    def processes(self) -> list[Process]:
        """All processes of the cluster, with the programs of pods."""
        return self._processes + (self._pods.processes() if self._pods else [])

    async def start(self) -> None:
        """Start all processes, and wait until the API server serves. Raises SandboxError if it does not."""
        self._write_files()
        await self._run("kube-apiserver", self._apiserver())
        if not await self.api.ready(_READY_SECONDS):
            log = self._logs / "kube-apiserver.log"
            raise SandboxError(
                f"the API server of {self.record.name} was not ready after {_READY_SECONDS:.0f} s. See {log}"
            )
        await self._bootstrap()
        kubeconfig = f"--kubeconfig={self._folder / 'kubeconfig'}"
        await asyncio.gather(
            self._run("kube-controller-manager", [
                kubeconfig, "--controllers=*,-nodelifecycle", "--secure-port=0", "--leader-elect=false",
                f"--service-account-private-key-file={self._folder / 'accounts.key'}",
                f"--root-ca-file={self._folder / 'ca.crt'}", "--concurrent-gc-syncs=2",
            ]),
            self._run("kube-scheduler", [kubeconfig, "--secure-port=0", "--leader-elect=false"]),
            self._run("kwok", [
                kubeconfig, "--manage-all-nodes=true", "--node-lease-duration-seconds=0",
                f"--server-address=127.0.0.1:{free_port()}",
                *(f"--config={self._host.binaries[Path(stage).name]}" for stage in KWOK_STAGES),
                f"--config={_UNPULLABLE}",
            ]),
        )  # fmt: skip
        self._network = Network(self.api, self._host.flipt)
        await self._network.start()
        self._pods = PodRunner(self.api, self._folder, self._logs, self._host.binaries, self._network.proxy)
        self._network.programs = self._pods.serving
        self._volumes = VolumeProvisioner(self.api)
        self._pods.start()
        self._volumes.start()

    async def stop(self) -> None:
        """End all processes. The data stays."""
        if self._pods and self._volumes:
            await asyncio.gather(self._pods.stop(), self._volumes.stop())
        if self._network:
            await self._network.stop()
        await asyncio.gather(*(process.stop() for process in self._processes))
        self._processes.clear()
        if self._api:
            await self._api.close()
            self._api = None

    async def set_nodes(self, pool: str, nodes: list[NodeSpec]) -> None:
        """Set the nodes of a pool to exactly these."""
        members = {node.name: node for node in nodes}
        selector = f"?labelSelector={_POOL_LABEL}%3D{pool}"
        for existing in await self.api.all(f"/api/v1/nodes{selector}"):
            name = existing["metadata"]["name"]
            if name not in members:
                await self.api.delete(f"/api/v1/nodes/{name}")
        await asyncio.gather(*(self.api.create("/api/v1/nodes", _node(pool, node)) for node in members.values()))

    async def mint_token(self) -> dict[str, str]:
        """A token of the operator's service account, valid for 15 minutes, like EKS's tokens."""
        path = f"/api/v1/namespaces/kube-system/serviceaccounts/{_OPERATOR}/token"
        answer = await self.api.create(path, {"spec": {"expirationSeconds": 900}})
        return {"token": answer["status"]["token"], "expires": answer["status"]["expirationTimestamp"]}

    async def _run(self, name: str, arguments: list[str]) -> None:
        process = Process(name, [str(self._host.binaries[name]), *arguments], self._logs / f"{name}.log", COLLECTOR)
        self._processes.append(process)
        await process.start()

    def _apiserver(self) -> list[str]:
        folder = self._folder
        return [
            f"--etcd-servers={self._host.etcd}", f"--etcd-prefix={self.etcd_prefix}",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--secure-port={self.record.port}",
            f"--tls-cert-file={folder / 'server.crt'}", f"--tls-private-key-file={folder / 'server.key'}",
            f"--service-account-issuer={self.endpoint}", f"--service-account-key-file={folder / 'accounts.pub'}",
            f"--service-account-signing-key-file={folder / 'accounts.key'}", f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC", f"--service-cluster-ip-range={SERVICE_RANGE}", "--endpoint-reconciler-type=none",
            "--anonymous-auth=false", "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
        ]  # fmt: skip

    def _write_files(self) -> None:
        tokens = self._folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f"{self.record.token},sandbox-admin,sandbox-admin,system:masters\n")
        path = self._folder / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(kubeconfig([self])))

    async def _bootstrap(self) -> None:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _OPERATOR}}
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _OPERATOR},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": _OPERATOR, "namespace": "kube-system"}],
        }
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
        await self.api.create("/api/v1/namespaces", namespace)
        await self.api.create("/api/v1/namespaces/kube-system/serviceaccounts", account)
        await self.api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)


def slug(name: str) -> str:
    """A cluster's name as a file name and etcd key."""
    return re.sub(r"[^a-zA-Z0-9-]+", "-", name)


def short_name(name: str) -> str:
    """The cluster's name in its cloud, which is the region's: the last part of its full name."""
    return name.rpartition("/")[2]


def kubeconfig(clusters: list[Cluster]) -> dict[str, Any]:
    """An administrator's kubeconfig with a context for each cluster, named as the region."""
    by_name = {short_name(cluster.record.name): cluster for cluster in clusters}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": next(iter(by_name), ""),
        "clusters": [
            {"name": name, "cluster": {"server": c.endpoint, "certificate-authority": str(c.folder / "ca.crt")}}
            for name, c in by_name.items()
        ],
        "users": [{"name": name, "user": {"token": c.record.token}} for name, c in by_name.items()],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in by_name],
    }


def record_data(cluster: Cluster) -> dict[str, Any]:
    """The cluster's record as JSON-ready data."""
    return asdict(cluster.record)


def _node(pool: str, node: NodeSpec) -> dict[str, Any]:
    capacity = {"cpu": node.cpu, "memory": node.memory, "pods": "110", "ephemeral-storage": "100Gi"}
    labels = {**node.labels, "kubernetes.io/hostname": node.name, _POOL_LABEL: pool}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels},
        "spec": {"taints": node.taints},
        "status": {"capacity": capacity, "allocatable": capacity},
    }
