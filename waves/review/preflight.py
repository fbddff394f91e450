"""What a change must not do to what regions run, unless it says why: found before it is merged. Pure.

Each rule is an outage that somebody had. A change says why by a file in gitops/exceptions/ that it adds or changes itself.
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
STATEFUL = ("StatefulSet", "PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition")
"""Kinds that data goes with."""
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
    """One thing that a change does in a region."""

    rule: str
    item: str
    """The object, as `regions diff` names it."""
    what: str


class ExceptionsError(fleet.UserError):
    """A file in gitops/exceptions/ is not one; the text says which, and what is wrong with it."""


def findings(
    before: Sequence[Object], after: Sequence[Object], region: fleet.Region, running: Container[str] = ()
) -> list[Finding]:
    """What a change does to a region, by what it ran before and is to run. `running`: images that are no news in it."""
    old, new = {identity(item): item for item in before}, {identity(item): item for item in after}
    found = [*_pruned(old, new), *_twice(after), *_fixed(old, new), *_unpinned(old, new, running)]
    return found + [Finding("capacity", item, what) for item, what in capacity.too_much(after, region)]


def undefined(was: Iterable[tuple[str, str]], now: Container[tuple[str, str]]) -> Iterator[Finding]:
    """The custom kinds, as apiVersion and kind, that a change takes away."""
    for version, kind in was:
        if (version, kind) not in now:
            what = "its definition is removed: all objects of that kind go with it, and what they own"
            yield Finding("removed-definition", f"{kind} of {version}", what)


def _pruned(old: Mapping[str, Object], new: Mapping[str, Object]) -> Iterator[Finding]:
    for name, item in old.items():
        if name not in new and item["kind"] in STATEFUL:
            yield Finding("stateful-prune", name, "Argo CD would delete it, and data may go with it")


def _twice(after: Sequence[Object]) -> Iterator[Finding]:
    seen: set[str] = set()
    for item in after:
        name = identity(item)
        if name in seen:
            yield Finding(
                "name-collision", name, "two objects have this name: one takes the other's place, or is deleted for it"
            )
        seen.add(name)


def _fixed(old: Mapping[str, Object], new: Mapping[str, Object]) -> Iterator[Finding]:
    for name, item in new.items():
        for path in IMMUTABLE.get(item["kind"], ()):
            if name in old and _at(old[name], path) != _at(item, path):
                yield Finding(
                    "immutable-field", name, f"the API server refuses to change {path}: the sync would fail for ever"
                )


def _unpinned(old: Mapping[str, Object], new: Mapping[str, Object], running: Container[str]) -> Iterator[Finding]:
    for name, item in new.items():
        known = set(images(old.get(name)))
        for image in images(item):
            if image not in known and image not in running and "@sha256:" not in image:
                yield Finding(
                    "unpinned-image", name, f"{image} has no digest: what its tag means may change between two regions"
                )


def images(value: Any) -> Iterator[str]:
    """All images that an object names, at any depth."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == "image" and isinstance(each, str):
                yield each
            else:
                yield from images(each)
    elif isinstance(value, list):
        for each in value:
            yield from images(each)


def _at(item: Any, path: str) -> Any:
    for key in path.split("."):
        item = item.get(key) if isinstance(item, Mapping) else None
    return item


def exemptions(before: Mapping[str, str], after: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """The exceptions that a change itself brings, by rule and object: the reason, and its file. Raises ExceptionsError.

    Those of older changes excuse nothing.
    """
    found: dict[tuple[str, str], str] = {}
    for path, text in after.items():
        if path.startswith(EXCEPTIONS) and path.endswith(".yaml") and before.get(path) != text:
            listed = yaml.load(text, Loader=yaml.CSafeLoader)
            for entry in listed if isinstance(listed, list) else [listed]:
                if not isinstance(entry, dict) or set(entry) != {"rule", "object", "reason"} or not all(entry.values()):
                    raise ExceptionsError(f"{path}: each entry has rule, object and reason, and nothing else")
                found[entry["rule"], entry["object"]] = f"{entry['reason']} ({path})"
    return found
