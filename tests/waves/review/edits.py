"""Random edits of a repository, the same ones for the same seed. Most are in files that only some regions read."""

from __future__ import annotations

import io
import re
import string
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from random import Random

SEED, NUMBER = "affected", 200
"""The seed and number of the edits that tests make of each commit, with an engine and without."""
Files = Mapping[str, bytes]
"""Path to contents."""


@dataclass(frozen=True)
class Edit:
    """A change of a few files."""

    name: str
    files: Mapping[str, bytes | None]
    """Path to the new contents. None: the file is removed."""


WHERE = {
    r"components/aws/cluster\.py": 9,
    r"components/aws/\w+\.py": 10,
    r"components/gcp/\w+\.py": 10,
    r"components/azure/\w+\.py": 12,
    r"stacks/Pulumi\..*": 24,
    r"components/(argo/|shared/)?[^/]+\.py": 6,
    r"components/upstream/.*": 2,
    r"fleet/.*": 4,
    r"policy/[^/]+\.(py|yaml)": 4,
    r"Pulumi\.yaml|waves\.yaml|policy/residency\.yaml": 10,
    r"__main__\.py|requirements\.txt": 1,
    r"(docs|gitops|flags|gates|front|waves|regions|sandbox|bench|tests)/.*|[^/]+": 12,
}
"""Patterns of paths, each with its weight in the random choice."""

LINES = {
    r"stacks/.*": (
        "  regions:suspended: true", "  regions:protect: false", "  regions:protect: true", "  regions:zones: [a, b, d]",
        "  regions:pollInterval: 5s", '  regions:kubernetesVersion: "1.34"', "  regions:tags: { team: red }",
        "  regions:applications: [influxdb, front]", "  regions:tenant: acme", "  regions:costCentre: research",
        "  regions:syncTimeout: 10m", "  regions:repository: https://git.example.com/other/fork.git",
        '  regions:githubApps: { status: { appId: "1000003", installationId: "2000003" } }',
        "  pulumi:disable-default-providers: [aws]", "encryptionsalt: v1:abc", "# A comment",
        "  regions:suspended: false", "  regions:nodePools: { more: { machineType: m7i.large, minNodes: 1, maxNodes: 2 } }",
    ),
    r"Pulumi\.yaml": (
        "  regions:suspended:\n    default: false", "  regions:pollInterval:\n    default: 4s",
        "  pulumi:tags:\n    value: { a: b }",
        "  regions:size:\n    default: medium", "  regions:protect:\n    type: boolean\n    default: false", "main: elsewhere",
    ),
    r"waves\.yaml": ("    windows: []", "    protect: true", "    secretsProvider: awskms://alias/x?region=eu-west-1",
                     "  - name: last\n    production: true\n    gate: none\n    trustedStatusCreators: []"),
    r"policy/residency\.yaml": ('globex: ["aws:eu-*"]', 'shared: ["gcp:*"]', 'acme: ["gcp:us-*"]'),
    r".*\.py": ("import os", "raise SystemExit('no')", "# A comment", "from components.aws import iam", "X = 1"),
}  # fmt: skip
"""Lines that an edit may add at the end of a file."""

NAMES = (
    "more.py",
    "json.py",
    "yaml.py",
    "aws_more.py",
    "__init__.py",
    "extra.yaml",
    "notes.md",
    "Pulumi.yml",
    ".gitattributes",
)
"""Names of new files."""


def edits(files: Files, seed: str, number: int) -> list[Edit]:
    """So many edits of these files, each independent of the others."""
    random = Random(seed)
    edits: list[Edit] = []
    while len(edits) < number:
        place = random.choices(list(WHERE), list(WHERE.values()))[0]
        path = random.choice([path for path in files if re.fullmatch(place, path)])
        make = random.choices(list(HOW), list(HOW.values()))[0]
        changed = make(files, path, random)
        if any(files.get(name) != content for name, content in changed.items()):
            edits.append(Edit(f"{make.__name__.strip('_')} {', '.join(changed)}", changed))
    return edits


def _literal(files: Files, path: str, random: Random) -> dict[str, bytes | None]:
    """Another number or another text, in code or elsewhere."""
    text = files[path].decode(errors="replace")
    words = _tokens(text) if path.endswith(".py") else [match.span() for match in re.finditer(r"[\w.-]+", text)]
    if not words:
        return {}
    start, end = random.choice(words)
    old = text[start:end]
    places = [number for number, letter in enumerate(old) if letter.isalnum()] or [0]
    at = random.choice(places)
    letters = string.digits if old[at].isdigit() else string.ascii_lowercase
    return {path: (text[:start] + old[:at] + random.choice(letters) + old[at + 1 :] + text[end:]).encode()}


def _tokens(text: str) -> list[tuple[int, int]]:
    """The places of the numbers and texts of a module, without docstrings."""
    lines = [0, *(match.end() for match in re.finditer("\n", text))]
    return [
        (lines[token.start[0] - 1] + token.start[1], lines[token.end[0] - 1] + token.end[1])
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type in (tokenize.NUMBER, tokenize.STRING) and not token.string.startswith('"""')
    ]


def _line_more(files: Files, path: str, random: Random) -> dict[str, bytes | None]:
    """A line at the end, with or without a meaning in that file."""
    fitting = next((lines for pattern, lines in LINES.items() if re.fullmatch(pattern, path)), ("x",))
    return {path: files[path].rstrip(b"\n") + b"\n" + random.choice(fitting).encode() + b"\n"}


def _line_less(files: Files, path: str, random: Random) -> dict[str, bytes | None]:
    lines = files[path].splitlines(keepends=True)
    number = random.randrange(max(len(lines), 1))
    return {path: b"".join(lines[:number] + lines[number + 1 :])}


def _less(files: Files, path: str, random: Random) -> dict[str, bytes | None]:
    return {path: None}


def _renamed(files: Files, path: str, random: Random) -> dict[str, bytes | None]:
    place = PurePosixPath(path)
    return {path: None, str(place.with_name(f"{place.stem}x{place.suffix}")): files[path]}


def _more(files: Files, path: str, random: Random) -> dict[str, bytes | None]:
    """A new file beside another one, or a new region beside a region."""
    if not path.startswith("stacks/"):
        return {str(PurePosixPath(path).with_name(random.choice(NAMES))): files[path]}
    network = f"10.{random.randrange(256)}.0.0/16".encode()
    return {"stacks/Pulumi.new-region.yaml": re.sub(rb"10\.\d+\.0\.0/16", network, files[path])}


def _moved(files: Files, path: str, random: Random) -> dict[str, bytes | None]:
    """A module's contents in a new module, which the old one imports."""
    place = PurePosixPath(path)
    if place.suffix != ".py" or len(place.parts) == 1:
        return {}
    new = place.with_name(f"{place.stem}_parts.py")
    return {str(new): files[path], path: f"from {'.'.join(new.parent.parts)}.{new.stem} import *\n".encode()}


HOW: Mapping[Callable[[Files, str, Random], dict[str, bytes | None]], int] = {
    _literal: 60,
    _line_more: 16,
    _line_less: 10,
    _less: 4,
    _renamed: 3,
    _more: 5,
    _moved: 2,
}
"""Kinds of edits, each with its weight in the random choice."""
