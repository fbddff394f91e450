"""The command line as a whole: its help, its exit codes, and text that stays text."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.table import Table
from typer.testing import CliRunner

import fleet
from fleet.console import Terminal
from regions.__main__ import app
from tests.repository import ROOT, write

ROOT_COMMAND: Any = typer.main.get_command(app)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that lead to it."""
    context = group.make_context(None, [], resilient_parsing=True)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(ROOT_COMMAND))


def examples(command: Any) -> list[str]:
    """The examples in a command's help."""
    lines = (command.epilog or "").splitlines()
    return [line.strip() for line in lines if line.startswith("  ")]


def names_on_disk(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_examples_that_it_accepts(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    lines = examples(command)
    assert lines
    for line in lines:
        inner = line.removeprefix('eval "$(').removesuffix(')"').partition(" | ")[0]
        words = shlex.split(inner, comments=True)
        assert words[0] == "regions"
        while words[1].startswith("--"):  # the options before the command
            del words[1:3]
        assert tuple(words[1 : 1 + len(path)]) == path, line
        command.make_context("example", words[1 + len(path) :], resilient_parsing=False)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_checkout_that_is_not_there_is_wrong_usage_in_every_command(path: tuple[str, ...], tmp_path: Path) -> None:
    arguments = shlex.split(examples(COMMANDS[path])[0].removeprefix('eval "$(').removesuffix(')"'), comments=True)[1:]
    missing = tmp_path / "missing"
    result = CliRunner().invoke(app, ["--checkout", str(missing), *arguments])
    assert result.exit_code == 2, result.output
    assert f"{missing} is not a folder" in result.stderr
    assert names_on_disk(tmp_path) == set()


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["region", "list"], ["validate"], ["drift"], ["ci-matrix", "deploy"], ["doctor", "a"], ["render", "a"]],
    ids=" ".join,
)
def test_a_folder_without_a_fleet_is_an_error(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--checkout", str(tmp_path), *arguments])
    assert result.exit_code == 1
    assert "waves.yaml" in result.stderr + str(result.exception)


def test_a_wrong_stack_file_stops_no_job_of_the_other_regions(tmp_path: Path) -> None:
    name = "stacks/Pulumi.staging-aws-eu-west-1.yaml"
    files = fleet.files(ROOT)
    write(tmp_path, files | {name: files[name].replace("wave: staging", "wave: stagin")})
    result = CliRunner().invoke(app, ["--checkout", str(tmp_path), "ci-matrix", "deploy"])
    assert result.exit_code == 0, result.output
    jobs = json.loads(result.stdout)["include"]
    regions = {name for job in jobs for name in job["regions"].split()}
    assert regions == fleet.read(ROOT).regions.keys() - {"staging-aws-eu-west-1"}
    assert "stacks/Pulumi.staging-aws-eu-west-1.yaml: regions:wave = stagin" in result.stderr


def test_without_the_sandboxs_packages_the_help_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "A fleet on one machine" in CliRunner().invoke(app, ["--help"]).stdout
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setitem(sys.modules, "sandbox.__main__", None)
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0, result.output
    assert "A fleet on one machine" not in result.stdout
    with pytest.raises(fleet.UserError, match=r"the sandbox needs .*pip install"):
        CliRunner().invoke(app, ["sandbox", "status"], catch_exceptions=False)


def test_the_version_is_the_projects() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout.strip()) == (0, version("regions"))


TRICKY = ("regions:wave: internal", "regions:cloud: aws :sparkles:", "[red]gone[/]", "[link=x]y[/link]", "\\[bold]")


@pytest.mark.parametrize("text", TRICKY)
def test_text_of_files_is_never_read_as_markup_or_emoji(text: str) -> None:
    stream = io.StringIO()
    terminal = Terminal(file=stream)
    terminal.text(text)
    terminal.text(("mark ", "red"), text)
    table = Table("column", box=None, show_header=False)
    table.add_row(text)
    terminal.print(table)
    first, second, row = stream.getvalue().splitlines()
    assert (first, second, row.strip()) == (text, f"mark {text}", text)


def test_where_no_terminal_is_nothing_is_wrapped() -> None:
    stream = io.StringIO()
    long = "stacks/Pulumi.a.yaml: regions:network = 10.0.0.0/16: taken. " * 20
    Terminal(file=stream).text(long)
    assert stream.getvalue() == f"{long}\n"
