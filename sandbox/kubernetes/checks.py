"""What inputs tell before a server is asked (SIMULATED provider plugin, real API server)."""

from __future__ import annotations

from typing import Any, Final

from sandbox.kubernetes import objects
from sandbox.kubernetes.objects import Object

NOT_SIMULATED: Final = (
    "{} is not simulated: the sandbox's kubernetes provider knows plain resources and yaml/v2 ConfigGroup "
    "and ConfigFile"
)


def type_of_urn(urn: str) -> str:
    """The resource's own type: a URN holds those of its parents before it."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def refused_settings(config: dict[str, Any]) -> dict[str, str]:
    """Provider settings that the sandbox does not support, and why."""
    refused = {}
    if config.get("enableServerSideApply") in (False, "false"):
        refused["enableServerSideApply"] = NOT_SIMULATED.format("client-side apply")
    if config.get("renderYamlToDirectory"):
        refused["renderYamlToDirectory"] = NOT_SIMULATED.format("rendering to a directory")
    return refused


def refused_type(type_: str, inputs: Object) -> str:
    """Why a resource type is not supported; empty when it is."""
    _, module, name = type_.split(":")
    if module.startswith(("helm.sh/", "kustomize", "yaml")):
        return NOT_SIMULATED.format(type_)
    if name.endswith("Patch") and inputs.get("kind") == name.removesuffix("Patch"):
        return NOT_SIMULATED.format(f"{type_} (a Patch resource)")
    if name.endswith("List") and isinstance(inputs.get("items"), list):
        return (
            "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be "
            "created directly. Use the underlying resource type instead"
        )
    return ""


def identified(type_: str, given: Object) -> Object:
    """The inputs with apiVersion, kind and metadata, and without what only the server writes.

    Raises ValueError for a type that is none of Kubernetes objects.
    """
    api_version, kind = objects.kind_of_type(type_)
    inputs = objects.without_read_only({"apiVersion": api_version, "kind": kind, **given})
    inputs.setdefault("metadata", {})
    inputs["apiVersion"] = str(inputs["apiVersion"]).removeprefix("core/")
    return inputs


def failure(inputs: Object, namespaced: bool | None) -> tuple[str, str] | None:
    """The property that cannot be, and why.

    `namespaced` is None where the server does not know the kind; one with a group of its own may get a CRD
    yet.
    """
    api_version, kind = str(inputs["apiVersion"]), str(inputs["kind"])
    if not objects.valid_api_version(api_version):
        expected = "<version> or <group>/<version> was expected, such as apps/v1"
        return "apiVersion", f"{api_version!r} is no apiVersion: {expected}"
    if namespaced is None and objects.group_of(inputs) in objects.BUILTIN_GROUPS:
        return "kind", f'Found API Group, but it did not contain a schema for "{api_version}, Kind={kind}"'
    return None
