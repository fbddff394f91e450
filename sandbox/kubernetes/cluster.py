"""The configured cluster: settings, and a connection made when first needed (SIMULATED provider plugin)."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.kubernetes import kubeconfig, objects
from sandbox.kubernetes.client import ApiError, Client, NoMatch, Unreachable
from sandbox.kubernetes.diff import Mutability
from sandbox.kubernetes.kubeconfig import KubeconfigError
from sandbox.provider_sdk.server import ProviderError, unwrap

# Ask an unreachable server again after this time, not for each of a stack's resources.
_RETRY_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Settings:
    """The provider's settings that change how it behaves; names and defaults are the published provider's."""

    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    patch_force: bool = False
    upsert_existing: bool = False
    suppress_deprecation_warnings: bool = False
    mutability: Mutability = field(default_factory=Mutability)


def settings_of(config: dict[str, Any]) -> Settings:
    """Read the settings from the provider's configuration, or else from the environment."""

    def flag(key: str, variable: str) -> bool:
        value = config.get(key, os.environ.get(variable))
        return value is True or value == "true"

    return Settings(
        delete_unreachable=flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
        skip_update_unreachable=flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
        patch_force=flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
        upsert_existing=flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
        suppress_deprecation_warnings=flag("suppressDeprecationWarnings", "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS"),
        mutability=Mutability(
            config_maps=flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
            secrets=flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
        ),
    )


class Cluster:
    """One configured cluster; safe for use by many threads."""

    def __init__(self, config: dict[str, Any]) -> None:
        plain = unwrap(config)
        self.settings = settings_of(plain)
        self._config = plain
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._failure = ""
        self._failed_at = float("-inf")
        self._warned = False
        try:
            target = kubeconfig.active(
                kubeconfig.parse(plain.get("kubeconfig")), plain.get("context", ""), plain.get("cluster", "")
            )
        except KubeconfigError as error:
            self._target = None
            self._failure = f"unable to load Kubernetes client configuration from kubeconfig: {error}"
            self.default_namespace = plain.get("namespace") or "default"
        else:
            self._target = target
            self.default_namespace = plain.get("namespace") or target.namespace or "default"

    def unreachable(self) -> str:
        """Why the cluster cannot be reached; empty when it can."""
        with self._lock:
            if self._client is not None:
                return ""
            if self._target is None or time.monotonic() - self._failed_at < _RETRY_SECONDS:
                return self._failure
            try:
                client = Client(self._target)
                client.connect()
            except (Unreachable, ApiError) as error:
                self._failure = f"unable to load schema information from the API server: {error}"
                self._failed_at = time.monotonic()
                return self._failure
            self._client = client
            return ""

    def first_warning(self) -> str:
        """The reason of `unreachable` once, and then nothing: a preview goes on without the cluster."""
        reason = self.unreachable()
        with self._lock:
            first, self._warned = not self._warned, True
        return reason if first else ""

    def client(self) -> Client:
        """The connection; raises ProviderError, in the published provider's words, when there is none."""
        reason = self.unreachable()
        if reason or self._client is None:
            raise ProviderError(
                f"configured Kubernetes cluster is unreachable: {reason}\nCheck the provider's kubeconfig "
                "and context, that the API server runs, and that this machine reaches it."
            )
        return self._client

    def namespaced(self, api_version: str, kind: str) -> bool | None:
        """Whether a kind has a namespace; None when nobody can tell (its CRD is not installed yet)."""
        if self.unreachable():
            builtin = objects.group_of({"apiVersion": api_version}) in objects.BUILTIN_GROUPS
            return kind not in objects.CLUSTER_SCOPED if builtin else None
        try:
            return self.client().resource(api_version, kind).namespaced
        except NoMatch:
            return None
