"""Kubeconfigs: reading and comparing them, credentials (SIMULATED provider plugin, real API server).

Exec plugins follow client-go's credential plugin protocol, with the cluster's data when `provideClusterInfo`
asks for it (kubernetes.io/docs/reference/access-authn-authz/authentication, "client-go credential plugins").
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EXEC_TIMEOUT_SECONDS: Final = 60
_EXPIRY_MARGIN: Final = timedelta(seconds=30)


class KubeconfigError(Exception):
    """A kubeconfig, or the credentials that it describes, cannot be used."""


@dataclass
class Active:
    """What a kubeconfig's active context points at."""

    cluster: dict[str, Any]
    user: dict[str, Any]
    namespace: str
    context: dict[str, Any] = field(default_factory=dict)


def parse(value: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """Read a kubeconfig from its contents, its path, or (for None or "") from where kubectl looks for it.

    Raises KubeconfigError when there is none or it is malformed.
    """
    if isinstance(value, Mapping):
        return dict(value)
    if not value:
        paths = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        return _merge([_read(Path(p)) for p in paths.split(os.pathsep) if p and Path(p).is_file()])
    if "\n" not in value and not value.lstrip().startswith("{") and Path(value).expanduser().is_file():
        return _read(Path(value).expanduser())
    return _load(value)


def _read(path: Path) -> dict[str, Any]:
    return _load(path.read_text())


def _load(text: str) -> dict[str, Any]:
    try:
        loaded = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise KubeconfigError(f"the kubeconfig is no valid YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise KubeconfigError(
            "the kubeconfig is neither the path of a file nor a document with clusters, users and contexts"
        )
    return loaded


def _merge(configs: list[dict[str, Any]]) -> dict[str, Any]:
    if not configs:
        raise KubeconfigError(
            "no configuration has been provided: set the provider's kubeconfig, or KUBECONFIG, or write ~/.kube/config"
        )
    merged: dict[str, Any] = {}
    for config in configs:
        for key, value in config.items():
            if isinstance(value, list):
                merged[key] = [*merged.get(key, []), *value]
            else:
                merged.setdefault(key, value)
    return merged


def _named(config: Mapping[str, Any], section: str, key: str, name: str) -> dict[str, Any] | None:
    for entry in config.get(section) or []:
        if entry.get("name") == name:
            return dict(entry.get(key) or {})
    return None


def active(config: Mapping[str, Any], context: str = "", cluster: str = "") -> Active:
    """The active cluster, user and namespace; `context` and `cluster` override the file's choice.

    Raises KubeconfigError when the file has no such context or cluster.
    """
    name = context or str(config.get("current-context") or "")
    found = _named(config, "contexts", "context", name)
    if found is None:
        raise KubeconfigError(f'context "{name}" does not exist in the kubeconfig')
    cluster_name = cluster or str(found.get("cluster") or "")
    target = _named(config, "clusters", "cluster", cluster_name)
    if target is None or not target.get("server"):
        raise KubeconfigError(f'cluster "{cluster_name}" does not exist in the kubeconfig, or has no server')
    user = _named(config, "users", "user", str(found.get("user") or "")) or {}
    return Active(target, user, str(found.get("namespace") or ""), found)


def same_cluster(
    old: Mapping[str, Any], new: Mapping[str, Any], old_choice: tuple[str, str], new_choice: tuple[str, str]
) -> bool:
    """Whether two kubeconfigs' active clusters are equal; true where either cannot be told.

    The choices are (context, cluster) overrides. As getActiveClusterFromConfig of the published provider.
    """
    try:
        return active(old, *old_choice).cluster == active(new, *new_choice).cluster
    except KubeconfigError:
        return True


class Credentials:
    """What authenticates a user: headers, and perhaps a client certificate. Safe for many threads."""

    def __init__(self, target: Active) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._token = ""
        self._expires: datetime | None = None
        user = target.user
        if "auth-provider" in user:
            raise KubeconfigError(
                "auth-provider was removed from Kubernetes 1.26: use an exec plugin in the kubeconfig"
            )
        self.certificate = _data(user, "client-certificate")
        self.key = _data(user, "client-key")
        if user.get("exec"):
            self._run()

    def headers(self) -> dict[str, str]:
        """The request headers that authenticate; runs the exec plugin again once its token has expired."""
        user = self._target.user
        if user.get("exec"):
            with self._lock:
                if self._expires is not None and datetime.now(UTC) >= self._expires - _EXPIRY_MARGIN:
                    self._run()
                return {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if user.get("token"):
            return {"Authorization": f"Bearer {user['token']}"}
        if user.get("tokenFile"):
            return {"Authorization": f"Bearer {Path(user['tokenFile']).read_text().strip()}"}
        if user.get("username"):
            pair = f"{user['username']}:{user.get('password', '')}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}

    def renew(self, rejected: dict[str, str]) -> bool:
        """Get a new token after the server refused one; false when there is nothing to renew."""
        if not self._target.user.get("exec"):
            return False
        with self._lock:
            if rejected.get("Authorization") == f"Bearer {self._token}":
                self._run()
        return True

    def _run(self) -> None:
        spec = self._target.user["exec"]
        command = str(spec["command"])
        executable = shutil.which(command)
        if executable is None:
            hint = f" {spec['installHint'].strip()}" if spec.get("installHint") else ""
            raise KubeconfigError(
                f"getting credentials: exec: executable {command} not found. The kubeconfig authenticates "
                f"with this credential plugin: install {command} and put it on PATH.{hint}"
            )
        env = dict(os.environ)
        env.update({e["name"]: e["value"] for e in spec.get("env") or []})
        env["KUBERNETES_EXEC_INFO"] = json.dumps(exec_info(spec, self._target.cluster))
        command_line = [executable, *map(str, spec.get("args") or [])]
        try:
            done = subprocess.run(
                command_line,
                env=env,
                capture_output=True,
                text=True,
                timeout=_EXEC_TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KubeconfigError(f"getting credentials: exec: {' '.join(command_line)}: {error}") from error
        if done.returncode != 0:
            raise KubeconfigError(
                f"getting credentials: exec: executable {command} failed with exit code {done.returncode}: "
                f"{done.stderr.strip()}"
            )
        try:
            status = json.loads(done.stdout)["status"]
        except (ValueError, KeyError, TypeError) as error:
            raise KubeconfigError(f"getting credentials: exec: {command} printed no ExecCredential") from error
        self._token = status.get("token", "")
        expires = status.get("expirationTimestamp")
        self._expires = datetime.fromisoformat(expires) if expires else None
        if status.get("clientCertificateData"):
            self.certificate = status["clientCertificateData"].encode()
            self.key = status["clientKeyData"].encode()


def exec_info(spec: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What an exec plugin is told in KUBERNETES_EXEC_INFO."""
    info: dict[str, Any] = {"interactive": False}
    if spec.get("provideClusterInfo"):
        keys = (
            "server",
            "tls-server-name",
            "insecure-skip-tls-verify",
            "certificate-authority-data",
            "proxy-url",
        )
        info["cluster"] = {k: cluster[k] for k in keys if k in cluster}
        for extension in cluster.get("extensions") or []:
            if extension.get("name") == "client.authentication.k8s.io/exec":
                info["cluster"]["config"] = extension.get("extension")
    return {"apiVersion": spec["apiVersion"], "kind": "ExecCredential", "spec": info}


def _data(section: Mapping[str, Any], key: str) -> bytes | None:
    if section.get(f"{key}-data"):
        return base64.b64decode(section[f"{key}-data"])
    return Path(section[key]).read_bytes() if section.get(key) else None


def authority(cluster: Mapping[str, Any]) -> str | None:
    """The cluster's certificate authority as PEM text."""
    data = _data(cluster, "certificate-authority")
    return data.decode() if data else None
