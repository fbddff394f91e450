"""Runs the jobs of a GitHub workflow on this machine: their `run` steps as they are, in bash, with what GitHub would give.

Of actions, those for artifacts are stood in for; those that set up or sign in are not needed here, and any other is an error.
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
    """One workflow of a checkout, and what its jobs left behind."""

    checkout: Path
    name: str
    env: Mapping[str, str]
    github: Mapping[str, str]
    """What its expressions find under `github.`."""
    given: Mapping[str, str]
    """What else they find: the whole expression, to its value."""
    scratch: Path
    outputs: dict[str, str] = field(default_factory=dict)
    """`job.name` to value."""
    summary: str = ""
    said: str = ""
    """What all steps printed."""

    def __post_init__(self) -> None:
        text = (self.checkout / ".github" / "workflows" / f"{self.name}.yml").read_text()
        self._jobs: dict[str, Any] = yaml.safe_load(text)["jobs"]

    def matrix(self, job: str) -> list[dict[str, str]]:
        """The jobs that the matrix of a job makes, out of the output that it names."""
        path = re.fullmatch(
            r"\$\{\{ fromJson\(needs\.(\w+)\.outputs\.(\w+)\) \}\}", self._jobs[job]["strategy"]["matrix"]
        )
        assert path
        found: list[dict[str, str]] = json.loads(self.outputs[f"{path[1]}.{path[2]}"])["include"]
        return found

    def run(self, job: str, matrix: Mapping[str, str] | None = None, index: int = 0) -> int:
        """Run a job's steps until one fails; those that run `always()` run all the same. The first exit code that is not 0."""
        code = 0
        for step in self._jobs[job]["steps"]:
            if code and step.get("if") != "always()":
                continue
            values = {f"github.{key}": value for key, value in self.github.items()}
            values |= {f"matrix.{key}": value for key, value in (matrix or {}).items()}
            values |= {"strategy.job-index": str(index), "github.token": self.env["GITHUB_TOKEN"], **self.given}
            if "uses" in step:
                self._used(step, values)
            elif not step["run"].startswith("pip install"):
                code = self._ran(job, step, values) or code
        return code

    def _used(self, step: Mapping[str, Any], values: Mapping[str, str]) -> None:
        action, given = step["uses"].partition("@")[0], step.get("with") or {}
        if action == "actions/upload-artifact":
            place = self.scratch / "artifacts" / _filled(given["name"], values)
            if (self.checkout / given["path"]).exists():
                shutil.move(self.checkout / given["path"], place)
        elif action == "actions/download-artifact":
            for place in (self.scratch / "artifacts").glob(given["pattern"]):
                shutil.copytree(place, self.checkout / given["path"], dirs_exist_ok=True)
        else:
            assert action in IDLE, f"{action} is not known here"

    def _ran(self, job: str, step: Mapping[str, Any], values: Mapping[str, str]) -> int:
        output, summary = self.scratch / "output", self.scratch / "summary"
        output.write_text("")
        summary.write_text("")
        env = {key: _filled(value, values) for key, value in (step.get("env") or {}).items()}
        env |= {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        assert "${{" not in step["run"], "what others write must not become a part of the script"
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            command, cwd=self.checkout, env={**os.environ, **self.env, **env}, capture_output=True, text=True
        )
        self.outputs |= {
            f"{job}.{name}": value
            for name, _, value in (line.partition("=") for line in output.read_text().splitlines())
        }
        self.summary += summary.read_text()
        self.said += done.stdout + done.stderr
        return done.returncode


def _filled(text: Any, values: Mapping[str, str]) -> str:
    """A text with its expressions replaced. One that is not known fails the test."""
    return _EXPRESSION.sub(lambda found: values[found["text"]], str(text))
