"""The requests of a stack's program to the engine, run from any copy of the repository, in a process of its own.

`python -m tests.waves.review.mocked_previews TREE` imports the clouds' SDKs once. For each line of input the process forks,
and the child runs the program and the policies with TREE's modules of that moment.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import importlib
import json
import os
import pickle
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pulumi_kubernetes  # noqa: F401  in the parent, so that no child imports it again
import yaml
from pulumi.runtime import rpc, set_mocks
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto.resource_pb2 import RegisterResourceRequest
from pulumi.runtime.stack import run_pulumi_func

import fleet
from fleet.keys import required
from tests.components.mocks import CloudMocks
from tests.repository import ROOT

KEY = "-----BEGIN PRIVATE KEY----- of nobody, but long enough for a secret"
GIVE_UP_SECONDS = 120
OF_THE_TREE = ("fleet", "components", "policy")
NOT_COMPARED = ("sourcePosition", "stackTrace", "parentStackTraceHandle")
"""Places in the code that make a resource. The engine's previews do not show them."""

Preview = Mapping[str, list[str]]
"""Resource, call or policy to hashes of its requests or violations. A failed program has one entry with its error."""


class Previews:
    """A process that previews the stacks of one folder."""

    def __init__(self, tree: Path) -> None:
        shipped = fleet.read(ROOT).regions.values()
        keys = {name: f"{KEY}: {name}" for region in shipped for name in required(region)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.waves.review.mocked_previews", str(tree)],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            # Python's sets have the same order in each run.
            env={**os.environ, **keys, "PYTHONHASHSEED": "0"},
        )  # fmt: skip

    def of(self, regions: Iterable[str]) -> dict[str, Preview]:
        """Each stack's preview with the files as they are now."""
        answer: dict[str, Preview] = self._ask(list(regions))["previews"]
        return answer

    def opened_files(self, region: str) -> set[str]:
        """The files of the folder that a stack's program and the policies open."""
        return set(self._ask([region])["opened"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)

    def _ask(self, regions: list[str]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(regions), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class _Monitor(MockMonitor):
    """Records a hash of each whole request."""

    def __init__(self) -> None:
        super().__init__(CloudMocks())
        self.hashes: dict[str, list[str]] = {}
        self.resources_seen: list[tuple[str, str, dict[str, Any], bool, str]] = []

    def RegisterResource(self, request: Any) -> Any:
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        self._record(f"{request.type} {request.name}", request)
        inputs = rpc.deserialize_properties(request.object)
        self.resources_seen.append((request.type, request.name, inputs, request.protect, response.urn))
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self._record(f"outputs {request.urn}", request)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]

    def Invoke(self, request: Any) -> Any:
        self._record(f"call {request.tok}", request)
        return super().Invoke(request)  # type: ignore[no-untyped-call]

    def _record(self, name: str, request: Any) -> None:
        copy = type(request)()
        copy.CopyFrom(request)
        for field in NOT_COMPARED:
            if field in copy.DESCRIPTOR.fields_by_name:
                copy.ClearField(field)
        if isinstance(request, RegisterResourceRequest):
            _sort(copy.dependencies)
            for property in copy.propertyDependencies.values():
                _sort(property.urns)
        whole = copy.SerializeToString(deterministic=True)
        self.hashes.setdefault(name, []).append(hashlib.sha256(whole).hexdigest()[:16])


def _sort(urns: Any) -> None:
    """Sort a request's list that is a set in Python."""
    ordered = sorted(urns)
    del urns[:]
    urns.extend(ordered)


def _preview(tree: Path, name: str) -> Preview:
    """Run the program for a stack, and the policies over its resources."""
    monitor = _Monitor()

    def program() -> None:
        runpy.run_path(str(tree / "__main__.py"), run_name="__main__")

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    set_mocks(CloudMocks(), project="regions", stack=name, preview=False, monitor=monitor)
    signal.alarm(GIVE_UP_SECONDS)  # an edit may make a loop endless: then the process ends without a preview
    try:
        loop.run_until_complete(run_pulumi_func(program))
        region = importlib.import_module("fleet").read(tree).region(name)
        rules = importlib.import_module("policy.catalogue").POLICIES
        resource_class = importlib.import_module("policy.rules").Resource
        resources = [resource_class(*values) for values in monitor.resources_seen]
        violations = {
            f"policy {rule.name}": sorted(
                f"{violation.resource.urn} {violation.message}" for violation in rule.violations(resources, region)
            )
            for rule in rules
        }
    except BaseException as error:
        return {"error": [f"{type(error).__name__}: {error}"]}
    finally:
        signal.alarm(0)
        loop.run_until_complete(loop.shutdown_default_executor())  # no thread may run where a process forks
    return {**{key: sorted(hashes) for key, hashes in monitor.hashes.items()}, **violations}


def _answer(tree: Path, regions: Iterable[str]) -> dict[str, Any]:
    """The previews, and the opened files."""
    paths: set[str] = set()

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        path = arguments[0] if event == "open" else None
        if isinstance(path, str) and path.startswith(f"{tree}/") and not path.endswith(".pyc"):
            paths.add(path.removeprefix(f"{tree}/"))

    os.chdir(tree)
    sys.path[:] = [str(tree), *(place for place in sys.path if Path(place).resolve() != ROOT)]
    for module in [name for name in sys.modules if name.partition(".")[0] in OF_THE_TREE]:
        del sys.modules[module]
    importlib.invalidate_caches()
    sys.addaudithook(audit)
    previews = {name: _preview(tree, name) for name in regions}
    return {"previews": previews, "opened": sorted(paths)}


def _forked(tree: Path, regions: list[str]) -> dict[str, Any]:
    """The child's answer. If the child ended without one, each preview is an error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        with open(writing, "w") as pipe:
            pipe.write(json.dumps(_answer(tree, regions)))
        os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    preview: Preview = {"error": ["the process ended"]}
    return json.loads(text) if text else {"previews": dict.fromkeys(regions, preview), "opened": []}


def _warm(tree: Path) -> None:
    """Do the common work of all children once: import the SDKs' modules, compile the program's, parse manifests."""
    compile_source, write = SourceFileLoader.source_to_code, SourceFileLoader.set_data
    code: dict[tuple[bytes, str], Any] = {}

    def compile_once(self: SourceFileLoader, data: bytes, path: str) -> Any:
        if (data, path) not in code:
            code[data, path] = compile_source(self, data, path)
        return code[data, path]

    load_all = yaml.load_all
    documents: dict[bytes, bytes] = {}

    def load_once(stream: Any, Loader: Any) -> Any:
        if not isinstance(stream, bytes):
            return load_all(stream, Loader)
        if stream not in documents:
            documents[stream] = pickle.dumps(list(load_all(stream, Loader)))
        return iter(pickle.loads(documents[stream]))

    def skip_tree(self: SourceFileLoader, path: str, data: bytes, **options: Any) -> None:
        # An edit of a file that leaves its length and second as they were would go unnoticed.
        if not path.startswith(f"{tree}/"):
            write(self, path, data, **options)

    SourceFileLoader.set_data = skip_tree  # type: ignore[method-assign, assignment]
    SourceFileLoader.source_to_code = compile_once  # type: ignore[method-assign, assignment]
    yaml.load_all = load_once
    for path in tree.rglob("*.py"):
        compile_once(SourceFileLoader(path.stem, str(path)), path.read_bytes(), str(path))
    for path in (tree / "components").rglob("*.yaml"):
        load_once(path.read_bytes(), yaml.CSafeLoader)
    _answer(tree, {region.settings.cloud: name for name, region in fleet.read(tree).regions.items()}.values())
    gc.collect()
    gc.freeze()
    gc.disable()


def main() -> None:
    """Answer line by line until the input ends."""
    tree = Path(sys.argv[1]).resolve()
    _warm(tree)
    for line in sys.stdin:
        print(json.dumps(_forked(tree, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
