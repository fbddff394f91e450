"""Runs Pulumi's previews of regions. Source: pulumi.com, `pulumi preview`."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

import fleet
from waves.review.engine_events import Field, PolicyViolation, Step, parse_events

NO_STACK = "no stack named"
"""Pulumi's words for a stack that does not exist yet."""
_SECRET = re.compile("KEY|SECRET|TOKEN|PASSPHRASE|PASSWORD")
"""Names of variables that hold a secret."""
MIN_SECRET_LENGTH = 8
"""Characters of a secret that is masked. A shorter one would match ordinary text."""


@dataclass(frozen=True)
class Preview:
    """The preview of one region. With an `error`, the steps that the engine had logged before it."""

    region: str
    wave: str
    cloud: str
    error: str = ""
    """Why the preview failed. Empty if it did not."""
    new: bool = False
    """Whether the region has no stack yet."""
    steps: tuple[Step, ...] = ()
    violations: tuple[PolicyViolation, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def counts(self) -> dict[str, int]:
        """Operation to number of resources."""
        return dict(Counter(step.op for step in self.steps))

    @property
    def summary(self) -> str:
        """The counts in words: `2 to create, 1 to update`."""
        return ", ".join(f"{number} to {op}" for op, number in sorted(self.counts.items()))

    @property
    def blocked(self) -> bool:
        """Whether the preview blocks the change: it failed, breaks a mandatory policy, or deletes a protected resource."""
        return bool(
            self.error
            or [violation for violation in self.violations if violation.level == "mandatory"]
            or [step for step in self.steps if step.protected and step.op in ("delete", "replace")]
        )

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Preview:
        """The inverse of `asdict`."""
        steps = [Step(**{**step, "fields": tuple(Field(**data) for data in step["fields"])}) for step in data["steps"]]
        violations = tuple(PolicyViolation(**violation) for violation in data["violations"])
        return cls(**{**data, "steps": tuple(steps), "violations": violations})


def previews(checkout: Path, regions: Iterable[fleet.Region], parallel: int) -> Iterator[Preview]:
    """Preview each region from a checkout, `parallel` at a time, in the order of the regions."""
    with ThreadPoolExecutor(parallel) as pool:
        try:
            for future in [pool.submit(preview, checkout, region) for region in regions]:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def preview(checkout: Path, region: fleet.Region, refresh: bool = False) -> Preview:
    """Preview the `pulumi up` of one region, or with `refresh` its `pulumi refresh`."""
    started = time.monotonic()
    with TemporaryDirectory(prefix="preview-") as scratch:
        log = Path(scratch) / "events.json"
        command = ["refresh", "--preview-only"] if refresh else ["preview", "--policy-pack", "policy"]
        # Pulumi may write to the stack's file, so it gets a copy.
        settings = Path(copy(checkout / region.file, scratch))
        command += ["--stack", region.name, "--config-file", str(settings)]
        command += ["--suppress-outputs", "--event-log", str(log)]
        # For --event-log, as in Pulumi's own Automation API. A stack that CI made keeps its encrypted key in its state.
        env = {
            **os.environ,
            "PULUMI_DEBUG_COMMANDS": "true",
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        }
        code, output = _pulumi(command, checkout, env)
        new = code != 0 and NO_STACK in output
        if new and not refresh:
            # A preview must not write to the state's backend, so a new region's stack is made in an empty one.
            env |= _empty_backend(Path(scratch), checkout, region)
            code, output = _pulumi(command, checkout, env)
        events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    steps, violations, errors = parse_events(events)
    reason = "\n".join(errors) or output.strip() or f"pulumi ended with exit code {code}"
    mandatory = any(violation.level == "mandatory" for violation in violations)
    # Violations of mandatory policies end a preview too, and are reported by themselves.
    error = "" if code == 0 or (mandatory and not errors) else mask_secrets(reason, os.environ)
    return Preview(
        region.name, region.wave.name, region.settings.cloud, error, new, steps, violations, time.monotonic() - started
    )


def mask_secrets(text: str, environment: Mapping[str, str]) -> str:
    """A text without the secrets of the environment. Each line of a secret is masked by itself."""
    for name, value in environment.items():
        for line in value.splitlines() if _SECRET.search(name) else []:
            if len(line) >= MIN_SECRET_LENGTH and not line.startswith("-----"):
                text = text.replace(line, "[secret]")
    return text


def _pulumi(arguments: list[str], folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    try:
        result = subprocess.run(
            command, cwd=folder, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except FileNotFoundError:
        return 127, "pulumi is not on PATH"
    return result.returncode, result.stderr or result.stdout


def _empty_backend(scratch: Path, checkout: Path, region: fleet.Region) -> dict[str, str]:
    """The environment of a local backend with the region's stack, which is empty."""
    backend, project = scratch / "backend", scratch / "project"
    for folder in (backend, project / "stacks"):
        folder.mkdir(parents=True)
    copy(checkout / "Pulumi.yaml", project)  # `stack init` writes to the stack file: not to the checkout's
    env = {
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": secrets.token_urlsafe(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": "",
    }
    _pulumi(["stack", "init", "--no-select", "--stack", region.name], project, {**os.environ, **env})
    return env
