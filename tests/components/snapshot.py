"""The resources of each region, as text under tests/components/snapshots: `make snapshots` regenerates them.

In review, the snapshots show the effect of a change on every region.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime import rpc

from tests.components.recording import FLEET, RecordedRegion, recorded

FOLDER = Path(__file__).with_name("snapshots")


def text(region: RecordedRegion) -> str:
    """All resources of a region, in a stable order: place and name, then type, protection and inputs."""
    entries = {}
    for resource in region.resources:
        place = resource.urn.split("::", 2)[2]
        entry: dict[str, Any] = {"protect": True} if resource.protect else {}
        if resource.type == "kubernetes:yaml/v2:ConfigGroup":
            entry["objects"] = sorted(_object(manifest) for manifest in resource.inputs["objs"])
        elif resource.inputs:
            entry["inputs"] = _without_secrets(json.loads(json.dumps(resource.inputs, default=str)))
        entries[place] = entry
    return str(yaml.safe_dump(entries, width=120, allow_unicode=True))


def _without_secrets(value: Any) -> Any:
    """Inputs as a preview shows them: no secret in the clear."""
    if isinstance(value, dict):
        return (
            "[secret]"
            if rpc._special_sig_key in value
            else {key: _without_secrets(item) for key, item in value.items()}
        )
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value


def _object(manifest: dict[str, Any]) -> str:
    """A Kubernetes object in one line: kind, name, and a hash of its content."""
    metadata = manifest["metadata"]
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']} {digest}"


def path(region: str) -> Path:
    """The file of a region's snapshot."""
    return FOLDER / f"{region}.yaml"


def main() -> None:
    """Regenerate all snapshots."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.yaml"):
        old.unlink()
    for region in FLEET.regions:
        path(region).write_text(text(recorded(region)))


if __name__ == "__main__":
    main()
