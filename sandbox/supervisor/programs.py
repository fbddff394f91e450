"""The containers that run for real, as host processes. All other parts of a pod are SIMULATED by kwok.

The image never runs. A binary of the toolchain replaces it, of the version of the image's tag. The checkout replaces this
repository's own images.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.machine.processes import free_port


@dataclass
class Ports:
    """The ports of one cluster's programs. In a real cluster the programs are services. Here each has its own port."""

    by_name: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return str(self.by_name.setdefault(name, free_port()))


COLLECTOR = {"GOGC": "200"}
"""Twice Go's usual garbage headroom. With half of the usual, a quarter of an idle API server's CPU time is the collector's."""

PYTHON = "python"
"""The Python of this checkout, for the images of this repository."""


@dataclass(frozen=True)
class Program:
    """The program on the host for a container."""

    binary: str
    arguments: Callable[[Ports], list[str]]
    environment: dict[str, str] = field(default_factory=dict)
    serves: tuple[int, str] | None = None
    """A port of the pod, and the name of the program's port on the host."""


def _argocd(name: str, arguments: Callable[[Ports], list[str]]) -> Program:
    return Program("argocd", arguments, {"ARGOCD_BINARY_NAME": name})


def _redis(ports: Ports) -> list[str]:
    return ["--redis", f"127.0.0.1:{ports['redis']}"]


def _repo_server(ports: Ports) -> list[str]:
    return ["--repo-server", f"127.0.0.1:{ports['repo-server']}"]


PROGRAMS: dict[str, Program] = {
    "argocd-application-controller": _argocd(
        "argocd-application-controller",
        lambda ports: [*_redis(ports), *_repo_server(ports), "--metrics-port", ports["controller-metrics"]],
    ),
    "argocd-repo-server": _argocd(
        "argocd-repo-server",
        lambda ports: [
            *_redis(ports), "--address", "127.0.0.1", "--port", ports["repo-server"],
            "--metrics-address", "127.0.0.1", "--metrics-port", ports["repo-metrics"],
        ],
    ),
    "argocd-server": _argocd(
        "argocd-server",
        lambda ports: [
            *_redis(ports), *_repo_server(ports), "--insecure", "--address", "127.0.0.1", "--port", ports["server"],
            "--metrics-address", "127.0.0.1", "--metrics-port", ports["server-metrics"],
        ],
    ),
    "argocd-notifications-controller": _argocd(
        "argocd-notifications",
        lambda ports: ["--argocd-repo-server", f"127.0.0.1:{ports['repo-server']}", "--metrics-port",
                       ports["notifications-metrics"]],
    ),
    "front": Program(PYTHON, lambda ports: ["-m", "front", "--port", ports["front"]], serves=(8080, "front")),
    "redis": Program("sandbox-redis", lambda ports: [f"127.0.0.1:{ports['redis']}"]),
    "workflow-controller": Program(
        "workflow-controller", lambda ports: ["--executor-image", "simulated"], {"LEADER_ELECTION_DISABLE": "true"}
    ),
}  # fmt: skip
"""Programs by the container's name in upstream's manifests."""


def environment(folder: Path, kubeconfig: Path, binaries: Path) -> dict[str, str]:
    """The environment of such a process: its own paths, and a kubeconfig in place of a pod's mounted token."""
    return {
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}",
        "KUBECONFIG": str(kubeconfig),
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_TLS_DATA_PATH": str(folder / "tls"),
        "ARGOCD_SSH_DATA_PATH": str(folder / "ssh"),
        # Relative to the process's own folder: a Unix socket's path has at most 107 bytes.
        "ARGOCD_ASK_PASS_SOCK": "askpass.sock",
        "ARGOCD_PLUGINSOCKFILEPATH": str(folder / "plugins"),
        "HELM_CACHE_HOME": str(folder / "helm"),
        "HELM_CONFIG_HOME": str(folder / "helm"),
        "HELM_DATA_HOME": str(folder / "helm"),
        "KUBECACHEDIR": str(folder / "kubecache"),
        "TMPDIR": str(folder / "tmp"),
    } | COLLECTOR
