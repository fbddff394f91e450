"""What a region's preview and update read of the repository besides settings: the program, the policies, and their data.

Told from the modules' imports, without running them. Whatever cannot be told counts as read.
"""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import get_args

import fleet
from fleet.base import Cloud
from fleet.document import parse
from fleet.load import PROJECT_FILE, WAVES_FILE
from fleet.residency import RESIDENCY_FILE
from waves.trees import Tree

ALL = frozenset[str](get_args(Cloud))
"""A file that is read in every cloud."""
PROGRAM = "__main__.py"
STARTS = (PROGRAM, "policy/__main__.py")
"""What Pulumi runs: the program, and `--policy-pack policy`."""
PLACES = ("components/", "fleet/", "policy/")
"""What is here is read by all, unless it is a module that only some clouds' regions import."""
FILES = ("requirements.txt", ".python-version", ".gitattributes")
"""Further files of the root: what the program is run with, and how git writes files."""
SETTINGS = (PROJECT_FILE, WAVES_FILE, RESIDENCY_FILE)
"""Not read as they are, and nor are stack files: waves/sides.py has what they say of each region."""

_HERE = "waves/reads.py"
CHOICE = "components/region.py"
"""The one module that may choose what to import while it runs, by the table CLUSTERS and in these words."""
CHOICE_WORDS = ("module, component = CLUSTERS[region.settings.cloud]", "import_module(module)")
CHOICE_NAMES = {"CLUSTERS": 2, "module": 2, "import_module": 1}
CHOICE_LOADERS = ("import_module", "import_module", "importlib")
LOADERS = frozenset({"__import__", "eval", "exec", "import_module", "importlib", "pkgutil", "runpy", "zipimport"})
"""With these a module can import another without an `import` of it."""
PROJECT_KEYS = frozenset(
    {"name", "description", "runtime", "runtime.options.virtualenv", "stackConfigDir", "config"}
    | {"author", "website", "license"}
)
"""The keys of Pulumi.yaml that point to no file which is not known here. `main` and `plugins` would, for example."""


def readers(tree: Tree) -> dict[str, frozenset[str]]:
    """Path to the clouds whose regions read the file; what no region reads is left out.

    All files for all clouds, where it cannot be told what the program reads.
    """
    everything = dict.fromkeys(tree.blobs, ALL)
    if not _known(tree):
        return everything
    reached = {cloud: frozenset[str]() for cloud in ALL}
    if PROGRAM in tree.blobs:
        table = _clusters(tree.contents.get(CHOICE, b""))
        if table is None:
            return everything
        reached |= {cloud: _closure(tree, [*STARTS, *_files(module)]) for cloud, module in table.items()}
    found = {}
    for path in tree.blobs:
        clouds = frozenset(cloud for cloud, paths in reached.items() if path in paths)
        if clouds or _read_by_all(path):
            found[path] = clouds or ALL
    loaders = {path: _loaders(tree.contents.get(path, b"")) for path in frozenset[str]().union(*reached.values())}
    if any(names != (CHOICE_LOADERS if path == CHOICE else ()) for path, names in loaders.items()):
        return everything
    return everything if any(map(tree.is_link, found)) else found


def is_running(tree: Tree) -> bool:
    """Whether files are judged here by their own code: by what reads settings in them, and by their own form of this module."""
    code = {
        path: text
        for path, text in tree.contents.items()
        if (path.endswith(".py") and path.startswith("fleet/")) or path == _HERE
    }
    return code == _running() or not any(path.startswith("fleet/") for path in code)


def _known(tree: Tree) -> bool:
    """Whether the files are laid out as this module knows it."""
    if any(
        tree.is_link(path) for path in tree.blobs if path.isidentifier() or path.startswith((*PLACES, *fleet.PLACES))
    ):
        return False
    project, _ = parse(PROJECT_FILE, tree.contents.get(PROJECT_FILE, b"").decode(errors="replace"))
    if not project:
        return True
    runtime = project.get("runtime")
    if not isinstance(runtime, dict) or runtime.get("name") != "python":
        return False
    options = runtime.get("options") or {}
    named = {*project, *(f"runtime.options.{key}" for key in options)}
    return named <= PROJECT_KEYS and project.get("stackConfigDir") == "stacks"


@cache
def _running() -> Mapping[str, bytes]:
    package = Path(fleet.__file__).parent
    code = {path.relative_to(package.parent).as_posix(): path.read_bytes() for path in package.rglob("*.py")}
    return {**code, _HERE: Path(__file__).read_bytes()}


def _read_by_all(path: str) -> bool:
    place = PurePosixPath(path)
    if path in SETTINGS:
        return False
    if len(place.parts) == 1:  # a module here stands before one of that name that is installed
        return path in FILES or path.startswith("Pulumi.") or place.suffix in (".py", ".pyc", ".so", ".pyd")
    return path.startswith(PLACES)


def _closure(tree: Tree, starts: Iterable[str]) -> frozenset[str]:
    """The modules that some modules import, and those that these import, and so on: the files that are there."""
    found, todo = set[str](), list(starts)
    while todo:
        path = todo.pop()
        if path in tree.blobs and path not in found:
            found.add(path)
            names = _imports(tree.contents.get(path, b""), PurePosixPath(path).parts[:-1])
            todo += [file for name in names for file in (_inside(tree, name) if name[-1] == "*" else _files(name))]
    return frozenset(found)


@cache
def _imports(source: bytes, package: tuple[str, ...]) -> frozenset[str]:
    """The dotted names that a module of a package imports, wherever in it. What it takes out of a module is one, too."""
    found = set[str]()
    for node in _nodes(source):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{start}.{alias.name}".lstrip(".") for alias in node.names}
    return frozenset(found)


def _files(name: str) -> Iterator[str]:
    """Where a module may be, and the packages that it is in."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        place = "/".join(parts[:end])
        yield from (f"{place}.py", f"{place}/__init__.py")


def _inside(tree: Tree, name: str) -> Iterator[str]:
    """All modules of the package in `from package import *`, and the package."""
    package = name.removesuffix(".*")
    yield from _files(package)
    yield from (path for path in tree.contents if path.startswith(package.replace(".", "/") + "/"))


def _clusters(source: bytes) -> Mapping[str, str] | None:
    """Cloud to the module of its own, if a table is all that decides; else None."""
    nodes = _nodes(source)
    said = Counter(ast.unparse(node) for node in nodes if isinstance(node, ast.Assign | ast.Call))
    names = Counter(node.id for node in nodes if isinstance(node, ast.Name))
    tables = [
        node.value for node in nodes if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CLUSTERS"
    ]
    if len(tables) != 1 or any(said[words] != 1 for words in CHOICE_WORDS):
        return None
    if any(names[name] != times for name, times in CHOICE_NAMES.items()):
        return None
    try:
        return {str(cloud): str(module) for cloud, (module, _) in ast.literal_eval(tables[0]).items()}
    except (ValueError, TypeError, AttributeError):
        return None


@cache
def _loaders(source: bytes) -> tuple[str, ...]:
    """The names in a module by which it may import others without saying which; `?` if it cannot be read."""
    nodes = _nodes(source)
    found = [] if nodes else ["?"]
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            words = ".".join([*(alias.name for alias in node.names), getattr(node, "module", None) or ""]).split(".")
            found += [word for word in words if word in LOADERS]
        elif isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            found += [name] if name in LOADERS else []
    return tuple(sorted(found))


@lru_cache(maxsize=256)
def _nodes(source: bytes) -> tuple[ast.AST, ...]:
    """All nodes of a module's syntax; none if it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes and the like
            return tuple(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
