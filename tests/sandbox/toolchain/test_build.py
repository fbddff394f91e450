"""A tool whose source is changed before it is built: the edit fits exactly once, or nothing is built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.machine.errors import SandboxError
from sandbox.toolchain import build
from sandbox.toolchain.tools import TOOLS

WORKFLOWS = next(tool for tool in TOOLS if tool.module == "argo-workflows")


@pytest.mark.toolchain
def test_a_patched_tool_is_built_from_a_changed_copy_and_upstreams_own_stays_as_it_is(tmp_path: Path) -> None:
    (patch,) = WORKFLOWS.patches
    folder = build._patched(WORKFLOWS, tmp_path)
    assert f"{patch.module} => {tmp_path}" in (folder / "go.mod").read_text()
    assert patch.after in (tmp_path / "source" / patch.file).read_text()
    original = build.downloaded(WORKFLOWS.folder, f"{patch.module}@{WORKFLOWS.version}") / patch.file
    assert patch.before in original.read_text()


@pytest.mark.toolchain
def test_a_patch_that_no_longer_fits_is_an_error_that_names_it(tmp_path: Path) -> None:
    (patch,) = WORKFLOWS.patches
    with pytest.raises(SandboxError, match=r"'no such text' is not once in cmd/workflow-controller/main\.go"):
        build._patched(replace(WORKFLOWS, patches=(replace(patch, before="no such text"),)), tmp_path)


def test_a_patch_is_part_of_the_key_in_the_cache() -> None:
    assert build._key(WORKFLOWS) != build._key(replace(WORKFLOWS, patches=()))
