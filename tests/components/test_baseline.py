"""Every line of the baseline holds in every shipped region, and docs/reference/baseline.md has the same lines."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.components.baseline import LINES, Line, holds, met
from tests.components.recording import RecordedRegion
from tests.repository import ROOT

TITLES = {"EKS": "aws", "GKE": "gcp", "AKS": "azure"}
DOCUMENT = ROOT / "docs" / "reference" / "baseline.md"


@pytest.mark.parametrize("line", [pytest.param(line, id=f"{line.cloud}: {line.text}") for line in LINES])
def test_a_line_of_the_baseline_holds_in_every_shipped_region(
    line: Line, record_property: Callable[[str, object], None]
) -> None:
    assert met(line)
    record_property(f"lines of the baseline met, {line.cloud}", 1)


@pytest.mark.parametrize("production", [True, False])
def test_no_line_holds_where_there_is_nothing(production: bool) -> None:
    nothing = RecordedRegion([], {}, [])
    assert [line.text for line in LINES if holds(line, nothing, production)] == []


def test_the_document_has_the_same_lines() -> None:
    documented: dict[str, list[str]] = {}
    for section in DOCUMENT.read_text().split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        if title in TITLES:
            documented[TITLES[title]] = [
                row for row in re.findall(r"^\| ([^|]+?) \|", body, re.MULTILINE) if row not in ("line", "---")
            ]
    assert documented == {cloud: [line.text for line in LINES if line.cloud == cloud] for cloud in TITLES.values()}


def test_the_files_that_the_document_names_exist() -> None:
    root = DOCUMENT.parents[2]
    files = set(re.findall(r"`([\w/]+\.py)`", DOCUMENT.read_text()))
    assert files
    assert [name for name in files if not (root / name).exists()] == []
