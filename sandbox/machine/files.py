"""Removes what other programs have left on disk."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it, also folders that their owner may not list. A missing folder is fine. Raises OSError.

    Argo CD's repo-server takes the right to list from the folder of its clones: mode 0300 (reposerver/repository, `Init`).
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
