"""Copies of this checkout's files, to change something in."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.repository import ROOT
from tests.waves.review.edits import Edit

ORIGIN = "https://git.example.com/platform/regions.git"


def copied(folder: Path) -> None:
    """Put the checkout's files as they are into a folder, without what git ignores."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    for name in names:
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


class Copy:
    """A copy of the repository that the program runs in, and that edits are made in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        copied(root)
        # Where Pulumi.yaml has the program's virtual environment, which is not in git.
        (root / ".venv").symlink_to(ROOT / ".venv")
        for command in (["init", "--quiet"], ["remote", "add", "origin", ORIGIN]):
            subprocess.run(["git", *command], cwd=root, check=True)

    @contextmanager
    def after(self, edit: Edit) -> Iterator[None]:
        """The copy with an edit, which is taken back again."""
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
