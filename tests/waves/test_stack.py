"""A region as a Stack of the Pulumi Kubernetes Operator fits the operator's definition, and never destroys a region."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

import fleet
from fleet.keys import wanted
from waves.stack import KIND, misfits, stack

FLEET = fleet.read(Path(__file__).resolve().parents[2])
REPOSITORY, BACKEND = "https://github.com/example/regions.git", "s3://example-state"
TEXT, FLAG = {"type": "string"}, {"type": "boolean"}
REFERENCE = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": TEXT,
        "secret": {"type": "object", "required": ["key", "name"], "properties": {"key": TEXT, "name": TEXT}},
    },
}
# The fields that are used here, as the operator's deploy/crds/pulumi.com_stacks.yaml has them. The whole file can be had from no
# registry: `waves stack REGION --crd FILE` checks against it.
SPEC = {
    "stack": TEXT, "projectRepo": TEXT, "branch": TEXT, "backend": TEXT, "secretsProvider": TEXT, "serviceAccountName": TEXT,
    "shallow": FLAG, "destroyOnFinalize": FLAG, "refresh": FLAG, "workspaceTemplate": {"type": "object"},
    "envRefs": {"type": "object", "additionalProperties": REFERENCE},
}  # fmt: skip


@pytest.fixture
def crd(tmp_path: Path) -> Path:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "required": ["stack"], "properties": SPEC}}}
    version = {"name": KIND[0].partition("/")[2], "schema": {"openAPIV3Schema": schema}}
    file = tmp_path / "stacks.yaml"
    file.write_text(
        yaml.safe_dump({"spec": {"group": "pulumi.com", "names": {"kind": KIND[1]}, "versions": [version]}})
    )
    return file


@pytest.mark.parametrize("name", FLEET.regions)
def test_every_region_fits_the_definition_and_is_never_destroyed(name: str, crd: Path) -> None:
    region = FLEET.regions[name]
    made = stack(region, REPOSITORY, BACKEND)
    assert misfits(made, crd) == []
    assert made["spec"]["branch"] == f"refs/heads/region/{name}"
    assert made["spec"]["destroyOnFinalize"] is False
    assert made["spec"]["envRefs"].keys() == wanted(region).keys()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"destroyOnFinalise": True}, "destroyOnFinalise: there is no such field"),
        ({"shallow": "yes"}, "spec.shallow"),
        ({"envRefs": {"A": {"secret": {"name": "x"}}}}, "spec.envRefs.A"),
    ],
)
def test_what_does_not_fit_is_said(change: dict[str, Any], words: str, crd: Path) -> None:
    made = deepcopy(stack(FLEET.regions["staging-gcp-us-central1"], REPOSITORY, BACKEND))
    made["spec"] |= change
    assert any(words in each for each in misfits(made, crd))


def test_another_file_than_the_definition_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("{}")
    made = stack(FLEET.regions["staging-gcp-us-central1"], REPOSITORY, BACKEND)
    assert "defines no Stack" in misfits(made, tmp_path / "x.yaml")[0]
