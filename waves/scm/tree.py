"""The files of a commit, or of a checkout as it is: each file's blob, and the contents of some."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from waves.scm.git import contents, git

LINK_MODES = ("120000", "160000")
"""Git's modes of symbolic links and of submodules."""


@dataclass(frozen=True)
class Tree:
    """All files of one moment."""

    blobs: Mapping[str, str]
    """Path to mode and blob, which differ when the file does."""
    contents: Mapping[str, bytes]
    """Path to contents, of the selected files."""

    def is_link(self, path: str) -> bool:
        """Whether a path is a symbolic link or a submodule."""
        return self.blobs[path].startswith(LINK_MODES)


def read(checkout: Path, tree: str, select: Callable[[str], bool]) -> Tree:
    """A commit's files, or a tree's, with the contents of the selected ones. Raises GitError."""
    blobs = {}
    for line in git(checkout, "ls-tree", "-r", "-z", "--full-tree", tree).split("\0"):
        if line:
            entry, _, path = line.partition("\t")
            mode, _, oid = entry.split(" ")
            # A name that is not UTF-8 gets a printable form.
            blobs[path.encode(errors="surrogateescape").decode(errors="backslashreplace")] = f"{mode} {oid}"
    texts = {
        path: blob.partition(" ")[2] for path, blob in blobs.items() if select(path) and blob[:6] not in LINK_MODES
    }
    return Tree(blobs, contents(checkout, texts))


def checkout_tree(checkout: Path) -> str:
    """A tree in git of the files of a checkout as they are, also of new files that are not ignored. Raises GitError.

    The checkout's own index stays as it is.
    """
    index = checkout / git(checkout, "rev-parse", "--git-path", "index").strip()
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "index"
        if index.exists():
            # copy2 keeps the index's time. Git rereads files that are as old as the index.
            shutil.copy2(index, copy)
        env = {"GIT_INDEX_FILE": str(copy)}
        git(checkout, "add", "--all", "--", ":/", env=env)
        return git(checkout, "write-tree", env=env).strip()
