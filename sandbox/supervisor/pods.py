"""Runs the programs of pods as host processes, in place of the kubelets: those of programs.py, and steps of Argo Workflows.

kwok sets every pod Running. A process starts with its pod, and ends when the pod is deleted. Of several replicas one runs.
Each process has the rights of its pod's service account, through its own token.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from sandbox.machine.processes import RESTART_SECONDS, Process, note
from sandbox.supervisor.api import ApiServer, Object
from sandbox.supervisor.programs import PROGRAMS, PYTHON, Ports, Program, environment
from sandbox.supervisor.steps import StepRunner, step_environment

_TOKEN_SECONDS = 30 * 24 * 3600


class PodRunner:
    """Follows the pods of one cluster."""

    def __init__(self, api: ApiServer, folder: Path, logs: Path, binaries: Mapping[str, Path], proxy: str) -> None:
        self._api = api
        self._folder = folder / "pods"
        self._logs = logs
        self._binaries = binaries
        self._proxy = proxy
        self._authority = folder / "ca.crt"
        self._ports = Ports()
        self._processes: dict[str, Process] = {}
        self._keepers: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._steps = StepRunner(api, self._folder, logs, self, proxy)
        self._task: asyncio.Task[None] | None = None

    def processes(self) -> list[Process]:
        """The processes that run for pods now."""
        return list(self._processes.values())

    def serving(self, pod: Object, port: int) -> int | None:
        """The port on this machine of a pod's program, in place of the pod's port. None if no program serves that port."""
        for container in pod["spec"]["containers"]:
            program = PROGRAMS.get(container["name"])
            if program and program.serves and program.serves[0] == port:
                return int(self._ports[program.serves[1]])
        return None

    def start(self) -> None:
        """Begin to follow the pods."""
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End all processes."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._steps.stop()
        await self._end(list(self._keepers))

    async def _follow(self) -> None:
        async for pods in self._api.changes("/api/v1/pods"):
            selection = select(pods)
            uids = {name: pod["metadata"]["uid"] for name, pod in selection.items()}
            await self._end([name for name, (uid, _) in self._keepers.items() if uids.get(name) != uid])
            for name, pod in selection.items():
                if name not in self._keepers:
                    self._keepers[name] = (uids[name], asyncio.create_task(self._keep(name, pod)))
            self._steps.follow(pods)

    async def _end(self, names: list[str]) -> None:
        tasks = [self._keepers.pop(name)[1] for name in names]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, name: str, pod: Object) -> None:
        """Run a pod's program until this task is cancelled. Secrets and config maps may appear later than the pod."""
        while True:
            try:
                process = await self._process(name, pod)
                break
            except httpx.HTTPError as error:
                note(self._logs / f"{name}.log", f"{name} cannot start yet: {error}")
                await asyncio.sleep(RESTART_SECONDS)
        await process.start()
        self._processes[name] = process
        try:
            await asyncio.Future()
        finally:
            del self._processes[name]
            await process.stop()

    async def _process(self, name: str, pod: Object) -> Process:
        program: Program = PROGRAMS[name]
        folder = self._folder / name
        for part in ("tmp", "tls", "ssh", "plugins", "helm"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        container = next(c for c in pod["spec"]["containers"] if c["name"] == name)
        env = await self.container_environment(pod, container)
        if program.binary == PYTHON:
            binary, defaults = Path(sys.executable), step_environment(self._proxy)
        else:
            binary = self._binaries[program.binary]
            defaults = environment(folder, await self.kubeconfig(pod), binary.parent)
        env |= program.environment | defaults
        command = [str(binary), *program.arguments(self._ports)]
        return Process(name, command, self._logs / f"{name}.log", env, cwd=folder)

    async def container_environment(self, pod: Object, container: Object) -> dict[str, str]:
        """A container's environment, with references to config maps, secrets and the pod's own fields resolved."""
        namespace = pod["metadata"]["namespace"]
        env: dict[str, str] = {}
        for entry in container.get("env", []):
            source = entry.get("valueFrom", {})
            value = entry.get("value")
            if "configMapKeyRef" in source:
                reference = source["configMapKeyRef"]
                item = await self._api.get(f"/api/v1/namespaces/{namespace}/configmaps/{reference['name']}")
                value = ((item or {}).get("data") or {}).get(reference["key"])
            elif "secretKeyRef" in source:
                reference = source["secretKeyRef"]
                item = await self._api.get(f"/api/v1/namespaces/{namespace}/secrets/{reference['name']}")
                encoded = ((item or {}).get("data") or {}).get(reference["key"])
                value = base64.b64decode(encoded).decode() if encoded else None
            elif "fieldRef" in source:
                value = field(pod, source["fieldRef"]["fieldPath"])
            if value is not None:
                env[entry["name"]] = value
        return env

    async def kubeconfig(self, pod: Object) -> Path:
        """A kubeconfig with the rights of the pod's service account, and its namespace as default."""
        namespace, account = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName") or "default"
        path = self._folder / f"{namespace}-{account}.kubeconfig"
        answer = await self._api.create(
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
            {"spec": {"expirationSeconds": _TOKEN_SECONDS}},
        )
        cluster = {"server": self._api.endpoint, "certificate-authority": str(self._authority)}
        config: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "pod",
            "clusters": [{"name": "pod", "cluster": cluster}],
            "users": [{"name": "pod", "user": {"token": answer["status"]["token"]}}],
            "contexts": [{"name": "pod", "context": {"cluster": "pod", "user": "pod", "namespace": namespace}}],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(config, file)
        return path


def select(pods: list[Object]) -> dict[str, Object]:
    """Program to its pod. Of several replicas, the oldest pod counts, or the first by name."""
    selection: dict[str, Object] = {}
    for pod in sorted(pods, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"])):
        if pod["metadata"].get("deletionTimestamp") or pod.get("status", {}).get("phase") != "Running":
            continue
        for container in pod["spec"]["containers"]:
            if container["name"] in PROGRAMS:
                selection.setdefault(container["name"], pod)
    return selection


def field(pod: Object, path: str) -> str | None:
    """A field of a pod by its path, as `fieldRef` names it."""
    value: Any = pod
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return None if value is None else str(value)
