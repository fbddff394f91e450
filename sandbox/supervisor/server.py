"""The daemon: git host, etcd, the clusters, and the Unix socket of `supervisor_client`."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from sandbox.githost import repository
from sandbox.machine.errors import SandboxError
from sandbox.machine.files import remove_tree
from sandbox.machine.home import CHECKOUT, Home
from sandbox.machine.processes import Process, free_port, listening
from sandbox.machine.supervisor_client import NodeSpec
from sandbox.supervisor.cluster import Cluster, ClusterMachine, ClusterRecord, kubeconfig, record_data, short_name
from sandbox.supervisor.simulated.flipt import Flipt

_READY_SECONDS = 30.0


class Supervisor:
    """Owns etcd and all clusters. Operations on one cluster wait for each other. Different clusters do not wait."""

    def __init__(self, home: Home, binaries: Mapping[str, Path]) -> None:
        self._home = home
        self._binaries = binaries
        self._clusters: dict[str, Cluster] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        self._etcd: Process | None = None
        self._git_host = self._program("git-host", "sandbox.githost")
        self._ci: Process | None = None
        self._host = ClusterMachine(home.clusters, home.logs, binaries, self._etcd_url, Flipt(home.root / "flags.git"))
        self.stopped = asyncio.Event()

    async def start(self) -> None:
        """Start the git host, etcd, and the clusters of the last run."""
        await self._git_host.start()
        peer = f"http://127.0.0.1:{free_port()}"
        self._etcd = Process(
            "etcd",
            [
                str(self._binaries["etcd"]), f"--data-dir={self._home.root / 'etcd'}", "--unsafe-no-fsync",
                f"--listen-client-urls={self._etcd_url}", f"--advertise-client-urls={self._etcd_url}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}", "--log-level=warn", "--quota-backend-bytes=8000000000",
                "--auto-compaction-retention=10m",
            ],
            self._home.logs / "etcd.log",
        )  # fmt: skip
        await self._etcd.start()
        if self._home.state_file.exists():
            records = [ClusterRecord(**data) for data in json.loads(self._home.state_file.read_text())]
            self._clusters = {record.name: Cluster(record, self._host) for record in records}
            await asyncio.gather(*(cluster.start() for cluster in self._clusters.values()))
        if not await listening(repository.port(self._home), _READY_SECONDS):
            raise SandboxError(f"the git host does not answer. See {self._git_host.log}")

    async def stop(self) -> None:
        """End all processes.

        CI ends before the programs that its jobs need. API servers end before etcd: without etcd their end takes minutes.
        """
        if self._ci:
            await self._ci.stop()
        await asyncio.gather(*(cluster.stop() for cluster in self._clusters.values()))
        if self._etcd:
            await self._etcd.stop()
        await self._git_host.stop()

    async def create_cluster(self, name: str, version: str) -> dict[str, str]:
        """Start a control plane. See supervisor_client.create_cluster."""
        async with self._lock(name):
            cluster = self._clusters.get(name)
            if cluster is None:
                cluster = Cluster.create(name, version, self._host)
                try:
                    await cluster.start()
                except BaseException:
                    await cluster.stop()
                    raise
                self._clusters[name] = cluster
                self._write_records()
            access = cluster.access
            return {"endpoint": access.endpoint, "certificate_authority": access.certificate_authority}

    async def delete_cluster(self, name: str) -> None:
        """Stop a control plane and drop its data."""
        async with self._lock(name):
            cluster = self._clusters.pop(name, None)
            if cluster is None:
                return
            self._write_records()
            await cluster.stop()
            key = f"{cluster.etcd_prefix}/"
            body = {"key": _encoded(key), "range_end": _encoded(key[:-1] + chr(ord(key[-1]) + 1))}
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                (await client.post(f"{self._etcd_url}/v3/kv/deleterange", json=body)).raise_for_status()
            remove_tree(cluster.folder)

    async def set_node_pool(self, cluster: str, pool: str, nodes: list[dict[str, Any]]) -> None:
        """Set a pool's nodes to exactly these."""
        await self._cluster(cluster).set_nodes(pool, [NodeSpec(**node) for node in nodes])

    async def delete_node_pool(self, cluster: str, pool: str) -> None:
        """Remove a pool's nodes."""
        if cluster in self._clusters:
            await self._clusters[cluster].set_nodes(pool, [])

    async def token(self, cluster: str) -> dict[str, str]:
        """A token for a cluster, by its endpoint, its name, or the last parts of its name."""
        for name, candidate in self._clusters.items():
            if cluster == candidate.endpoint or f"/{name}".endswith(f"/{cluster}"):
                return await candidate.mint_token()
        raise SandboxError(f"no cluster found for {cluster}")

    async def status(self) -> dict[str, Any]:
        """The clusters and processes, with each process's memory in bytes."""
        processes = [("", process) for process in (self._git_host, self._ci, self._etcd) if process]
        processes += [(name, process) for name, cluster in self._clusters.items() for process in cluster.processes()]
        return {
            "home": str(self._home.root),
            "pid": os.getpid(),
            "clusters": [
                {"name": name, "region": short_name(name), "version": c.record.version, "endpoint": c.endpoint}
                for name, c in self._clusters.items()
            ],
            "processes": [
                {
                    "cluster": name, "name": process.name, "pid": process.pid, "restarts": process.restarts,
                    "memory": _memory(process.pid), "log": str(process.log),
                }
                for name, process in processes
            ],
        }  # fmt: skip

    async def run_ci(self, on: bool) -> None:
        """Start or stop the git host's CI."""
        async with self._lock("ci"):
            if self._ci and not on:
                await self._ci.stop()
                self._ci = None
            elif on and not self._ci:
                self._ci = self._program("ci", "sandbox.ci_runner")
                await self._ci.start()

    async def shutdown(self) -> None:
        """End the daemon."""
        self.stopped.set()

    def _program(self, name: str, module: str) -> Process:
        """One of the sandbox's own programs."""
        home = {"SANDBOX_HOME": str(self._home.root)}
        return Process(name, [sys.executable, "-m", module], self._home.logs / f"{name}.log", home, cwd=CHECKOUT)

    def _cluster(self, name: str) -> Cluster:
        if name not in self._clusters:
            raise SandboxError(f"no cluster is named {name}")
        return self._clusters[name]

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

    def _write_records(self) -> None:
        clusters = list(self._clusters.values())
        _replace(self._home.state_file, json.dumps([record_data(cluster) for cluster in clusters]))
        _replace(self._home.kubeconfig, json.dumps(kubeconfig(clusters)))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request."""
        with contextlib.suppress(ConnectionError):
            request = json.loads(await reader.readline() or b"{}")
            operation = request.pop("operation", "")
            try:
                if operation not in OPERATIONS:
                    raise SandboxError(f"no such operation: {operation}")
                result = {"result": await getattr(self, operation)(**request)}
            except SandboxError as error:
                result = {"error": str(error)}
            except Exception as error:  # the daemon outlives a bad request, and reports it to the caller
                result = {"error": f"{operation}: {type(error).__name__}: {error}"}
            writer.write(json.dumps(result).encode() + b"\n")
            await writer.drain()
        writer.close()


OPERATIONS = (
    "create_cluster", "delete_cluster", "set_node_pool", "delete_node_pool", "token", "status", "run_ci",
    "shutdown",
)  # fmt: skip


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _memory(pid: int | None) -> int:
    """Unshared resident memory. A binary's own pages are shared, for example. 0 if unknown."""
    try:
        return psutil.Process(pid).memory_full_info().uss if pid else 0
    except psutil.Error:
        return 0


def _replace(path: Path, text: str) -> None:
    """Write a file atomically that only this user can read."""
    scratch = path.with_suffix(".new")
    scratch.touch(mode=0o600)
    scratch.write_text(text)
    scratch.replace(path)


async def serve(home: Home, binaries: Mapping[str, Path]) -> None:
    """Run until SIGTERM, SIGINT or `shutdown`."""
    supervisor = Supervisor(home, binaries)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.stopped.set)
    try:
        await supervisor.start()
        home.socket.unlink(missing_ok=True)
        os.umask(0o077)
        server = await asyncio.start_unix_server(supervisor.answer, str(home.socket), limit=2**24)
        async with server:
            await supervisor.stopped.wait()
    finally:
        await supervisor.stop()
        home.socket.unlink(missing_ok=True)


def main() -> None:
    """`python -m sandbox.supervisor.server`. `sandbox up` links the binaries into the home and starts it."""
    home = Home.current()
    asyncio.run(serve(home, {path.name: path for path in home.bin.iterdir()}))


if __name__ == "__main__":
    main()
