"""Runs the steps of Argo Workflows: the command that the emissary would start, as a host process.

A step's image never runs. The checkout and its virtual environment replace it, so `python -m gates` is this checkout's.
A step's exit code becomes the pod's status. The workflow controller reads only that status, so gate tests really run.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import httpx

from sandbox.machine.home import CHECKOUT
from sandbox.machine.processes import die_with_parent, end, note
from sandbox.supervisor.api import ApiServer, Object

_WORKFLOW_LABEL = "workflows.argoproj.io/workflow"
_SCRIPT = "/argo/staging/script"  # where the emissary puts a script template's source
_NOT_STARTED = 127  # a shell's exit code for a missing command


class PodAccess(Protocol):
    """The rights and the environment of a pod's processes."""

    async def kubeconfig(self, pod: Object) -> Path:
        """A kubeconfig with the rights of the pod's service account."""

    async def container_environment(self, pod: Object, container: Object) -> dict[str, str]:
        """A container's environment."""


class StepRunner:
    """Runs the workflow pods of one cluster, each once."""

    def __init__(self, api: ApiServer, folder: Path, logs: Path, access: PodAccess, proxy: str) -> None:
        self._api = api
        self._folder = folder
        self._logs = logs
        self._access = access
        self._proxy = proxy
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self, pods: list[Object]) -> None:
        """Start the steps of new pods, and end the steps of pods that are gone."""
        steps = {pod["metadata"]["uid"]: pod for pod in pods if _WORKFLOW_LABEL in pod["metadata"].get("labels", {})}
        for uid, pod in steps.items():
            if uid not in self._tasks and pod.get("status", {}).get("phase") == "Running":
                self._tasks[uid] = asyncio.create_task(self._run(pod))
        for uid, task in list(self._tasks.items()):
            if uid not in steps or steps[uid]["metadata"].get("deletionTimestamp"):
                task.cancel()
            if uid not in steps:
                del self._tasks[uid]

    async def stop(self) -> None:
        """End all steps."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _run(self, pod: Object) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        folder = self._folder / "steps" / f"{namespace}-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        started_at = _now()
        container = next(c for c in pod["spec"]["containers"] if c["name"] == "main")
        log = self._logs / f"step-{namespace}-{name}.log"
        try:
            env = await self._access.container_environment(pod, container)
            code = await self._execute(container, folder, env, await self._access.kubeconfig(pod), log)
        except httpx.HTTPError as error:
            note(log, f"the step has no token or environment: {error}")
            code = _NOT_STARTED
        status = finished_status(pod, code, started_at, _now())
        await self._api.patch(f"/api/v1/namespaces/{namespace}/pods/{name}/status", {"status": status})
        shutil.rmtree(folder, ignore_errors=True)

    async def _execute(self, container: Object, folder: Path, env: dict[str, str], kubeconfig: Path, log: Path) -> int:
        command = step_command(container, env, folder)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                    env={**os.environ, **step_environment(self._proxy), **env, "KUBECONFIG": str(kubeconfig)},
                    start_new_session=True, preexec_fn=die_with_parent,
                )  # fmt: skip
            except OSError as error:
                note(log, f"{command[0]}: {error.strerror}")
                return _NOT_STARTED
            try:
                return await process.wait()
            except asyncio.CancelledError:
                await end(process)
                raise


def step_environment(proxy: str) -> dict[str, str]:
    """The environment of a step on the host, in place of its image and the cluster's network."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(CHECKOUT),
        "http_proxy": proxy,
        "no_proxy": "127.0.0.1,localhost",  # among them the API server
    }


def step_command(container: Object, env: dict[str, str], folder: Path) -> list[str]:
    """The user's command: the words after `--` in the emissary's arguments. A script goes into a file in `folder`."""
    words = [*container.get("command", []), *container.get("args", [])]
    command = words[words.index("--") + 1 :] if "--" in words else words
    if _SCRIPT in command:
        script = folder / "script"
        script.write_text(json.loads(env["ARGO_TEMPLATE"])["script"]["source"])
        command = [str(script) if word == _SCRIPT else word for word in command]
    return command


def finished_status(pod: Object, code: int, started_at: str, finished_at: str) -> dict[str, Any]:
    """The status of a pod whose main container ended with `code`."""
    statuses = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": False,
            "restartCount": 0,
            "state": {
                "terminated": {
                    "exitCode": code if container["name"] == "main" else 0,
                    "reason": "Completed" if code == 0 or container["name"] != "main" else "Error",
                    "startedAt": started_at,
                    "finishedAt": finished_at,
                }
            },
        }
        for container in pod["spec"]["containers"]
    ]
    return {"phase": "Succeeded" if code == 0 else "Failed", "containerStatuses": statuses}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
