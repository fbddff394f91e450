"""Removes files and folders of other programs."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Remove a folder with its contents, also folders that their owner may not list. A missing folder is no error.

    Argo CD's repo-server sets mode 0300 on the folder of its clones (reposerver/repository, `Init`). Raises OSError.
    """
    if not folder.exists():
        return
    os.chmod(folder, stat.S_IRWXU)
    for root, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(root, name)
            if not path.is_symlink():
                path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder)
