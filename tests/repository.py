"""The checkout that the tests belong to."""

from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, by their paths in a repository, into a folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
