"""Which containers run for real, as host processes, and how: everything else in a pod is SIMULATED by kwok.

The image is never run; a binary of the toolchain, of the version that the image's tag names, takes its place, and for this
repository's own images the checkout does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.machine.processes import free_port


@dataclass
class Ports:
    """The addresses of one cluster's programs. In a cluster they are services; here each has a port of its own."""

    taken: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return str(self.taken.setdefault(name, free_port()))


PYTHON = "python"
"""The Python of this checkout, in place of a binary of the toolchain: for the images that this repository makes itself."""


@dataclass(frozen=True)
class Program:
    """How a container of a given name runs on the host."""

    binary: str
    arguments: Callable[[Ports], list[str]]
    environment: dict[str, str] = field(default_factory=dict)
    serves: tuple[int, str] | None = None
    """A port that the cluster's network leads to, and the name of the one that it has here."""


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
"""By the container's name, as upstream's manifests have it."""


def environment(folder: Path, kubeconfig: Path, binaries: Path) -> dict[str, str]:
    """What such a process needs on a host: paths of its own, and a kubeconfig where a pod has its mounted token."""
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
        "GOGC": "50",
    }
