"""The git side of the host, through the git command, in any clone. The clone's own branches and files stay as they are.

## How a push stays atomic

1. `snapshot` reads main, the regions' branches and the ledger by one `git ls-remote`: they belong to one moment.
2. `_record` writes the new ledger as a commit on top of the ledger that was read. No ref moves yet.
3. `push` puts a lease on each moved branch and on the ledger: `--force-with-lease` with the commit that was read.
4. `git push --atomic` moves all refs or none. Every push moves the ledger, so only one of two concurrent pushes succeeds.
5. A lost lease returns False, and the caller reads again. Any other rejection raises GitError.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import fleet
from waves.rollout import ledger as ledgers
from waves.rollout.conductor import Snapshot
from waves.rollout.model import Commit, Ledger, Member, Move, Release

HEADS = "refs/heads/"
MAIN = "refs/heads/main"
REGIONS = "refs/heads/region/"
LEDGER = "refs/waves/ledger"
LEDGER_FILE = "ledger.json"
"""Refs of the remote, and the ledger's file in its commits."""
HISTORY = 5000
"""Commits of main that are read. A region further behind counts as not on main, and needs a person."""
_LOST_LEASE = (
    "stale info",
    "fetch first",
    "non-fast-forward",
    "already exists",
    "cannot lock ref",
    "failed to update ref",
    "atomic",
)
"""Git's words for a ref that moved since it was read."""


class GitError(fleet.UserError):
    """Git failed. The text quotes git's error."""


@dataclass(frozen=True)
class LedgerEntry:
    """One change of the ledger, out of its log."""

    commit: str
    by: str
    at: datetime
    text: str
    ledger: Ledger


class GitRefs:
    """A remote repository, accessed from a clone of it."""

    def __init__(self, checkout: Path, remote: str = "origin", env: Mapping[str, str] | None = None) -> None:
        """`env` extends the environment of each git command, for example by its credentials."""
        self._checkout = checkout
        self.remote = remote
        self._env = dict(env or {})
        self._releases: dict[tuple[str, ...], Release] = {}

    def snapshot(self) -> Snapshot:
        """Read main, the regions' branches and the ledger, all by one `git ls-remote`. Raises GitError, LedgerError."""
        refs = self.list_refs(MAIN, f"{REGIONS}*", LEDGER)
        if MAIN not in refs:
            raise GitError(f"{self.remote} has no branch main. Push one, or name another remote")
        tip = refs.get(LEDGER)
        self._fetch_missing({name: oid for name, oid in refs.items() if name in (MAIN, LEDGER)})
        history = self._git("rev-list", "--first-parent", f"--max-count={HISTORY}", refs[MAIN]).split()
        branches = {name.removeprefix(REGIONS): oid for name, oid in refs.items() if name.startswith(REGIONS)}
        return Snapshot(tuple(history), branches, self._ledger(tip) if tip else Ledger(), tip)

    def ledger(self) -> Ledger:
        """The ledger alone, without main's history. Raises GitError, LedgerError."""
        tip = self.list_refs(LEDGER).get(LEDGER)
        if not tip:
            return Ledger()
        self._fetch_missing({LEDGER: tip})
        return self._ledger(tip)

    def release(self, commit: Commit) -> Release:
        """The fleet of a commit's files. Commits with the same files are read once."""
        blobs = self._blobs(commit, fleet.PLACES)
        key = tuple(f"{path} {oid}" for path, oid in sorted(blobs.items()))
        if key not in self._releases:
            self._releases[key] = as_release("", fleet.load(self._texts(blobs)))
        release = self._releases[key]
        return Release(commit, release.waves, release.members, release.problem)

    def files(self, commit: Commit, places: Sequence[str]) -> dict[str, str]:
        """The texts of a commit's files at some places, path to text. Raises GitError."""
        return self._texts(self._blobs(commit, places))

    def push(
        self, moves: Sequence[Move], ledger: Ledger, tip: str | None, subject: str,
        by: tuple[str, str] | None = None, at: datetime | None = None,
    ) -> bool:  # fmt: skip
        """Move branches and ledger in one atomic push, each under a lease on where it was read.

        False if a ref has moved since: then nothing was changed. Raises GitError if the host cannot be reached.
        """
        commit = self._record(ledger, tip, subject, by, at)
        leases = [f"--force-with-lease={REGIONS}{move.region}:{move.old or ''}" for move in moves]
        leases.append(f"--force-with-lease={LEDGER}:{tip or ''}")
        refspecs = [*(f"{move.new}:{REGIONS}{move.region}" for move in moves), f"{commit}:{LEDGER}"]
        return self._push(leases, refspecs)

    def heads(self, *branches: str) -> dict[str, Commit]:
        """The commits of the remote's branches. A missing branch is left out. Raises GitError."""
        refs = self.list_refs(*(f"{HEADS}{branch}" for branch in branches))
        self._fetch_missing(refs)
        return {name.removeprefix(HEADS): oid for name, oid in refs.items()}

    def list_refs(self, *names: str) -> dict[str, Commit]:
        """The commits of the remote's refs by name or pattern (`*`). A missing ref is left out. Raises GitError."""
        lines = self._git("ls-remote", self.remote, *names).splitlines()
        return {name: oid for oid, _, name in (line.partition("\t") for line in lines)}

    def fetch_commit(self, commit: Commit) -> None:
        """Fetch a commit that is missing here, into a shallow clone such as CI's without its history. Raises GitError."""
        if self._run(["cat-file", "-e", commit]).returncode == 0:
            return
        shallow = self._git("rev-parse", "--is-shallow-repository").strip() == "true"
        depth = ["--depth=1"] if shallow else []
        self._git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *depth, self.remote, commit)

    def merge_base(self, commit: Commit, other: Commit) -> Commit:
        """The last common commit of two histories. Raises GitError if they have none."""
        return self._git("merge-base", commit, other).strip()

    def contains(self, commit: str, other: Commit) -> bool:
        """Whether a commit has another one in its history. False if the clone does not have the commit."""
        return self._run(["merge-base", "--is-ancestor", other, commit]).returncode == 0

    def last_change(self, commit: Commit, places: Sequence[str]) -> Commit:
        """The last commit up to this one that changed a file at some places. Raises GitError."""
        return self._git("log", "-1", "--format=%H", commit, "--", *places).strip()

    def commit_files(self, base: Commit, files: Mapping[str, str], message: str, by: tuple[str, str]) -> Commit:
        """A commit on top of another one with these files, path to text. No branch moves. Raises GitError."""
        with TemporaryDirectory() as scratch:
            env = {"GIT_INDEX_FILE": str(Path(scratch) / "index"), **_identity_env(by)}
            self._git("read-tree", base, env=env)
            for path, text in files.items():
                blob = self._git("hash-object", "-w", "--stdin", text=text).strip()
                self._git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
            tree = self._git("write-tree", env=env).strip()
            return self._git("commit-tree", tree, "-p", base, "-F", "-", text=message, env=env).strip()

    def push_branch(self, branch: str, commit: Commit, old: Commit | None) -> bool:
        """Put a branch of the remote on a commit. False if the branch moved since it was read. Raises GitError."""
        return self._push([f"--force-with-lease={HEADS}{branch}:{old or ''}"], [f"{commit}:{HEADS}{branch}"])

    def log(self, tip: str | None) -> list[LedgerEntry]:
        """Every change of the ledger, the newest first."""
        if tip is None:
            return []
        entries = []
        for record in self._git("log", "-z", "--format=%H%x1f%an%x1f%aI%x1f%B", tip).split("\0"):
            if record:
                commit, by, at, text = record.split("\x1f", 3)
                entries.append(LedgerEntry(commit, by, datetime.fromisoformat(at), text.strip(), self._ledger(commit)))
        return entries

    def resolve(self, word: str) -> Commit:
        """A full commit id from a name that a person types. Raises GitError."""
        try:
            return self._git("rev-parse", "--verify", "--quiet", f"{word}^{{commit}}").strip()
        except GitError:
            raise GitError(f"{word} is no commit that is known here. Run `git fetch`, or give more of its id") from None

    def _push(self, leases: Sequence[str], refspecs: Sequence[str]) -> bool:
        """Push all refs or none. False if a lease is lost."""
        result = self._run(["push", "--atomic", "--porcelain", "--no-verify", *leases, self.remote, *refspecs])
        if result.returncode == 0:
            return True
        rejected = [line for line in result.stdout.splitlines() if line.startswith("!")]
        if rejected and any(word in line for line in rejected for word in _LOST_LEASE):
            return False
        raise GitError(f"git push to {self.remote} failed: {result.stderr.strip() or result.stdout.strip()}")

    def _ledger(self, commit: str) -> Ledger:
        return ledgers.parse(self._git("show", f"{commit}:{LEDGER_FILE}"))

    def _record(
        self, ledger: Ledger, tip: str | None, subject: str, by: tuple[str, str] | None, at: datetime | None
    ) -> str:
        blob = self._git("hash-object", "-w", "--stdin", text=ledgers.dump(ledger)).strip()
        tree = self._git("mktree", text=f"100644 blob {blob}\t{LEDGER_FILE}\n").strip()
        env = _identity_env(by or ("waves", "waves@localhost"))
        if at is not None:
            env |= {"GIT_AUTHOR_DATE": ledgers.iso(at), "GIT_COMMITTER_DATE": ledgers.iso(at)}
        parents = ["-p", tip] if tip else []
        return self._git("commit-tree", tree, *parents, "-F", "-", text=subject + "\n", env=env).strip()

    def _fetch_missing(self, refs: Mapping[str, str]) -> None:
        """Fetch missing commits, without a change of the clone's refs."""
        missing = [name for name, oid in refs.items() if self._run(["cat-file", "-e", oid]).returncode]
        if missing:
            self._git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", self.remote, *missing)

    def _blobs(self, commit: Commit, places: Sequence[str]) -> dict[str, str]:
        """Path to blob of a commit's files."""
        blobs = {}
        for line in self._git("ls-tree", "-r", "-z", commit, *places).split("\0"):
            if line:
                _, _, oid_and_path = line.split(" ", 2)
                oid, _, path = oid_and_path.partition("\t")
                blobs[path] = oid
        return blobs

    def _texts(self, blobs: Mapping[str, str]) -> dict[str, str]:
        """The contents of blobs, path to text."""
        texts = contents(self._checkout, blobs)
        return {path: content.decode(errors="replace") for path, content in texts.items()}

    def _git(self, *arguments: str, text: str | None = None, env: Mapping[str, str] | None = None) -> str:
        return git(self._checkout, *arguments, text=text, env={**self._env, **(env or {})})

    def _run(self, arguments: Iterable[str]) -> subprocess.CompletedProcess[str]:
        return _run(self._checkout, arguments, env=self._env)


def _identity_env(by: tuple[str, str]) -> dict[str, str]:
    """The environment with a commit's author and committer."""
    name, email = by
    return {
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
    }


def git(checkout: Path, *arguments: str, text: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """The output of a git command. Raises GitError with git's own words."""
    result = _run(checkout, arguments, text, env)
    if result.returncode != 0:
        raise GitError(f"`git {' '.join(arguments[:2])}` failed: {result.stderr.strip()}")
    return result.stdout


def contents(checkout: Path, blobs: Mapping[str, str]) -> dict[str, bytes]:
    """The contents of blobs, path to bytes, by one process. Raises GitError if a blob is missing."""
    request = "".join(f"{oid}\n" for oid in blobs.values()).encode()
    command = ["git", "cat-file", "--batch"]
    result = subprocess.run(command, cwd=checkout, input=request, capture_output=True)
    if result.returncode != 0:
        raise GitError(f"`git cat-file` failed: {result.stderr.decode(errors='replace').strip()}")
    blob_contents, at = {}, 0
    for path in blobs:
        end = result.stdout.index(b"\n", at)
        oid, *header = result.stdout[at:end].split()
        if len(header) != 2:
            raise GitError(f"the contents of {path} are not here: git has no {oid.decode()}. Run `git fetch`")
        at = end + 1 + int(header[1]) + 1
        blob_contents[path] = result.stdout[end + 1 : at - 1]
    return blob_contents


def _run(
    checkout: Path, arguments: Iterable[str], text: str | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    quiet = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return subprocess.run(
        ["git", *arguments], cwd=checkout, input=text, capture_output=True, text=True, errors="surrogateescape",
        env={**os.environ, **quiet, **(env or {})},
    )  # fmt: skip


def as_release(commit: Commit, model: fleet.Fleet) -> Release:
    """A fleet as the planner's model has it."""
    members: dict[str, tuple[Member, ...]] = {wave.name: () for wave in model.waves}
    for region in model.in_waves():
        settings = region.settings
        size = sum(pool.max_nodes for pool in settings.pools.values())
        windows, login = tuple(settings.change_windows), settings.github_apps.status.login or ""
        members[region.wave.name] += (Member(region.name, size, settings.suspended, windows, login),)
    problem = "\n".join(str(problem) for problem in model.problems)
    return Release(commit, model.waves, members, problem)
