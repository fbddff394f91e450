"""Builds the tools into a cache outside the checkout, keyed by all their sources and settings.

A build may be interrupted at any time. A tool appears in the cache atomically, and Go's own build cache keeps compiled
packages. Concurrent builds wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.machine.errors import SandboxError
from sandbox.toolchain.tools import GO_TOOLCHAIN, TOOLS, Tool

Progress = Callable[[Tool, int, int], None]
"""Called with a tool, its number of compiled Go packages, and the number of all its packages."""


def cache() -> Path:
    """The cache of built tools: $XDG_CACHE_HOME/regions-toolchain, else ~/.cache/regions-toolchain."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "regions-toolchain"


def ensure(progress: Progress, tools: Sequence[Tool] = TOOLS) -> dict[str, Path]:
    """Every file of the tools by its name: from PATH, else from the cache, else built now. Raises SandboxError."""
    cache().mkdir(parents=True, exist_ok=True)
    binaries: dict[str, Path] = {}
    with _locked(cache() / "lock"):
        for tool in tools:
            binaries |= _on_path(tool) or _cached(tool) or _built(tool, progress)
    return binaries


def missing(tools: Sequence[Tool] = TOOLS) -> list[Tool]:
    """The tools that `ensure` would have to build."""
    return [tool for tool in tools if not (_on_path(tool) or _cached(tool))]


def _key(tool: Tool) -> str:
    digest = hashlib.sha256()
    for path in sorted(tool.folder.iterdir()):
        digest.update(path.read_bytes())
    parts = [GO_TOOLCHAIN, tool.ldflags, tool.packages, tool.files, *map(asdict, tool.patches), *tool.tags]
    if tool.cgo:
        parts.append("cgo")
    digest.update(json.dumps(parts, sort_keys=True).encode())
    return f"{tool.module}-{tool.version}-{digest.hexdigest()[:12]}"


def _files(tool: Tool, folder: Path) -> dict[str, Path]:
    names = [*tool.packages, *(tool.files or {})]
    return {name: folder / name for name in names}


def _cached(tool: Tool) -> dict[str, Path]:
    folder = cache() / _key(tool)
    return _files(tool, folder) if folder.is_dir() else {}


def _on_path(tool: Tool) -> dict[str, Path]:
    """The tool's binaries on PATH, if PATH has all of them at a version that fits."""
    if tool.on_path is None:
        return {}
    binaries: dict[str, Path] = {}
    for name in tool.packages:
        path = shutil.which(name)
        if path is None:
            return {}
        try:
            output = subprocess.run([path, *tool.on_path.arguments], capture_output=True, text=True, timeout=20).stdout
        except (OSError, subprocess.TimeoutExpired):
            return {}
        version = re.search(r"(\d+)\.(\d+)\.(\d+)", output)
        if version is None or tuple(map(int, version.groups())) < tool.on_path.at_least:
            return {}
        binaries[name] = Path(path).resolve()  # a link of another sandbox may go with that sandbox
    return binaries


def _environment(cgo: bool = False) -> dict[str, str]:
    # Garbage collection is a fifth of the compiler's time. At the memory limit the collector still runs. One package comes
    # near the limit: with half of it, core/v1 of Pulumi's SDK for Kubernetes takes 86 s of CPU instead of 38.
    return {**os.environ, "GOTOOLCHAIN": GO_TOOLCHAIN, "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false", "GOWORK": "off",
            "CGO_ENABLED": "1" if cgo else "0", "GOGC": "off", "GOMEMLIMIT": "3000MiB"}  # fmt: skip


def _built(tool: Tool, progress: Progress) -> dict[str, Path]:
    if shutil.which("go") is None:
        raise SandboxError("go is not on PATH. Install Go 1.26 or newer, then run this again")
    if tool.cgo and shutil.which("cc") is None:
        raise SandboxError(f"cc is not on PATH. {tool.module} needs a C compiler: install gcc, then run this again")
    final = cache() / _key(tool)
    with TemporaryDirectory(prefix=".building-", dir=cache()) as scratch:
        folder = Path(scratch) / tool.module
        folder.mkdir()
        source = _patched(tool, Path(scratch)) if tool.patches else tool.folder
        packages = list(tool.packages.values())
        total = len(_go(source, "list", "-deps", *_tags(tool), *packages, cgo=tool.cgo).splitlines())
        progress(tool, 0, total)
        for name, package in tool.packages.items():
            _compile(tool, source, folder / name, package, lambda count: progress(tool, min(count, total - 1), total))
        for name, file in (tool.files or {}).items():
            module, _, path = file.partition("//")
            (folder / name).write_bytes((downloaded(tool.folder, module) / path).read_bytes())
            (folder / name).chmod(0o755)
        folder.rename(final)
    progress(tool, total, total)
    return _files(tool, final)


def _patched(tool: Tool, scratch: Path) -> Path:
    """A copy of the tool's go.mod that uses a patched copy of the module. Go's own -overlay refuses the module cache."""
    upstream = tool.patches[0].module
    source, module = scratch / "source", scratch / "module"
    shutil.copytree(downloaded(tool.folder, f"{upstream}@{tool.version}"), source, copy_function=shutil.copyfile)
    shutil.copytree(tool.folder, module)
    for patch in tool.patches:
        file = source / patch.file
        text = file.read_text()
        if text.count(patch.before) != 1:
            raise SandboxError(
                f"{upstream} {tool.version}: {patch.before!r} is not once in {patch.file}. Correct tools.py"
            )
        file.write_text(text.replace(patch.before, patch.after))
    _go(module, "mod", "edit", f"-replace={upstream}={source}")
    return module


def downloaded(folder: Path, module: str) -> Path:
    """The folder of a module in Go's cache. Downloads a missing module."""
    return Path(json.loads(_go(folder, "mod", "download", "-json", module))["Dir"])


def _compile(tool: Tool, source: Path, output: Path, package: str, report: Callable[[int], None]) -> None:
    """Run `go build -v`, which prints the name of each package that it compiles. `report` gets their number."""
    command = ["go", "build", "-v", *_tags(tool), "-ldflags", tool.ldflags, "-o", str(output), package]
    process = subprocess.Popen(
        command, cwd=source, env=_environment(tool.cgo), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    lines, reported = [], 0.0
    try:
        for line in process.stderr:
            lines.append(line)
            if time.monotonic() - reported > 0.2:
                reported = time.monotonic()
                report(len(lines))
        code = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if code != 0:
        raise SandboxError(f"`{' '.join(command)}` failed in {tool.folder}:\n{''.join(lines[-20:])}")


def _tags(tool: Tool) -> list[str]:
    return ["-tags", ",".join(tool.tags)] if tool.tags else []


def _go(folder: Path, *arguments: str, cgo: bool = False) -> str:
    result = subprocess.run(["go", *arguments], cwd=folder, env=_environment(cgo), capture_output=True, text=True)
    if result.returncode != 0:
        raise SandboxError(f"`go {' '.join(arguments)}` failed in {folder}:\n{result.stderr[-2000:]}")
    return result.stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
