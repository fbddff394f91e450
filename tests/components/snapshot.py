"""What each region is made of, as text under tests/components/snapshots: `make snapshots` writes it anew.

A change to a component shows there, in review, what it does to every region.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime import rpc

from tests.components.recording import FLEET, Recorded, recorded

FOLDER = Path(__file__).with_name("snapshots")


def text(region: Recorded) -> str:
    """All resources of a region, in a stable order: place and name, then type, protection and inputs."""
    listed = {}
    for resource in region.resources:
        place = resource.urn.split("::", 2)[2]
        entry: dict[str, Any] = {"protect": True} if resource.protect else {}
        if resource.type == "kubernetes:yaml/v2:ConfigGroup":
            entry["objects"] = sorted(_object(each) for each in resource.inputs["objs"])
        elif resource.inputs:
            entry["inputs"] = _shown(json.loads(json.dumps(resource.inputs, default=str)))
        listed[place] = entry
    return str(yaml.safe_dump(listed, width=120, allow_unicode=True))


def _shown(value: Any) -> Any:
    """Inputs as a preview shows them: no secret in the clear."""
    if isinstance(value, dict):
        return "[secret]" if rpc._special_sig_key in value else {key: _shown(each) for key, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list) else value


def _object(manifest: dict[str, Any]) -> str:
    """A Kubernetes object in one line: what it is, and a hash of what it says."""
    metadata = manifest["metadata"]
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']} {digest}"


def path(region: str) -> Path:
    """Where a region's snapshot is kept."""
    return FOLDER / f"{region}.yaml"


def main() -> None:
    """Write all of them anew."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.yaml"):
        old.unlink()
    for region in FLEET.regions:
        path(region).write_text(text(recorded(region)))


if __name__ == "__main__":
    main()
