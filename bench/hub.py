"""The hub that upstream's progressive syncs run on, its repository, and what Argo CD says of the regions there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config

import fleet
from bench import applicationset
from components.argo import argocd, manifests
from sandbox.demo import regions
from sandbox.githost import repository
from sandbox.machine.errors import SandboxError
from sandbox.machine.home import Home
from sandbox.toolchain import build
from sandbox.toolchain.tools import TOOLS

CONTEXT = "rollingsync"
POLL_SECONDS = 0.2
SERVED_SECONDS = 30
ARRIVE_SECONDS = 300.0
APPLICATIONS = ("argoproj.io", "v1alpha1", argocd.NAMESPACE, "applications")
"""Group, version, namespace and plural."""


@dataclass(frozen=True)
class Observed:
    """What Argo CD says of a region."""

    region: str
    received: str
    """The commit of the last sync that was begun; empty before the first."""
    compared: str
    """The commit that the region was last compared with."""
    sync: str
    health: str

    @classmethod
    def of(cls, application: dict[str, Any]) -> Observed:
        """From an Application."""
        status = application.get("status", {})
        sync = status.get("sync", {})
        return cls(
            region=application["metadata"]["name"],
            received=status.get("operationState", {}).get("syncResult", {}).get("revision", ""),
            compared=sync.get("revision", ""),
            sync=sync.get("status", ""),
            health=status.get("health", {}).get("status", ""),
        )

    def arrived(self, commit: str) -> bool:
        """Whether the region runs this commit and is well, by Argo CD's own word."""
        at = self.received == self.compared == commit
        return at and self.sync == "Synced" and self.health == "Healthy"


class Repository:
    """The repository that all regions follow."""

    def __init__(self, folder: Path) -> None:
        self.url = f"file://{folder}"
        self._folder = folder
        self._number = 0
        folder.mkdir(parents=True)
        repository.git("init", "--quiet", "--initial-branch=main", cwd=folder)

    def push(self, sound: bool) -> str:
        """One more commit on main. Returns its name."""
        self._number += 1
        file = self._folder / applicationset.FOLDER / "app.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump_all(applicationset.manifests(self._number, sound)))
        repository.git("add", "--all", cwd=self._folder)
        author = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
        repository.git(*author, "commit", "--quiet", "-m", f"Release {self._number}", cwd=self._folder)
        return repository.git("rev-parse", "HEAD", cwd=self._folder)


class Hub:
    """The cluster with Argo CD, its ApplicationSet controller and the regions' Applications."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._objects = client.CustomObjectsApi(config.new_client_from_config(str(home.kubeconfig), CONTEXT))
        self.seen: set[tuple[str, str]] = set()
        """Every pair of a region and a commit that it received."""

    def install(self, members: Sequence[fleet.Region], repository: str) -> None:
        """Apply everything, definitions first."""
        tool = next(tool for tool in TOOLS if tool.module == "argocd")
        module = build.downloaded(tool.folder, f"github.com/argoproj/argo-cd/v3@{manifests.version('argo-cd')}")
        own = yaml.load((module / "manifests/crds/applicationset-crd.yaml").read_text(), Loader=yaml.CSafeLoader)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": argocd.NAMESPACE}}
        definitions = [*manifests.manifests("argo-cd", "crds/*.yaml"), own]
        self._apply([namespace, *definitions])
        names = [f"crd/{definition['metadata']['name']}" for definition in definitions]
        established = ("--for=condition=Established", f"--timeout={SERVED_SECONDS}s")
        regions.kubectl(self._home, CONTEXT, "wait", *established, *names)
        objects = manifests.manifests("argo-cd", "cluster-rbac/*.yaml", "namespace-install.yaml")
        self._apply(
            [
                *applicationset.installation(objects, members[0], repository),
                *applicationset.rollout(members, repository),
            ]
        )

    def observe(self) -> list[Observed]:
        """All regions as they are now."""
        found: Any = self._objects.list_namespaced_custom_object(*APPLICATIONS)
        observed = [Observed.of(application) for application in found["items"]]
        self.seen |= {(each.region, each.received) for each in observed}
        return observed

    def refresh(self, names: Iterable[str]) -> None:
        """Have the regions look at git now, by what upstream's webhook handler sets."""
        body = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}
        for name in names:
            self._objects.patch_namespaced_custom_object(*APPLICATIONS, name, body)

    def wait(self, names: Sequence[str], what: str, holds: Callable[[Observed], bool]) -> None:
        """Wait until something holds of these regions. Raises SandboxError if it does not in time."""
        deadline = time.monotonic() + ARRIVE_SECONDS
        while True:
            observed = {each.region: each for each in self.observe()}
            late = [name for name in names if name not in observed or not holds(observed[name])]
            if not late:
                return
            if time.monotonic() > deadline:
                states = "; ".join(str(observed.get(name, f"{name}: no Application")) for name in late)
                raise SandboxError(
                    f"RollingSync: not {what} after {ARRIVE_SECONDS:.0f} s: {states}. The logs are in {self._home.logs}"
                )
            time.sleep(POLL_SECONDS)

    def watch(self, seconds: float) -> None:
        """Look on for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.observe()
            time.sleep(POLL_SECONDS)

    def _apply(self, objects: list[dict[str, Any]]) -> None:
        path = self._home.root / CONTEXT / "objects.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        regions.kubectl(self._home, CONTEXT, "apply", "--server-side", "-f", str(path))
