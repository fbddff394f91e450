"""Trees are removed, also when other programs have changed the modes of their folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from sandbox.machine.files import remove_tree

NOBODY = 65534


def as_ordinary_user(run: Callable[[], object]) -> int:
    """Run a function in a child process that is not root. Returns the exit code: 0 without an exception."""
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(NOBODY)
            run()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_folder_that_its_owner_may_not_list_is_removed_by_an_ordinary_user() -> None:
    parent = Path(mkdtemp(dir="/tmp"))
    folder = parent / "cluster"
    clones = folder / "_argocd-repo"
    (clones / "a").mkdir(parents=True)
    (clones / "a" / "file").write_text("1")
    (folder / "link").symlink_to("/")
    if os.geteuid() == 0:
        for path in (parent, folder, clones, clones / "a"):
            os.chown(path, NOBODY, NOBODY)
    clones.chmod(0o300)
    assert as_ordinary_user(lambda: list(clones.iterdir())) == 1, "the mode means something to this user"
    assert as_ordinary_user(lambda: remove_tree(folder)) == 0
    assert list(parent.iterdir()) == []
    parent.rmdir()


def test_a_missing_folder_is_no_error(tmp_path: Path) -> None:
    remove_tree(tmp_path / "missing")
