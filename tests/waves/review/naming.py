"""The result of `regions affected` for edits."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from fleet.load import read
from tests.repository import ROOT
from tests.waves.review.copies import copy_checkout
from tests.waves.review.edits import Edit
from waves.review import affected
from waves.scm.tree import Tree

REGIONS = read(ROOT).regions


def tree(folder: Path) -> Tree:
    """The text files of the checkout. The folder gets a copy of all files."""
    copy_checkout(folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return _tree({path: content for path, content in contents.items() if b"\0" not in content})


def edited(old: Tree, edit: Edit) -> Tree:
    """A tree after an edit."""
    files = {**old.contents, **edit.files}
    return _tree({path: content for path, content in files.items() if content is not None})


def _tree(files: Mapping[str, bytes]) -> Tree:
    return Tree({path: f"100644 {hashlib.sha1(content).hexdigest()}" for path, content in files.items()}, files)


def named(old: Tree, new: Tree) -> frozenset[str]:
    """The regions that `regions affected` names."""
    return frozenset(region.region for region in affected.between(old, new).regions)


def left_alone(new: Tree, named: Collection[str]) -> list[str]:
    """The shipped regions that remain after an edit and are not named."""
    return [name for name in REGIONS if name not in named and f"stacks/Pulumi.{name}.yaml" in new.blobs]
