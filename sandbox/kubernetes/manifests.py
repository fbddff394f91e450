"""Manifests to objects, in the order of their needs (SIMULATED provider plugin, real API server).

Pure functions but for `read_files`. As the published provider's provider/pkg/provider/yaml/v2/yaml.go and
the dependency graph of sigs.k8s.io/cli-utils.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.kubernetes import objects
from sandbox.kubernetes.objects import Object

DEPENDS_ON: Final = "config.kubernetes.io/depends-on"
_GLOB: Final = re.compile(r"[*?\[]")

Identity = tuple[str, str, str, str]  # group, kind, namespace, name


class ManifestError(Exception):
    """A manifest cannot be used; the message names the file or document."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # chosen at run time
    """YAML as Kubernetes reads it: dates stay strings."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def decode(text: str, source: str) -> list[Object]:
    """The objects of a YAML or JSON text without empty documents; errors name `source` and document."""
    found: list[Object] = []
    documents = yaml.load_all(text, Loader=_Loader)
    number = 0
    while True:
        number += 1
        try:
            document = next(documents)
        except StopIteration:
            return found
        except yaml.YAMLError as error:
            raise ManifestError(f"decoding YAML: {source}, document {number}: {error}") from error
        if not document:
            continue
        if not isinstance(document, dict):
            raise ManifestError(
                f"decoding YAML: {source}, document {number}: a {type(document).__name__}, not an object"
            )
        found.append(document)


def read_files(patterns: Iterable[str], globbing: bool = True) -> list[Object]:
    """The objects of manifest files, patterns expanded and sorted."""
    found: list[Object] = []
    for pattern in patterns:
        if "://" in pattern:
            raise ManifestError(
                f"{pattern}: the sandbox fetches no manifests over the network; use a file in the repository"
            )
        paths = sorted(glob.glob(pattern)) if globbing and _GLOB.search(pattern) else [pattern]
        for path in paths:
            try:
                text = Path(path).read_text()
            except OSError as error:
                raise ManifestError(f"reading YAML file from disk: {path}: {error.strerror}") from error
            found += decode(text, path)
    return found


def expand(given: Iterable[Object]) -> list[Object]:
    """The objects with lists replaced by their items, at every depth."""
    result: list[Object] = []
    for obj in given:
        if isinstance(obj.get("items"), list) and str(obj.get("kind", "")).endswith("List"):
            result += expand(obj["items"])
        else:
            result.append(obj)
    return result


def normalize(given: Iterable[Object], default_namespace: str, namespaced: Callable[[str, str], bool]) -> list[Object]:
    """Expand lists, check what every object must have, and fill in the namespace.

    `namespaced` tells of an apiVersion and kind whether it has one; it is not asked for kinds whose CRD is
    among the objects.
    """
    result = []
    expanded = expand(given)
    scopes = {
        (crd["spec"]["group"], crd["spec"]["names"]["kind"]): crd["spec"].get("scope") == "Namespaced"
        for crd in expanded
        if _is_crd(crd)
    }
    for obj in expanded:
        api_version, kind = str(obj.get("apiVersion") or ""), str(obj.get("kind") or "")
        if not api_version or not kind:
            raise ManifestError(f"Kubernetes resources require a kind and apiVersion: `{_short(obj)}`")
        if not objects.metadata(obj).get("name"):
            raise ManifestError(f"Kubernetes resources require a .metadata.name: `{_short(obj)}`")
        one = {**obj, "apiVersion": api_version.removeprefix("core/"), "metadata": dict(obj["metadata"])}
        scope = scopes.get((objects.group_of(one), kind))
        if not one["metadata"].get("namespace"):
            one["metadata"].pop("namespace", None)
            if scope if scope is not None else namespaced(one["apiVersion"], kind):
                one["metadata"]["namespace"] = default_namespace
        result.append(one)
    return result


def _short(obj: Object) -> str:
    text = json.dumps(obj, default=str)
    return text if len(text) <= 100 else text[:97] + "..."


def _is_crd(obj: Object) -> bool:
    return obj.get("kind") == "CustomResourceDefinition" and objects.group_of(obj) == "apiextensions.k8s.io"


def identity(obj: Object) -> Identity:
    """What tells an object from the others of its cluster."""
    meta = objects.metadata(obj)
    return objects.group_of(obj), str(obj["kind"]), str(meta.get("namespace") or ""), str(meta["name"])


def dependencies(given: list[Object]) -> list[list[int]]:
    """For every object the indices of those that must be there before it.

    A custom resource needs its CRD, an object its Namespace, and each what its depends-on annotation names.
    """
    crds = {(o["spec"]["group"], o["spec"]["names"]["kind"]): i for i, o in enumerate(given) if _is_crd(o)}
    index = {identity(o): i for i, o in enumerate(given)}
    result = []
    for obj in given:
        group, kind, namespace, name = identity(obj)
        needed = {crds.get((group, kind)), index.get(("", "Namespace", "", namespace))}
        for reference in filter(None, (r.strip() for r in objects.annotation(obj, DEPENDS_ON).split(","))):
            target = _parse_reference(reference, f"{kind} {name}")
            if target not in index:
                raise ManifestError(
                    f"external dependency: {kind} {name} -> {reference}: it is not among these manifests"
                )
            needed.add(index[target])
        result.append(sorted(i for i in needed if i is not None))
    return result


def _parse_reference(reference: str, what: str) -> Identity:
    parts = reference.split("/")
    if len(parts) == 5 and parts[1] == "namespaces":
        return parts[0], parts[3], parts[2], parts[4]
    if len(parts) == 3:
        return parts[0], parts[1], "", parts[2]
    raise ManifestError(
        f"{what}: {DEPENDS_ON}: {reference!r} is neither <group>/<kind>/<name> nor "
        "<group>/namespaces/<namespace>/<kind>/<name>"
    )


def order(needs: list[list[int]]) -> list[int]:
    """Indices such that everything comes after what it needs; raises ManifestError on a cycle."""
    done: dict[int, None] = {}
    remaining = list(range(len(needs)))
    while remaining:
        ready = [i for i in remaining if all(n in done for n in needs[i])]
        if not ready:
            raise ManifestError(
                f"cyclic dependency among the objects number {', '.join(str(i + 1) for i in remaining)}"
            )
        done.update(dict.fromkeys(ready))
        remaining = [i for i in remaining if i not in done]
    return list(done)


def resource_name(obj: Object, prefix: str) -> str:
    """The Pulumi name of an object: `<prefix>:<namespace>/<name>`."""
    return f"{prefix}:{objects.full_name(obj)}" if prefix else objects.full_name(obj)


def skipping_await(obj: Object) -> Object:
    """The object annotated so that its readiness is not waited for."""
    meta = obj["metadata"]
    annotations: dict[str, Any] = {**(meta.get("annotations") or {}), objects.SKIP_AWAIT: "true"}
    return {**obj, "metadata": {**meta, "annotations": annotations}}
