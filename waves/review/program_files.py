"""Which regions read a file of the repository, settings left aside: a rule on paths.

Pulumi runs `__main__.py` and the policy pack. These import `fleet/`, `policy/` and `components/`, and of the clouds' packages
below `components/` the region's own alone. import-linter and ruff hold that (pyproject.toml), so a path is all that has to be
looked at. Where the files are not laid out as this rule knows them, each region reads every file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import get_args

import fleet
from fleet.base import Cloud
from fleet.document import parse
from fleet.load import PROJECT_FILE, WAVES_FILE
from fleet.residency import RESIDENCY_FILE
from waves.scm.tree import Tree

ALL = frozenset[str](get_args(Cloud))
"""The clouds of a file that every region reads."""
NOBODY = frozenset[str]()
PROGRAM = ("components", "fleet", "policy")
"""The folders of the program."""
APART = frozenset(
    (
        "bench",
        "bootstrap",
        "docs",
        "flags",
        "front",
        "gates",
        "gitops",
        "regions",
        "sandbox",
        "stacks",
        "tests",
        "waves",
    )
)
"""The folders that the program does not import: the linter's contracts. A new folder may hide a package, and counts as read."""
FILES = ("requirements.txt", ".python-version", ".gitattributes")
"""Further files of the root: what the program is run with, and how git writes files."""
SETTINGS = (PROJECT_FILE, WAVES_FILE, RESIDENCY_FILE)
"""Not read as they are, and nor are stack files: region_settings.py compares each region's settings."""
MODULES = (".py", ".pyc", ".so", ".pyd")
"""Endings that Python imports. A module of the root comes before an installed one of its name."""
PROJECT_KEYS = frozenset(
    {"name", "description", "runtime", "runtime.options.virtualenv", "stackConfigDir", "config"}
    | {"author", "website", "license"}
)
"""The keys of Pulumi.yaml that name no other file. `main` and `plugins` would, for example."""

_HERE = "waves/review/program_files.py"


def clouds_of(path: str) -> frozenset[str]:
    """The clouds whose regions read a file as it is."""
    folder, *inside = PurePosixPath(path).parts
    if path in SETTINGS or folder in APART:
        return NOBODY
    if not inside:
        is_read = path in FILES or path.startswith("Pulumi.") or path.endswith(MODULES)
        return ALL if is_read else NOBODY
    if folder == "components" and len(inside) > 1 and inside[0] in ALL:
        return frozenset((inside[0],))
    return ALL if folder in PROGRAM or path.endswith(MODULES) else NOBODY


def clouds_by_file(tree: Tree) -> dict[str, frozenset[str]]:
    """Path to the clouds whose regions read the file. A file that no region reads is left out.

    All files for all clouds, where the files are not laid out as the rule knows them.
    """
    clouds = {path: readers for path in tree.blobs if (readers := clouds_of(path))}
    if not _is_known_layout(tree) or any(map(tree.is_link, clouds)):
        return dict.fromkeys(tree.blobs, ALL)
    return clouds


def is_running(tree: Tree) -> bool:
    """Whether a tree's own code judges it here: its `fleet/`, which reads settings, and its form of this module."""
    code = {
        path: text
        for path, text in tree.contents.items()
        if (path.endswith(".py") and path.startswith("fleet/")) or path == _HERE
    }
    return code == _running() or not any(path.startswith("fleet/") for path in code)


def _is_known_layout(tree: Tree) -> bool:
    """Whether Pulumi runs the program of the root, and no link leads elsewhere."""
    places = tuple(f"{folder}/" for folder in PROGRAM) + tuple(fleet.PLACES)
    if any(tree.is_link(path) for path in tree.blobs if path.isidentifier() or path.startswith(places)):
        return False
    project, _ = parse(PROJECT_FILE, tree.contents.get(PROJECT_FILE, b"").decode(errors="replace"))
    if not project:
        return True
    runtime = project.get("runtime")
    if not isinstance(runtime, dict) or runtime.get("name") != "python":
        return False
    options = runtime.get("options") or {}
    keys = {*project, *(f"runtime.options.{key}" for key in options)}
    return keys <= PROJECT_KEYS and project.get("stackConfigDir") == "stacks"


@cache
def _running() -> Mapping[str, bytes]:
    package = Path(fleet.__file__).parent
    code = {path.relative_to(package.parent).as_posix(): path.read_bytes() for path in package.rglob("*.py")}
    return {**code, _HERE: Path(__file__).read_bytes()}
