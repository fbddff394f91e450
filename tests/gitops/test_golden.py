"""The golden renderings are current, and every change of the library changes one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.gitops.golden import FOLDER, REGIONS, golden
from tests.repository import ROOT
from waves.review.render import RenderError, sources

FILES = sources(ROOT)
LITERAL = re.compile(r"//[^\n]*|(?P<text>'[^'\n]*')|(?<![\w.])(?P<number>\d+)(?![\w.])|\b(?P<word>true|false)\b")
"""Comments, which `mutants` skips, and texts, numbers and truth values, which it changes one by one."""
SUSPEND = "gitops/lib/suspend.libsonnet"
"""No golden region is suspended. tests/gitops/test_rendering.py tests the suspension."""


@pytest.mark.parametrize("region", REGIONS)
def test_a_golden_region_is_rendered_as_it_was(region: str) -> None:
    assert golden(region, FILES) == (FOLDER / f"{region}.yaml").read_text(), (
        "the rendering changed: `make snapshots` writes the new one"
    )


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """The place of each literal, and the file with that literal changed."""
    for literal in LITERAL.finditer(text):
        kind = literal.lastgroup
        if kind is None:
            continue
        was = literal[0]
        now = {"text": f"'x{was[1:]}", "number": f"{was}7", "word": "false" if was == "true" else "true"}[kind]
        line = text.count("\n", 0, literal.start()) + 1
        yield f"line {line}: {was} -> {now}", text[: literal.start()] + now + text[literal.end() :]


@pytest.mark.slow
@pytest.mark.parametrize("file", [name for name in FILES if name.startswith("gitops/lib/") and name != SUSPEND])
def test_no_literal_of_the_library_can_change_unseen(file: str) -> None:
    golden_texts = {region: (FOLDER / f"{region}.yaml").read_text() for region in REGIONS}
    unseen, attempts = [], 0

    def seen(changed: str) -> bool:
        try:
            return any(golden(region, {**FILES, file: changed}) != golden_texts[region] for region in REGIONS)
        except RenderError:
            return True

    for where, changed in mutants(FILES[file]):
        attempts += 1
        if not seen(changed):
            unseen.append(where)
    assert attempts > 20
    assert unseen == []
