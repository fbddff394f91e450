"""The golden renderings are what is rendered now, and no part of the library can change without changing one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.gitops.golden import FOLDER, REGIONS, golden
from tests.repository import ROOT
from waves.review.render import RenderError, sources

FILES = sources(ROOT)
LITERAL = re.compile(r"//[^\n]*|(?P<text>'[^'\n]*')|(?<![\w.])(?P<number>\d+)(?![\w.])|\b(?P<word>true|false)\b")
"""Comments, which are passed over; texts, numbers and truths, each of which is changed in turn."""
SLEEP = "gitops/lib/suspend.libsonnet"
"""No golden region is suspended: tests/gitops/test_rendering.py has what it does."""


@pytest.mark.parametrize("region", REGIONS)
def test_a_golden_region_is_rendered_as_it_was(region: str) -> None:
    assert golden(region, FILES) == (FOLDER / f"{region}.yaml").read_text(), "`make snapshots` writes it anew"


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """A file with one literal changed, again and again, and where."""
    for found in LITERAL.finditer(text):
        kind = found.lastgroup
        if kind is None:
            continue
        was = found[0]
        now = {"text": f"'x{was[1:]}", "number": f"{was}7", "word": "false" if was == "true" else "true"}[kind]
        line = text.count("\n", 0, found.start()) + 1
        yield f"line {line}: {was} -> {now}", text[: found.start()] + now + text[found.end() :]


@pytest.mark.slow
@pytest.mark.parametrize("file", [name for name in FILES if name.startswith("gitops/lib/") and name != SLEEP])
def test_no_literal_of_the_library_can_change_unseen(file: str) -> None:
    kept = {region: (FOLDER / f"{region}.yaml").read_text() for region in REGIONS}
    unseen, tried = [], 0

    def seen(changed: str) -> bool:
        try:
            return any(golden(region, {**FILES, file: changed}) != kept[region] for region in REGIONS)
        except RenderError:
            return True

    for where, changed in mutants(FILES[file]):
        tried += 1
        if not seen(changed):
            unseen.append(where)
    assert tried > 20
    assert unseen == []
