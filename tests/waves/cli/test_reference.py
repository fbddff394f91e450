"""The reference pages agree with the code."""

from __future__ import annotations

import subprocess
import sys

from fleet.reference import page
from tests.repository import ROOT

FOLDER = ROOT / "docs" / "reference"


def test_the_page_of_the_settings_is_the_models_own() -> None:
    assert (FOLDER / "settings.md").read_text() == page(), "`make reference` writes it"


def test_the_page_of_the_command_line_is_its_own_help() -> None:
    arguments = ["utils", "docs", "--name", "regions", "--title", "Command line"]
    command = [sys.executable, "-m", "typer", "regions.__main__", *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == (FOLDER / "cli.md").read_text().strip(), "`make reference` writes it"
