"""Files as git knows them, of a commit or of a checkout as it is: what each is told apart by, and what some of them say."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from waves.scm.git import contents, git

LINKS = ("120000", "160000")
"""The modes of a symbolic link and of another repository inside of this one."""


@dataclass(frozen=True)
class Tree:
    """All files of one moment."""

    blobs: Mapping[str, str]
    """Path to mode and blob: the same as long as the file is."""
    contents: Mapping[str, bytes]
    """Path to contents, of those files that were asked for."""

    def is_link(self, path: str) -> bool:
        """Whether what is at a path is said by another one."""
        return self.blobs[path].startswith(LINKS)


def read(checkout: Path, tree: str, wanted: Callable[[str], bool]) -> Tree:
    """A commit's files, or a tree's, with the contents of the wanted ones. Raises GitError."""
    blobs = {}
    for line in git(checkout, "ls-tree", "-r", "-z", "--full-tree", tree).split("\0"):
        if line:
            entry, _, path = line.partition("\t")
            mode, _, oid = entry.split(" ")
            # A name that is no UTF-8 is written so that it can be printed.
            blobs[path.encode(errors="surrogateescape").decode(errors="backslashreplace")] = f"{mode} {oid}"
    texts = {path: blob.partition(" ")[2] for path, blob in blobs.items() if wanted(path) and blob[:6] not in LINKS}
    return Tree(blobs, contents(checkout, texts))


def here(checkout: Path) -> str:
    """The files of a checkout as they are, new ones too unless they are ignored, as a tree in git. Raises GitError.

    The checkout's own index is left alone.
    """
    index = checkout / git(checkout, "rev-parse", "--git-path", "index").strip()
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "index"
        if index.exists():
            # With its time: git takes a file that is as old as the index for one that may have changed since.
            shutil.copy2(index, copy)
        env = {"GIT_INDEX_FILE": str(copy)}
        git(checkout, "add", "--all", "--", ":/", env=env)
        return git(checkout, "write-tree", env=env).strip()
