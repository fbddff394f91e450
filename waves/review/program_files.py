"""The regions that read a file of the repository, settings excepted: a rule on paths.

Pulumi runs `__main__.py` and the policy pack. These import `fleet/`, `policy/` and `components/`. Of the clouds' packages
below `components/` they import only the region's own. import-linter and ruff check that (pyproject.toml), so the path decides.
Where this rule does not know the layout of the files, each region reads every file.
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
NO_CLOUD = frozenset[str]()
"""The clouds of a file that no region reads."""
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
"""The folders that the program does not import, by the linter's contracts. A new folder counts as read: it may be a package."""
FILES = ("requirements.txt", ".python-version", ".gitattributes")
"""Further files of the root: the program's packages and Python, and git's rules for writing files."""
SETTINGS = (PROJECT_FILE, WAVES_FILE, RESIDENCY_FILE)
"""Files that, like stack files, are compared as settings, in region_settings.py."""
MODULES = (".py", ".pyc", ".so", ".pyd")
"""Endings that Python imports. A module of the root comes before an installed one of its name."""
PROJECT_KEYS = frozenset(
    {"name", "description", "runtime", "runtime.options.virtualenv", "stackConfigDir", "config"}
    | {"author", "website", "license"}
)
"""The keys of Pulumi.yaml that name no other file. `main` and `plugins` would, for example."""

_HERE = "waves/review/program_files.py"


def clouds_of(path: str) -> frozenset[str]:
    """The clouds whose regions read a file unparsed."""
    folder, *inside = PurePosixPath(path).parts
    if path in SETTINGS or folder in APART:
        return NO_CLOUD
    if not inside:
        is_read = path in FILES or path.startswith("Pulumi.") or path.endswith(MODULES)
        return ALL if is_read else NO_CLOUD
    if folder == "components" and len(inside) > 1 and inside[0] in ALL:
        return frozenset((inside[0],))
    return ALL if folder in PROGRAM or path.endswith(MODULES) else NO_CLOUD


def clouds_by_file(tree: Tree) -> dict[str, frozenset[str]]:
    """Path to the clouds whose regions read the file. A file that no region reads is left out.

    All files for all clouds, where the rule does not know the layout of the files.
    """
    clouds = {path: readers for path in tree.blobs if (readers := clouds_of(path))}
    if not _is_known_layout(tree) or any(map(tree.is_link, clouds)):
        return dict.fromkeys(tree.blobs, ALL)
    return clouds


def is_running(tree: Tree) -> bool:
    """Whether this process runs a tree's own code: `fleet/`, which reads settings, and this module."""
    code = {
        path: text
        for path, text in tree.contents.items()
        if (path.endswith(".py") and path.startswith("fleet/")) or path == _HERE
    }
    return code == _running() or not any(path.startswith("fleet/") for path in code)


def _is_known_layout(tree: Tree) -> bool:
    """Whether Pulumi runs the program of the root, and no symbolic link leads elsewhere."""
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
