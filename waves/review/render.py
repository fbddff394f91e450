"""Renders a region's objects as Argo CD does: by go-jsonnet, from the files of a checkout or of any commit."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import _gojsonnet

import fleet
from fleet.rendering import jsonnet_args

Object = dict[str, Any]
"""One Kubernetes object."""
ENTRY = "gitops/region/main.jsonnet"
"""The file that renders a region."""
PLACE = "gitops/"
"""The repository's folder of jsonnet and its inputs."""


class RenderError(fleet.UserError):
    """The jsonnet of a region does not render. The text quotes jsonnet's error, with files and lines."""


def sources(root: Path, *places: str) -> dict[str, str]:
    """The files that a checkout's regions are rendered from, or those at other places of it, path to text."""
    kinds = (".jsonnet", ".libsonnet", ".json", ".yaml")
    paths = [path for place in places or (PLACE,) for path in sorted((root / place).rglob("*")) if path.suffix in kinds]
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths}


def render(files: Mapping[str, str], region: fleet.Region, repository: str, revision: str) -> list[Object]:
    """The objects of a region, in the order of the rendering. `files` is path to text. Raises RenderError."""

    def read_import(folder: str, name: str) -> tuple[str, bytes]:
        path = posixpath.normpath(posixpath.join(folder, name))
        # The file's text is jsonnet's `error`: the library garbles an exception of a callback.
        return path, files.get(path, f"error '{path} is not there'").encode()

    if ENTRY not in files:
        raise RenderError(f"{ENTRY} is missing. Restore the file")
    try:
        text = _gojsonnet.evaluate_snippet(
            ENTRY,
            files[ENTRY],
            tla_vars={"repository": repository, "revision": revision},
            tla_codes={"region": json.dumps(jsonnet_args(region))},
            import_callback=read_import,
        )
    except RuntimeError as error:
        raise RenderError(f"{region.name} does not render: {str(error).strip()}") from error
    objects: list[Object] = json.loads(text)
    return objects


def identity(item: Object) -> str:
    """An object's identity in a cluster: group and kind, namespace, name."""
    group = item["apiVersion"].rpartition("/")[0]
    metadata = item["metadata"]
    kind = f"{item['kind']}.{group}" if group else item["kind"]
    return (
        f"{kind} {metadata['namespace']}/{metadata['name']}"
        if "namespace" in metadata
        else f"{kind} {metadata['name']}"
    )
