"""Reading and naming Kubernetes objects as plain data (SIMULATED provider plugin, real API server).

Facts are those of the published provider, pulumi/pulumi-kubernetes provider/pkg/metadata and pkg/kinds.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from sandbox.provider_sdk.server import UNKNOWN

Object = dict[str, Any]

AUTONAMED: Final = "pulumi.com/autonamed"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
PATCH_FORCE: Final = "pulumi.com/patchForce"
FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
DELETION_PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"
WAIT_FOR: Final = "pulumi.com/waitFor"

# Written by the server, never an input.
READ_ONLY_METADATA: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)

# Groups that an API server has without any CRD, so a kind that is missing there is a typing error.
BUILTIN_GROUPS: Final = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)

# Used only where no API server can be asked (`kubectl api-resources --namespaced=false`, Kubernetes 1.36).
CLUSTER_SCOPED: Final = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)

_API_VERSION: Final = re.compile(r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[0-9]+((alpha|beta)[0-9]+)?$")


def kind_of_type(token: str) -> tuple[str, str]:
    """The apiVersion and kind of a Pulumi type such as `kubernetes:apps/v1:Deployment`.

    Raises ValueError for a token of another form.
    """
    parts = token.split(":")
    if len(parts) != 3 or parts[1].count("/") != 1:
        raise ValueError(f"{token} is no type of Kubernetes objects: kubernetes:<group>/<version>:<Kind> was expected")
    api_version = parts[1].removeprefix("core/")
    return api_version, parts[2]


def type_of_kind(api_version: str, kind: str) -> str:
    """The Pulumi type of an apiVersion and kind."""
    return f"kubernetes:{api_version if '/' in api_version else f'core/{api_version}'}:{kind}"


def valid_api_version(api_version: str) -> bool:
    """Whether an apiVersion has the form `version` or `group/version`."""
    return bool(_API_VERSION.match(api_version))


def group_of(obj: Object) -> str:
    """The API group of an object; empty for the core group."""
    api_version = str(obj.get("apiVersion", ""))
    return api_version.partition("/")[0] if "/" in api_version else ""


def metadata(obj: Object) -> Object:
    """The object's metadata, or an empty one where it is missing or unknown."""
    value = obj.get("metadata")
    return value if isinstance(value, dict) else {}


def annotation(obj: Object, key: str) -> str:
    """An annotation's value, empty where there is none."""
    values = metadata(obj).get("annotations")
    value = values.get(key) if isinstance(values, dict) else None
    return value if isinstance(value, str) else ""


def is_true(obj: Object, key: str) -> bool:
    """Whether an annotation is "true"."""
    return annotation(obj, key) == "true"


def full_name(obj: Object) -> str:
    """`namespace/name`, or `name` for an object without a namespace: the Pulumi ID of an object."""
    meta = metadata(obj)
    name = str(meta.get("name", ""))
    return f"{meta['namespace']}/{name}" if meta.get("namespace") else name


def parse_id(id_: str) -> tuple[str, str]:
    """Namespace and name of a Pulumi ID."""
    namespace, _, name = id_.rpartition("/")
    return namespace, name


def autoname(obj: Object, old: Object, base: str, seed: bytes) -> None:
    """Give an unnamed object the name it had, or `<base>-<8 hex digits>` made from the random seed."""
    meta = metadata(obj)
    if meta.get("name") or meta.get("generateName") or obj.get("metadata") is UNKNOWN:
        return
    if is_true(old, AUTONAMED):
        name = metadata(old)["name"]
    elif metadata(old).get("name"):
        return  # a name that the program took away: the diff shows it, as the published provider's does
    else:
        name = f"{base}-{hashlib.sha256(seed + base.encode()).hexdigest()[:8]}"
    meta = obj.setdefault("metadata", {})
    meta["name"] = name
    annotations = meta.setdefault("annotations", {})
    if isinstance(annotations, dict):
        annotations[AUTONAMED] = "true"


def field_manager(obj: Object, state: Object, urn: str) -> str:
    """The field manager that applies an object: annotated, or as recorded in the state, or one of its own."""
    recorded = annotation(obj, FIELD_MANAGER) or state.get("__fieldManager")
    return str(recorded or f"pulumi-kubernetes-{hashlib.sha256(urn.encode()).hexdigest()[:8]}")


def with_dashes(value: Any) -> Any:
    """Undo what SDKs do to keys that no Python name can be: x_kubernetes_a_b is x-kubernetes-a-b."""
    if isinstance(value, dict):
        return {k.replace("_", "-") if k.startswith("x_kubernetes_") else k: with_dashes(v) for k, v in value.items()}
    if isinstance(value, list):
        return [with_dashes(v) for v in value]
    return value


def without_read_only(obj: Object) -> Object:
    """The object without the metadata that only the server writes."""
    meta = obj.get("metadata")
    if not isinstance(meta, dict):
        return obj
    return {**obj, "metadata": {k: v for k, v in meta.items() if k not in READ_ONLY_METADATA}}
