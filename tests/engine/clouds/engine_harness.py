"""A region's cluster in its cloud, and nothing else of it: the real engine and component, the simulated cloud, no Kubernetes.

The engine finds the cloud's plugin already running, in this process, so that an `up` takes a few seconds, and a hundred of
them are possible. What the plugin would start, API servers and nodes, is only noted.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
from pulumi.runtime.rpc import UNKNOWN

import fleet
from sandbox.clouds.core.faults import Faults
from sandbox.clouds.core.grpc_provider import CloudServicer
from sandbox.clouds.core.store import Row, Store
from sandbox.environment import file_backend
from sandbox.machine.home import CHECKOUT
from sandbox.provider_sdk.server import start
from sandbox.toolchain import build
from tests.sandbox.clouds.doubles import FakeClusters

PACKAGES = {"aws": "aws", "gcp": "gcp", "azure": "azure-native"}
PROGRAM = '''"""Made by tests/engine/clouds/engine_harness.py: a region's cluster alone."""

import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, "{checkout}")
import pulumi

import fleet
from components.shared.cluster import ClusterArgs
from components.region import CLUSTERS

region = fleet.read(Path(__file__).parent).region(pulumi.get_stack())
module, component = CLUSTERS[region.settings.cloud]
getattr(import_module(module), component)(region.name, ClusterArgs(region=region))
'''


class Rig:
    """A stack with a region's cluster, and the cloud that it is built in."""

    def __init__(self, region: fleet.Region, folder: Path, address: str, store: Store, clusters: FakeClusters) -> None:
        self.region, self.folder, self.store, self.clusters = region, folder, store, clusters
        binaries = build.ensure(lambda tool, done, total: None)
        paths = [str(CHECKOUT / ".venv" / "bin"), *dict.fromkeys(str(path.parent) for path in binaries.values())]
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([*paths, os.environ["PATH"]]),
            "PULUMI_HOME": str(folder / "pulumi"),
            "PULUMI_DEBUG_PROVIDERS": f"{PACKAGES[region.settings.cloud]}:{address}",
            "PULUMI_BACKEND_URL": file_backend(folder),
            "PULUMI_CONFIG_PASSPHRASE": "of this test alone",
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        for path, text in fleet.files(CHECKOUT).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        project = (CHECKOUT / "Pulumi.yaml").read_text()
        (folder / "Pulumi.yaml").write_text(project.replace(": .venv", f": {CHECKOUT / '.venv'}"))
        (folder / "__main__.py").write_text(PROGRAM.format(checkout=CHECKOUT))
        self.pulumi("stack", "init")

    def reset(self) -> None:
        """Begin anew: an empty cloud, and a stack that knows of nothing."""
        with self.store.transaction() as tx:
            for row in tx.all():
                tx.delete(row.uid)
        (self.folder / ".pulumi" / "stacks" / "regions" / f"{self.region.name}.json").unlink()
        self.pulumi("stack", "init")

    @property
    def stack_file(self) -> Path:
        """The region's settings, to be edited."""
        return self.folder / "stacks" / f"Pulumi.{self.region.name}.yaml"

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Turn faults on, or with none off. Calls are counted anew."""
        file = self.folder / "faults.json"
        file.with_suffix(".seen").unlink(missing_ok=True)
        if faults:
            file.write_text(json.dumps(faults))
        else:
            file.unlink(missing_ok=True)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `pulumi` on this stack."""
        command = ["pulumi", *arguments, "--stack", self.region.name, "--non-interactive", "--color", "never"]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def kill(self, update: subprocess.Popen[str]) -> None:
        """End an update and all that it started at one stroke, as the end of a machine does. The cloud goes on."""
        with suppress(psutil.NoSuchProcess):
            engine = psutil.Process(update.pid)
            for process in [engine, *engine.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        update.communicate()

    def attempt(self, *arguments: str) -> str:
        """Run `pulumi`. Returns what it said if it failed, else an empty text."""
        process = self.start(*arguments)
        said, _ = process.communicate()
        return said if process.returncode else ""

    def pulumi(self, *arguments: str) -> str:
        """Run `pulumi`, which must succeed. Returns what it said."""
        process = self.start(*arguments)
        said, _ = process.communicate()
        assert process.returncode == 0, said
        return said

    def up(self) -> str:
        """`pulumi up`; goes on with what does not depend on what failed. Returns what it said if it failed."""
        return self.attempt("up", "--yes", "--skip-preview", "--suppress-progress", "--continue-on-error")

    def destroy(self) -> str:
        """`pulumi destroy`, likewise."""
        return self.attempt("destroy", "--yes", "--skip-preview", "--suppress-progress", "--continue-on-error")

    def preview(self) -> list[dict[str, Any]]:
        """What an `up` would do to the cloud's resources."""
        steps = json.loads(self.pulumi("preview", "--json"))["steps"]
        prefix = f"{PACKAGES[self.region.settings.cloud]}:"
        types = [(step.get("newState") or step.get("oldState") or {}).get("type", "") for step in steps]
        return [
            step for step, kind in zip(steps, types, strict=True) if step["op"] != "same" and kind.startswith(prefix)
        ]

    def state(self) -> dict[str, Any]:
        """The stack's state."""
        deployment: dict[str, Any] = json.loads(self.pulumi("stack", "export"))["deployment"]
        return deployment

    def is_known(self) -> list[str]:
        """The types and ids of what the stack's state holds of the cloud."""
        prefix = f"{PACKAGES[self.region.settings.cloud]}:"
        resources = self.state().get("resources") or []
        return sorted(f"{each['type']} {each['id']}" for each in resources if each["type"].startswith(prefix))

    def there(self) -> list[Row]:
        """What exists in the cloud."""
        with self.store.reading() as tx:
            return tx.all()

    def built(self) -> list[str]:
        """The types and ids of what exists in the cloud."""
        return sorted(f"{row.type} {row.id}" for row in self.there())

    def wait_for_the_cloud(self) -> None:
        """Until it has done all that it was asked for: whoever asked may be gone, and it goes on."""
        while any(row.creator is not None for row in self.there()):
            time.sleep(0.05)

    def settle(self) -> int:
        """What the runbook has a person do first: unlock, and let the state forget what was being made.

        Returns how many creations were pending.
        """
        self.attempt("cancel", "--yes")
        pending = [each for each in self.state().get("pending_operations") or () if each["type"] == "creating"]
        if pending:
            self.pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
        return len(pending)

    def adopt(self) -> int:
        """What docs/runbooks/interrupted-update.md has a person do: import what the cloud has and the state does not.

        A preview tells what is missing, with its place in the program; who looks it up in the cloud finds its id by type and
        inputs, as a person does by name and tags. Returns how many were imported.
        """
        is_known: set[str] = set(self.is_known())
        found: list[dict[str, str]] = []
        names: dict[str, str] = {}
        for step in self.preview():
            wanted = step.get("newState") or {}
            row = next((r for r in self.there() if f"{r.type} {r.id}" not in is_known and _same(wanted, r)), None)
            if step["op"] != "create" or row is None:
                continue
            is_known.add(f"{row.type} {row.id}")
            parent, provider = wanted["parent"], wanted["provider"].rpartition("::")[0]
            names |= {parent: parent, provider: provider}
            name = wanted["urn"].rpartition("::")[2]
            found.append({"type": row.type, "name": name, "id": row.id, "parent": parent, "provider": provider})
        if found:
            listed = self.folder / "import.json"
            listed.write_text(json.dumps({"nameTable": names, "resources": found}))
            self.pulumi(
                "import", "--file", str(listed), "--protect=false", "--generate-code=false", "--yes", "--skip-preview"
            )
        return len(found)


def _same(wanted: Mapping[str, Any], row: Row) -> bool:
    """Whether what is missing is what is there: the type and all inputs.

    Whatever waits for an input that is not known yet was never asked for.
    """
    given = wanted.get("inputs", {})
    made_up = given.get("__defaults", [])  # such as a name with random digits, which is another one each time
    inputs = {key: value for key, value in given.items() if not key.startswith("__") and key not in made_up}
    return (
        row.type == wanted.get("type")
        and UNKNOWN not in json.dumps(inputs)
        and all(row.inputs.get(key) == value for key, value in inputs.items())
    )


@contextmanager
def rig(region: fleet.Region, folder: Path) -> Iterator[Rig]:
    """A rig on an empty cloud."""
    store, clusters = Store(folder / "clouds.sqlite"), FakeClusters()
    dialect = import_module(f"sandbox.clouds.{region.settings.cloud}").DIALECT
    servicer = CloudServicer(dialect, store, clusters, Faults(folder / "faults.json"))
    server, port = start(servicer)
    try:
        yield Rig(region, folder, str(port), store, clusters)
    finally:
        server.stop(grace=None)
