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
DEFINITION = Path(__file__).with_name("upstream") / "pulumi.com_stacks.yaml"
"""The operator's own: deploy/crds/pulumi.com_stacks.yaml of the Go module github.com/pulumi/pulumi-kubernetes-operator, v1.16.0.

No later version is to be had from a registry."""
VERSION_2 = {
    "serviceAccountName": {"type": "string"},
    "shallow": {"type": "boolean"},
    "workspaceTemplate": {"type": "object"},
}
"""What a Stack uses of the fields that version 2 adds to it, as docs/stacks.md there has them."""


@pytest.fixture(scope="module")
def crd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    definition = yaml.load(DEFINITION.read_text(), Loader=yaml.CSafeLoader)
    (version,) = (each for each in definition["spec"]["versions"] if each["name"] == KIND[0].partition("/")[2])
    fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert not fields.keys() & VERSION_2.keys()
    fields.update(VERSION_2)
    file = tmp_path_factory.mktemp("crd") / "stacks.yaml"
    file.write_text(yaml.dump(definition, Dumper=yaml.CSafeDumper))
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
        ({"stack": None}, "spec.stack"),
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
