"""`regions check`: the fleet as a table, or every problem of its files."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

import fleet
from tests.repository import ROOT, write
from waves.cli.app import app

AWS = "stacks/Pulumi.staging-aws-eu-west-1.yaml"


def check(checkout: Path, *arguments: str) -> Result:
    """Run the command on a checkout."""
    return CliRunner().invoke(app, ["--checkout", str(checkout), "check", *arguments])


def test_the_shipped_fleet_is_a_table() -> None:
    result = check(ROOT)
    assert result.exit_code == 0
    assert "staging-azure-eastus" in result.stdout


def test_every_problem_is_named(tmp_path: Path) -> None:
    files = fleet.files(ROOT)
    files[AWS] = files[AWS].replace("wave: staging", "wave: nowhere")
    write(tmp_path, {path: text.replace("cloud: gcp", "cloud: ibm") for path, text in files.items()})
    result = check(tmp_path)
    assert result.exit_code == 1
    assert "nowhere" in result.stderr
    assert "ibm" in result.stderr
    data = check(tmp_path, "--json")
    assert data.exit_code == 1
    assert json.loads(data.stdout)["problems"]
