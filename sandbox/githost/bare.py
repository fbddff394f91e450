"""What the simulated GitHub itself does in its bare repository, by real git: look at branches, and merge."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "GitHub"), ("EMAIL", "noreply@github.com"))
}


class RefusedError(Exception):
    """Git said no; the text has its words."""


class Bare:
    """A bare repository."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir

    def at(self, branch: str) -> str:
        """Where a branch is; empty if there is none."""
        try:
            return self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        except RefusedError:
            return ""

    def contains(self, commit: str, sha: str) -> bool:
        """Whether a commit has another one in its history."""
        try:
            self._git("merge-base", "--is-ancestor", sha, commit)
        except RefusedError:
            return False
        return True

    def merge(self, branch: str, sha: str, message: tuple[str, str], squash: bool) -> str:
        """Merge a commit into a branch; the result is the new commit. Raises RefusedError on a conflict."""
        onto = self.at(branch)
        tree = self._git("merge-tree", "--write-tree", onto, sha)
        parents = ["-p", onto, *([] if squash else ["-p", sha])]
        commit = self._git("commit-tree", tree, *parents, *(word for text in message for word in ("-m", text)))
        self._git("update-ref", f"refs/heads/{branch}", commit, onto)
        return commit

    def _git(self, *arguments: str) -> str:
        command = ["git", "--git-dir", str(self._git_dir), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **_AUTHOR})
        if result.returncode != 0:
            raise RefusedError(result.stderr.strip())
        return result.stdout.strip()
