"""The preflight rules on a change of regions' objects, checked before the merge. Pure.

Each rule comes from a real outage. A change gives its reason for an exception in a file that it adds to gitops/exceptions/.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

import fleet
from waves.review import capacity
from waves.review.render import Object, identity

EXCEPTIONS = "gitops/exceptions/"
"""The folder of the files with reasons for exceptions."""
STATEFUL = ("StatefulSet", "PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition")
"""Kinds whose deletion deletes data."""
IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "StatefulSet": ("spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"),
    "Job": ("spec.selector", "spec.template", "spec.completionMode"),
    "Service": ("spec.clusterIP",),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "StorageClass": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
}
"""Kind to fields that the API server refuses to change. Source: kubernetes.io, the kinds' own pages."""


@dataclass(frozen=True)
class Finding:
    """One broken rule in a region."""

    rule: str
    item: str
    """The object, as `regions diff` names it."""
    fault: str


class ExceptionsError(fleet.UserError):
    """A file in gitops/exceptions/ is malformed. The text names the file and the problem."""


def findings(
    before: Sequence[Object], after: Sequence[Object], region: fleet.Region, running: Container[str] = ()
) -> list[Finding]:
    """The findings in a region, by its objects before and after. `running`: images that other regions run already."""
    old, new = {identity(item): item for item in before}, {identity(item): item for item in after}
    return [
        *_stateful_prunes(old, new),
        *_name_collisions(after),
        *_immutable_changes(old, new),
        *_unpinned_images(old, new, running),
        *(Finding("capacity", item, problem) for item, problem in capacity.oversized(after, region)),
    ]


def removed_definitions(old: Iterable[tuple[str, str]], new: Container[tuple[str, str]]) -> Iterator[Finding]:
    """The custom kinds, as apiVersion and kind, that a change takes away."""
    for version, kind in old:
        if (version, kind) not in new:
            problem = (
                "its definition is removed: Kubernetes deletes all objects of that kind, and the objects that they own"
            )
            yield Finding("removed-definition", f"{kind} of {version}", problem)


def _stateful_prunes(old: Mapping[str, Object], new: Mapping[str, Object]) -> Iterator[Finding]:
    for name, item in old.items():
        if name not in new and item["kind"] in STATEFUL:
            yield Finding("stateful-prune", name, "Argo CD would delete it, and data may go with it")


def _name_collisions(after: Sequence[Object]) -> Iterator[Finding]:
    names: set[str] = set()
    for item in after:
        name = identity(item)
        if name in names:
            yield Finding(
                "name-collision", name, "two objects have this name: one overwrites the other, or is deleted for it"
            )
        names.add(name)


def _immutable_changes(old: Mapping[str, Object], new: Mapping[str, Object]) -> Iterator[Finding]:
    for name, item in new.items():
        for path in IMMUTABLE.get(item["kind"], ()):
            if name in old and _at(old[name], path) != _at(item, path):
                yield Finding(
                    "immutable-field", name, f"the API server refuses to change {path}: every sync would fail"
                )


def _unpinned_images(
    old: Mapping[str, Object], new: Mapping[str, Object], running: Container[str]
) -> Iterator[Finding]:
    for name, item in new.items():
        if item == old.get(name):
            continue
        old_images = set(images(old.get(name)))
        for image in images(item):
            if image not in old_images and image not in running and "@sha256:" not in image:
                yield Finding(
                    "unpinned-image", name, f"{image} has no digest: its tag may name another image in the next region"
                )


def images(value: Any) -> Iterator[str]:
    """All images that an object names, at any depth. `dict`: a test against `Mapping` takes ten times as long."""
    rest = [value]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            for key, member in value.items():
                if key == "image" and isinstance(member, str):
                    yield member
                else:
                    rest.append(member)
        elif isinstance(value, list):
            rest += value


def _at(item: Any, path: str) -> Any:
    for key in path.split("."):
        item = item.get(key) if isinstance(item, Mapping) else None
    return item


def exemptions(before: Mapping[str, str], after: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """The exceptions that a change itself adds: rule and object to reason and file. Raises ExceptionsError.

    An older change's exceptions excuse no violation.
    """
    reasons: dict[tuple[str, str], str] = {}
    for path, text in after.items():
        if path.startswith(EXCEPTIONS) and path.endswith(".yaml") and before.get(path) != text:
            for entry in _exceptions_in(path, text):
                reasons[entry["rule"], entry["object"]] = f"{entry['reason']} ({path})"
    return reasons


def _exceptions_in(path: str, text: str) -> Iterator[dict[str, Any]]:
    data = yaml.load(text, Loader=yaml.CSafeLoader)
    for entry in data if isinstance(data, list) else [data]:
        if not isinstance(entry, dict) or set(entry) != {"rule", "object", "reason"} or not all(entry.values()):
            raise ExceptionsError(f"{path}: each entry has rule, object and reason, and nothing else")
        yield entry
