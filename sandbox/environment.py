"""A sandbox's files before its start, and the environment of a shell that uses it."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from sandbox.clouds.exec_plugins import CLUSTER_OF
from sandbox.githost import repository
from sandbox.machine import trust
from sandbox.machine.home import CHECKOUT, Home

PROVIDERS = {
    "aws": ("pulumi-aws", "sandbox.clouds aws"),
    "gcp": ("pulumi-gcp", "sandbox.clouds gcp"),
    "azure-native": ("pulumi-azure-native", "sandbox.clouds azure-native"),
    "github": ("pulumi-github", "sandbox.clouds github"),
}
"""Simulated provider to its Python SDK, whose version the engine asks for, and to its plugin's module."""
_KUBERNETES = "pulumi-resource-kubernetes"
"""The Kubernetes provider's plugin, the published one."""


def file_backend(folder: Path) -> str:
    """The URL of a Pulumi backend in a folder.

    The URL turns off the backend's sidecar files, which Pulumi does not need. A killed writer leaves an empty sidecar
    file, and Pulumi does not load the stack beside it ("failed to load checkpoint: EOF").
    Source: gocloud.dev/blob/fileblob.
    """
    return f"file://{folder}?metadata=skip"


def prepare(home: Home, binaries: Mapping[str, Path]) -> None:
    """Write the folders, links, exec plugins and provider plugins. A second call brings them up to date."""
    for folder in (home.root, home.bin, home.logs, home.clusters, home.backend, home.pulumi / "plugins"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, path in binaries.items():
        # The engine warns of a plugin on PATH.
        _link(_plugin(home, "kubernetes", "pulumi-kubernetes") if name == _KUBERNETES else home.bin / name, path)
    for plugin in CLUSTER_OF:
        # -S: no site-packages. This halves the start-up of a program that runs before every request to a cluster.
        _script(home.bin / plugin, home, f"-S -m sandbox.clouds.exec_plugins {plugin}")
    for provider, (distribution, module) in PROVIDERS.items():
        _script(_plugin(home, provider, distribution), home, f"-m {module}")
    if not home.passphrase_file.exists():
        home.passphrase_file.touch(mode=0o600)
        home.passphrase_file.write_text(secrets.token_urlsafe(24))
    trust.create(home)
    repository.create(home)


def variables(home: Home, checkout: Path) -> dict[str, str]:
    """The environment in which the program, `pulumi`, `kubectl` and `git` use the sandbox in a checkout."""
    return {
        "SANDBOX_HOME": str(home.root),
        "PATH": os.pathsep.join([str(home.bin), str(Path(sys.executable).parent), _path_without(home)]),
        "PULUMI_HOME": str(home.pulumi),
        "PULUMI_BACKEND_URL": file_backend(home.backend),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(home.passphrase_file),
        # A stack's salt is in its state from the start. Without this setting, a stack file without a salt gets another one.
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        # The engine writes the whole state atomically after each step, and copies the state before it. With two cores,
        # the copy and the garbage of the writes take a quarter of an update's time.
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "GOGC": "400",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Python keeps compiled modules. Otherwise the program and each plugin compile a cloud's SDK again.
        "PYTHONDONTWRITEBYTECODE": "",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "KUBECONFIG": str(home.kubeconfig),
        "SSL_CERT_FILE": str(home.trust_bundle),
        **repository.environment(home, checkout),
    }


def _path_without(home: Home) -> str:
    """PATH without this sandbox's own folders."""
    own = {str(home.bin), str(Path(sys.executable).parent)}
    return os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if part not in own)


def _plugin(home: Home, provider: str, distribution: str) -> Path:
    """The path of a provider's plugin, as the engine's download would have it."""
    folder = home.pulumi / "plugins" / f"resource-{provider}-v{version(distribution)}"
    folder.mkdir(exist_ok=True)
    return folder / f"pulumi-resource-{provider}"


def _link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _script(path: Path, home: Home, arguments: str) -> None:
    # -P: Python imports this checkout's modules, not those of the folder in which Pulumi runs the plugin.
    path.write_text(
        f"#!/bin/sh\nexport SANDBOX_HOME='{home.root}' PYTHONPATH='{CHECKOUT}'\n"
        f"exec '{sys.executable}' -P {arguments} \"$@\"\n"
    )
    path.chmod(0o700)
