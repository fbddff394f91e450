"""Runs the jobs of a GitHub workflow on this machine: their `run` steps as they are, in bash, with GitHub's variables.

Actions for artifacts are simulated. Actions that set up or sign in do nothing here. Any other action is an error.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

IDLE = (
    "actions/checkout", "actions/setup-python", "actions/create-github-app-token", "sigstore/cosign-installer",
    "./.github/actions/setup", "./.github/actions/sign-in",
)  # fmt: skip
_EXPRESSION = re.compile(r"\$\{\{\s*(?P<text>.*?)\s*\}\}")


@dataclass
class Workflow:
    """One workflow of a checkout, and the results of its jobs."""

    checkout: Path
    name: str
    env: Mapping[str, str]
    github: Mapping[str, str]
    """The values of expressions under `github.`."""
    values: Mapping[str, str]
    """The values of other expressions, by the whole expression."""
    scratch: Path
    outputs: dict[str, str] = field(default_factory=dict)
    """`job.name` to value."""
    summary: str = ""
    log: str = ""
    """The output of all steps."""

    def __post_init__(self) -> None:
        text = (self.checkout / ".github" / "workflows" / f"{self.name}.yml").read_text()
        self._jobs: dict[str, Any] = yaml.safe_load(text)["jobs"]

    def matrix(self, job: str) -> list[dict[str, str]]:
        """The jobs of a job's matrix, from the output in its expression."""
        path = re.fullmatch(
            r"\$\{\{ fromJson\(needs\.(\w+)\.outputs\.(\w+)\) \}\}", self._jobs[job]["strategy"]["matrix"]
        )
        assert path
        jobs: list[dict[str, str]] = json.loads(self.outputs[f"{path[1]}.{path[2]}"])["include"]
        return jobs

    def run(self, job: str, matrix: Mapping[str, str] | None = None, index: int = 0) -> int:
        """Run a job's steps until one fails. Later steps with `always()` run all the same. Returns the first failed exit code."""
        code = 0
        for step in self._jobs[job]["steps"]:
            if code and step.get("if") != "always()":
                continue
            values = {f"github.{key}": value for key, value in self.github.items()}
            values |= {f"matrix.{key}": value for key, value in (matrix or {}).items()}
            values |= {"strategy.job-index": str(index), "github.token": self.env["GITHUB_TOKEN"], **self.values}
            if "uses" in step:
                self._use(step, values)
            elif not step["run"].startswith("pip install"):
                code = self._run_step(job, step, values) or code
        return code

    def _use(self, step: Mapping[str, Any], values: Mapping[str, str]) -> None:
        action, inputs = step["uses"].partition("@")[0], step.get("with") or {}
        if action == "actions/upload-artifact":
            folder = self.scratch / "artifacts" / _filled(inputs["name"], values)
            if (self.checkout / inputs["path"]).exists():
                shutil.move(self.checkout / inputs["path"], folder)
        elif action == "actions/download-artifact":
            for folder in (self.scratch / "artifacts").glob(inputs["pattern"]):
                shutil.copytree(folder, self.checkout / inputs["path"], dirs_exist_ok=True)
        else:
            assert action in IDLE, f"{action} is not simulated here"

    def _run_step(self, job: str, step: Mapping[str, Any], values: Mapping[str, str]) -> int:
        output, summary = self.scratch / "output", self.scratch / "summary"
        output.write_text("")
        summary.write_text("")
        env = {key: _filled(value, values) for key, value in (step.get("env") or {}).items()}
        env |= {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        assert "${{" not in step["run"], "text of other people must not become a part of the script"
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        result = subprocess.run(
            command, cwd=self.checkout, env={**os.environ, **self.env, **env}, capture_output=True, text=True
        )
        self.outputs |= {
            f"{job}.{name}": value
            for name, _, value in (line.partition("=") for line in output.read_text().splitlines())
        }
        self.summary += summary.read_text()
        self.log += result.stdout + result.stderr
        return result.returncode


def _filled(text: Any, values: Mapping[str, str]) -> str:
    """A text with its expressions replaced. An unknown expression fails the test."""
    return _EXPRESSION.sub(lambda match: values[match["text"]], str(text))
