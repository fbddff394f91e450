"""What changes, and what a change replaces: pure functions (SIMULATED provider plugin, real API server).

The rules are the published provider's: pulumi/pulumi-kubernetes provider/pkg/provider/diff.go and DiffConfig
in provider.go. Old inputs are compared with new ones; a refresh turns drift into changed old inputs
(`live_inputs`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from sandbox.kubernetes import kubeconfig, objects
from sandbox.kubernetes.kubeconfig import KubeconfigError
from sandbox.kubernetes.objects import Object
from sandbox.provider_sdk.server import UNKNOWN

Kind = Literal["add", "delete", "update"]
Path = tuple[str | int, ...]

_SELECTOR: Final = (".spec.selector",)
_STATEFUL_SET: Final = (
    ".spec.podManagementPolicy",
    ".spec.revisionHistoryLimit",
    ".spec.selector",
    ".spec.serviceName",
    ".spec.volumeClaimTemplates",
)
_JOB: Final = (".spec.completions", ".spec.parallelism", ".spec.selector", ".spec.template")
_CONFIG_DATA: Final = (".binaryData", ".data")
_SECRET_DATA: Final = (".type", ".stringData", ".data")

# What may change in place in a Pod's spec (Kubernetes 1.36); the published provider lists the opposite,
# field by field.
_MUTABLE_POD_SPEC: Final = frozenset({"activeDeadlineSeconds", "tolerations"})
# Of a PersistentVolume's spec, everything but these is the volume's source.
_MUTABLE_VOLUME_SPEC: Final = frozenset(
    {
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
    }
)

_FORCE_NEW: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "StatefulSet"): _STATEFUL_SET,
    ("batch", "Job"): _JOB,
    ("", "PersistentVolumeClaim"): (".spec",),
    ("", "ResourceQuota"): (".spec.scopes",),
    ("", "Service"): (".spec.clusterIP",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (".roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): (".roleRef",),
    ("storage.k8s.io", "StorageClass"): (".parameters", ".provisioner"),
}


@dataclass(frozen=True)
class Mutability:
    """The provider's settings that let ConfigMaps and Secrets change in place."""

    config_maps: bool = False
    secrets: bool = False


@dataclass(frozen=True)
class Change:
    """One changed property."""

    path: Path
    kind: Kind
    replaces: bool

    @property
    def text(self) -> str:
        """The path as Pulumi writes it: a.b[0]["c.d"]."""
        text = ""
        for part in self.path:
            if isinstance(part, int):
                text += f"[{part}]"
            elif re.search(r'[.\[\]"]', part):
                escaped = part.replace('"', '\\"')
                text += f'["{escaped}"]'
            else:
                text += f".{part}" if text else part
        return text


def replacing_paths(obj: Object, mutability: Mutability = Mutability()) -> tuple[str, ...]:
    """The properties of an object whose change replaces it, as `.spec.selector`."""
    always = (".apiVersion.group", ".kind", ".metadata.name", ".metadata.namespace")
    key = (objects.group_of(obj), str(obj.get("kind", "")))
    immutable = obj.get("immutable") is True
    if key == ("", "ConfigMap"):
        return always + (() if mutability.config_maps and not immutable else _CONFIG_DATA)
    if key == ("", "Secret"):
        return always + (() if mutability.secrets and not immutable else _SECRET_DATA)
    return always + _FORCE_NEW.get(key, ())


def changes(old: Object, new: Object, mutability: Mutability = Mutability()) -> list[Change]:
    """What differs between old and new inputs, and which of it replaces the object."""
    rules = [tuple(rule.strip(".").split(".")) for rule in replacing_paths(new, mutability)]
    found = []
    for path, kind, value in _differences(old, new, ()):
        replaces = any(_touches(path, value, rule) for rule in rules) or _replaces_spec(new, path)
        if path == ("apiVersion",):
            replaces = objects.group_of(old) != objects.group_of(new)
        found.append(Change(path, kind, replaces))
    return found


def _replaces_spec(new: Object, path: Path) -> bool:
    if len(path) < 2 or path[0] != "spec" or objects.group_of(new):
        return False
    if new.get("kind") == "Pod":
        # Images may be patched in a running pod, but the published provider replaces the pod.
        return path[1] not in _MUTABLE_POD_SPEC
    return new.get("kind") == "PersistentVolume" and path[1] not in _MUTABLE_VOLUME_SPEC


def _touches(path: Path, value: Any, rule: tuple[str, ...]) -> bool:
    names = tuple(part for part in path if isinstance(part, str))
    if names[: len(rule)] == rule:
        return True
    if rule[: len(names)] != names:
        return False
    for part in rule[len(names) :]:  # a whole branch was added or deleted: does it hold the property?
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def _differences(old: Any, new: Any, path: Path) -> Iterator[tuple[Path, Kind, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key not in new:
                yield (*path, key), "delete", old[key]
            elif key not in old:
                yield (*path, key), "add", new[key]
            else:
                yield from _differences(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(new):
                yield (*path, index), "delete", old[index]
            elif index >= len(old):
                yield (*path, index), "add", new[index]
            else:
                yield from _differences(old[index], new[index], (*path, index))
    elif new is UNKNOWN or old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, "update", new


def delete_before_replace(old: Object, new: Object) -> bool:
    """Whether a replacement must delete first: the new object takes the old one's name."""
    return (
        not objects.is_true(new, objects.AUTONAMED)
        and objects.full_name(old) == objects.full_name(new)
        and new.get("kind") == old.get("kind")
        and objects.group_of(old) == objects.group_of(new)
    )


def live_inputs(live: Any, old: Any) -> Any:
    """The old inputs with the values that the server now has, without what it defaults or rewrites."""
    if isinstance(live, dict) and isinstance(old, dict):
        kept = {}
        for key, value in old.items():
            if key in live:
                kept[key] = live_inputs(live[key], value)
            elif key == "stringData" and _same_strings(value, live.get("data")):
                kept[key] = value
            elif _empty(value):
                kept[key] = value  # the API leaves out what is empty
        return kept
    if isinstance(live, list) and isinstance(old, list):
        pairs = [live_inputs(new, before) for new, before in zip(live, old, strict=False)]
        # Further objects in a list are another manager's (an injected container); scalars are drift.
        return pairs + [value for value in live[len(old) :] if not isinstance(value, dict)]
    return old if equivalent(live, old) else live


def _same_strings(strings: Any, data: Any) -> bool:
    if not isinstance(strings, dict) or not isinstance(data, dict):
        return False
    return all(data.get(k) == base64.b64encode(str(v).encode()).decode() for k, v in strings.items())


def _empty(value: Any) -> bool:
    return value is None or value is False or value in ("", 0) or value == {} or value == []


_QUANTITY: Final = re.compile(r"^([+-]?[0-9.]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$")
_SUFFIXES: Final = {
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{unit: Decimal(1000) ** -power for power, unit in enumerate("mun", 1)},
}


def _quantity(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    match = _QUANTITY.match(str(value))
    if match is None or match[1].count(".") > 1 or not re.search("[0-9]", match[1]):
        return None
    suffix = match[2] or ""
    return Decimal(match[1] + suffix) if suffix[:1] in {"e"} else Decimal(match[1]) * _SUFFIXES.get(suffix, Decimal(1))


def equivalent(live: Any, old: Any) -> bool:
    """Whether two scalars mean the same to Kubernetes: 1000m is 1, and 80 is "80"."""
    if type(live) is type(old) and live == old:
        return True
    one, other = _quantity(live), _quantity(old)
    return one is not None and one == other


def provider_replaces(old: dict[str, Any], new: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The provider settings that changed, and those of them that replace it with everything in its cluster.

    `clusterIdentifier`, where it is set and unchanged, is the only thing that matters; adding or removing
    it replaces nothing.
    """
    changed = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    identifier = new.get("clusterIdentifier")
    if identifier and old.get("clusterIdentifier") == identifier:
        return changed, []
    replaces = ["clusterIdentifier"] if identifier and old.get("clusterIdentifier") else []
    location = ("kubeconfig", "context", "cluster")
    unknown = [key for key in location if new.get(key) is UNKNOWN]
    if unknown:
        return changed, replaces + unknown[:1]
    try:
        configs = [kubeconfig.parse(side.get("kubeconfig")) for side in (old, new)]
    except KubeconfigError:
        return changed, replaces
    choices = [(str(side.get("context") or ""), str(side.get("cluster") or "")) for side in (old, new)]
    if not kubeconfig.same_cluster(configs[0], configs[1], choices[0], choices[1]):
        replaces += [key for key in location if key in changed]
    return changed, replaces
