"""Copies of this checkout's files, for edits."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.repository import ROOT
from tests.waves.review.edits import Edit

ORIGIN = "https://git.example.com/platform/regions.git"


def copy_checkout(folder: Path) -> None:
    """Copy the checkout's files as they are into a folder, without the files that git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    for name in names:
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


class Copy:
    """A copy of the repository, in which the program runs and edits are made."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        copy_checkout(root)
        # The program's virtual environment, by its path in Pulumi.yaml, is not in git.
        (root / ".venv").symlink_to(ROOT / ".venv")
        for command in (["init", "--quiet"], ["remote", "add", "origin", ORIGIN]):
            subprocess.run(["git", *command], cwd=root, check=True)

    @contextmanager
    def after(self, edit: Edit) -> Iterator[None]:
        """The copy with an edit, which is undone at the end."""
        paths = {self.root / path: content for path, content in edit.files.items()}
        before = {path: path.read_bytes() if path.exists() else None for path in paths}
        try:
            _write(paths)
            yield
        finally:
            _write(before)


def _write(files: Mapping[Path, bytes | None]) -> None:
    for path, content in files.items():
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content)
