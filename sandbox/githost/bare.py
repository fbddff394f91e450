"""The simulated GitHub's own work in its bare repository, by real git: read branches, and merge."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "GitHub"), ("EMAIL", "noreply@github.com"))
}


class MergeRefusedError(Exception):
    """Git refused. The text is git's message."""


class BareRepository:
    """A bare repository."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir

    def head(self, branch: str) -> str:
        """The commit of a branch. Empty if there is no such branch."""
        try:
            return self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        except MergeRefusedError:
            return ""

    def contains(self, commit: str, sha: str) -> bool:
        """Whether a commit's history has another commit."""
        try:
            self._git("merge-base", "--is-ancestor", sha, commit)
        except MergeRefusedError:
            return False
        return True

    def merge(self, branch: str, sha: str, message: tuple[str, str], squash: bool) -> str:
        """Merge a commit into a branch. Returns the new commit. Raises MergeRefusedError on a conflict."""
        onto = self.head(branch)
        tree = self._git("merge-tree", "--write-tree", onto, sha)
        parents = ["-p", onto, *([] if squash else ["-p", sha])]
        commit = self._git("commit-tree", tree, *parents, *(part for text in message for part in ("-m", text)))
        self._git("update-ref", f"refs/heads/{branch}", commit, onto)
        return commit

    def _git(self, *arguments: str) -> str:
        command = ["git", "--git-dir", str(self._git_dir), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **_AUTHOR})
        if result.returncode != 0:
            raise MergeRefusedError(result.stderr.strip())
        return result.stdout.strip()
