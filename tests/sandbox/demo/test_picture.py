"""The demo's picture shows text as it is, and loads nothing from anywhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from rich.table import Table

from sandbox.demo.picture import svg


def test_the_picture_is_svg_that_refers_to_no_other_host() -> None:
    table = Table("region", box=None)
    table.add_row("staging-aws-eu-west-1")
    text = svg("make demo", ["  regions:wave: staging [red]", "x" * 500], table)
    ElementTree.fromstring(text)
    assert "staging-aws-eu-west-1" in text
    assert "regions:wave:" in text
    addresses = set(re.findall(r"https?://[^\s\"')]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
