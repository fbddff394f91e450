"""Every line of the baseline holds in every shipped region, and docs/reference/baseline.md tells of the same lines."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.components.baseline import LINES, Line, holds, met
from tests.components.recording import Recorded
from tests.repository import ROOT

TITLES = {"EKS": "aws", "GKE": "gcp", "AKS": "azure"}
DOCUMENT = ROOT / "docs" / "reference" / "baseline.md"


@pytest.mark.parametrize("line", [pytest.param(each, id=f"{each.cloud}: {each.text}") for each in LINES])
def test_a_line_of_the_baseline_holds_in_every_shipped_region(
    line: Line, record_property: Callable[[str, object], None]
) -> None:
    assert met(line)
    record_property(f"lines of the baseline met, {line.cloud}", 1)


@pytest.mark.parametrize("production", [True, False])
def test_no_line_holds_where_there_is_nothing(production: bool) -> None:
    nothing = Recorded([], {}, [])
    assert [line.text for line in LINES if holds(line, nothing, production)] == []


def test_the_document_has_the_same_lines() -> None:
    told: dict[str, list[str]] = {}
    for section in DOCUMENT.read_text().split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        if title in TITLES:
            told[TITLES[title]] = [
                row for row in re.findall(r"^\| ([^|]+?) \|", body, re.MULTILINE) if row not in ("line", "---")
            ]
    assert told == {cloud: [line.text for line in LINES if line.cloud == cloud] for cloud in TITLES.values()}


def test_the_files_that_the_document_names_exist() -> None:
    root = DOCUMENT.parents[2]
    named = set(re.findall(r"`([\w/]+\.py)`", DOCUMENT.read_text()))
    assert named
    assert [name for name in named if not (root / name).exists()] == []
