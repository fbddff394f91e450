"""A region's cluster in its cloud, alone: the real engine and component, the simulated cloud, no Kubernetes.

The cloud's plugin already runs in this process. So an `up` takes a few seconds, and a hundred of them are possible. The
plugin starts no API servers and nodes, but records them.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
from pulumi.runtime.rpc import UNKNOWN

import fleet
from fleet.management import AzureManagement
from sandbox.clouds import management
from sandbox.clouds.core.faults import Faults
from sandbox.clouds.core.grpc_provider import CloudServicer
from sandbox.clouds.core.store import Row, Store
from sandbox.environment import file_backend
from sandbox.machine.home import CHECKOUT
from sandbox.provider_sdk.server import start
from sandbox.toolchain import build
from tests.repository import write
from tests.sandbox.clouds.doubles import FakeClusters
from waves.review.engine_events import parse_events

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


class ClusterStack:
    """A stack with a region's cluster, and its cloud."""

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
        write(folder, files(region))
        project = (folder / "Pulumi.yaml").read_text()
        (folder / "Pulumi.yaml").write_text(project.replace(": .venv", f": {CHECKOUT / '.venv'}"))
        (folder / "__main__.py").write_text(PROGRAM.format(checkout=CHECKOUT))
        self.pulumi("stack", "init")

    def reset(self) -> None:
        """Start again with an empty cloud and an empty stack."""
        with self.store.transaction() as tx:
            for row in tx.all():
                if not management.is_prepared(row):
                    tx.delete(row.uid)
        (self.folder / ".pulumi" / "stacks" / "regions" / f"{self.region.name}.json").unlink()
        self.pulumi("stack", "init")

    @property
    def stack_file(self) -> Path:
        """The region's settings."""
        return self.folder / "stacks" / f"Pulumi.{self.region.name}.yaml"

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Turn faults on, or off without any. The count of calls starts again."""
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
        """Kill an update and all its processes at once, as the end of a machine would. The cloud goes on."""
        with suppress(psutil.NoSuchProcess):
            engine = psutil.Process(update.pid)
            for process in [engine, *engine.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        update.communicate()

    def attempt(self, *arguments: str) -> str:
        """Run `pulumi`. Returns the output of a failure, else an empty text."""
        process = self.start(*arguments)
        output, _ = process.communicate()
        return output if process.returncode else ""

    def pulumi(self, *arguments: str) -> str:
        """Run `pulumi`, which must succeed. Returns its output."""
        process = self.start(*arguments)
        output, _ = process.communicate()
        assert process.returncode == 0, output
        return output

    def up(self) -> str:
        """`pulumi up`, which goes on after an error where it can. Returns the output of a failure, else an empty text."""
        return self.attempt("up", "--yes", "--skip-preview", "--suppress-progress", "--continue-on-error")

    def destroy(self) -> str:
        """`pulumi destroy`, in the same way."""
        return self.attempt("destroy", "--yes", "--skip-preview", "--suppress-progress", "--continue-on-error")

    def preview(self) -> list[dict[str, Any]]:
        """The steps of an `up` on the cloud's resources."""
        steps = json.loads(self.pulumi("preview", "--json"))["steps"]
        prefix = f"{PACKAGES[self.region.settings.cloud]}:"
        types = [(step.get("newState") or step.get("oldState") or {}).get("type", "") for step in steps]
        return [
            step for step, kind in zip(steps, types, strict=True) if step["op"] != "same" and kind.startswith(prefix)
        ]

    def drift(self) -> list[tuple[str, list[str]]]:
        """Type and properties of each difference that `regions drift` shows."""
        log = self.folder / "events.jsonl"
        log.unlink(missing_ok=True)
        self.environment["PULUMI_DEBUG_COMMANDS"] = "true"
        self.pulumi("refresh", "--preview-only", "--event-log", str(log))
        steps, _, errors = parse_events(json.loads(line) for line in log.read_text().splitlines())
        assert errors == []
        return [(step.type, [field.path for field in step.fields]) for step in steps]

    def state(self) -> dict[str, Any]:
        """The stack's state."""
        deployment: dict[str, Any] = json.loads(self.pulumi("stack", "export"))["deployment"]
        return deployment

    def state_ids(self) -> list[str]:
        """The types and ids of the cloud's resources in the stack's state."""
        prefix = f"{PACKAGES[self.region.settings.cloud]}:"
        resources = self.state().get("resources") or []
        return sorted(f"{item['type']} {item['id']}" for item in resources if item["type"].startswith(prefix))

    def kept_ids(self) -> list[str]:
        """The types and ids of the resources that outlive the stack, such as locked backups."""
        resources = self.state().get("resources") or []
        return sorted(f"{item['type']} {item['id']}" for item in resources if item.get("retainOnDelete"))

    def forget(self, ids: Collection[str]) -> None:
        """Take resources out of the cloud, as an administrator does once their locks have ended."""
        with self.store.transaction() as tx:
            for row in tx.all():
                if f"{row.type} {row.id}" in ids:
                    tx.delete(row.uid)

    def rows(self) -> list[Row]:
        """All resources in the cloud, without the management networks."""
        with self.store.reading() as tx:
            return [row for row in tx.all() if not management.is_prepared(row)]

    def cloud_ids(self) -> list[str]:
        """The types and ids of all resources in the cloud."""
        return sorted(f"{row.type} {row.id}" for row in self.rows())

    def wait_for_the_cloud(self) -> None:
        """Wait until the cloud has finished all creations, also those of dead processes."""
        while any(row.creator is not None for row in self.rows()):
            time.sleep(0.05)

    def settle(self) -> int:
        """The first step of the runbook: unlock the stack, and remove pending creations from the state.

        Returns the number of pending creations.
        """
        self.attempt("cancel", "--yes")
        operations = self.state().get("pending_operations") or ()
        pending = [operation for operation in operations if operation["type"] == "creating"]
        if pending:
            self.pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
        return len(pending)

    def adopt(self) -> int:
        """Import the cloud's resources that the state lacks, after docs/runbooks/interrupted-update.md.

        A preview lists the missing resources with their places in the program. Type and inputs give a resource's id in the
        cloud, like name and tags for a person. Returns the number of imported resources.
        """
        recorded: set[str] = set(self.state_ids())
        imports: list[dict[str, str]] = []
        names: dict[str, str] = {}
        for step in self.preview():
            planned = step.get("newState") or {}
            row = next((r for r in self.rows() if f"{r.type} {r.id}" not in recorded and _same(planned, r)), None)
            if step["op"] != "create" or row is None:
                continue
            recorded.add(f"{row.type} {row.id}")
            parent, provider = planned["parent"], planned["provider"].rpartition("::")[0]
            names |= {parent: parent, provider: provider}
            name = planned["urn"].rpartition("::")[2]
            imports.append({"type": row.type, "name": name, "id": row.id, "parent": parent, "provider": provider})
        if imports:
            file = self.folder / "import.json"
            file.write_text(json.dumps({"nameTable": names, "resources": imports}))
            self.pulumi(
                "import", "--file", str(file), "--protect=false", "--generate-code=false", "--yes", "--skip-preview"
            )
        return len(imports)


def _same(planned: Mapping[str, Any], row: Row) -> bool:
    """Whether a planned resource has the type and all inputs of a resource in the cloud.

    The engine never asked for a resource with an unknown input.
    """
    arguments = planned.get("inputs", {})
    generated = arguments.get("__defaults", [])  # such as a name with random digits, which differ each time
    inputs = {key: value for key, value in arguments.items() if not key.startswith("__") and key not in generated}
    return (
        row.type == planned.get("type")
        and UNKNOWN not in json.dumps(inputs)
        and all(row.inputs.get(key) == value for key, value in inputs.items())
    )


def files(region: fleet.Region) -> dict[str, str]:
    """The fleet's files. On Azure the management network is in the region's own subscription.

    Here one plugin serves all of a stack's providers, so that the last one's subscription would be everybody's.
    """
    texts, network = fleet.files(CHECKOUT), region.settings.management_network
    if isinstance(network, AzureManagement) and region.settings.azure:
        own = region.settings.azure.subscription_id
        texts["Pulumi.yaml"] = texts["Pulumi.yaml"].replace(network.subscription, own)
    return texts


@contextmanager
def cluster_stack(region: fleet.Region, folder: Path) -> Iterator[ClusterStack]:
    """A stack on an empty cloud."""
    store, clusters = Store(folder / "clouds.sqlite"), FakeClusters()
    dialect = import_module(f"sandbox.clouds.{region.settings.cloud}").DIALECT
    management.prepare(store, [fleet.load(files(region)).region(region.name)])
    servicer = CloudServicer(dialect, store, clusters, Faults(folder / "faults.json"))
    server, port = start(servicer)
    try:
        yield ClusterStack(region, folder, str(port), store, clusters)
    finally:
        server.stop(grace=None)
