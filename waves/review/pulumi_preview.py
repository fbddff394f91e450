"""Runs Pulumi's previews of regions, and parses the engine's event log: steps, policy violations, errors.

Sources: pulumi.com, `pulumi preview`, and for the event log github.com/pulumi/pulumi, sdk/go/common/apitype/events.go.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

import fleet

NO_STACK = "no stack named"
"""Pulumi's words for a stack that does not exist yet."""
VALUE_LENGTH = 200
"""Characters of a value. A longer one is truncated."""
_REPLACEMENT = {"create-replacement", "delete-replaced", "discard-replaced", "replace"}
"""The operations of one replacement, which count as one `replace`."""
_SECRET = re.compile("KEY|SECRET|TOKEN|PASSPHRASE|PASSWORD")
"""Names of variables that hold a secret."""
MIN_SECRET_LENGTH = 8
"""Characters of a secret that is masked. A shorter one would match ordinary text."""
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's placeholder for a value that only the update computes: sdk/go/common/resource/plugin/rpc.go."""
QUIET = {"same", "read", "refresh", "discard"}
"""Operations without a change."""


@dataclass(frozen=True)
class Field:
    """One property that a step changes. An absent value is None. A secret is `[secret]`, as in the engine's log."""

    path: str
    before: str | None
    after: str | None
    forces: bool = False
    """Whether the change of this property forces a replacement."""


@dataclass(frozen=True)
class Step:
    """An operation on one resource."""

    op: str
    """create, update, replace, delete, import, …"""
    type: str
    name: str
    protected: bool
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class PolicyViolation:
    """A violation of a policy by a resource, from the engine's log."""

    policy: str
    level: str
    """mandatory or advisory."""
    message: str
    resource: str


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
    def counted(self) -> str:
        """The same in words: `2 to create, 1 to update`."""
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
    error = "" if code == 0 or (mandatory and not errors) else masked(reason, os.environ)
    return Preview(
        region.name, region.wave.name, region.settings.cloud, error, new, steps, violations, time.monotonic() - started
    )


def parse_events(
    events: Iterable[Mapping[str, Any]],
) -> tuple[tuple[Step, ...], tuple[PolicyViolation, ...], list[str]]:
    """The steps of the engine's events that change a resource, the policies' violations, and the errors. Pure."""
    log = _Log()
    for event in events:
        for kind, read in _READERS.items():
            if kind in event:
                read(log, event[kind])
    return tuple(log.steps.values()), tuple(dict.fromkeys(log.violations)), list(dict.fromkeys(log.errors))


@dataclass
class _Log:
    """The events that were read."""

    steps: dict[tuple[str, str], Step] = field(default_factory=dict)
    """Operation and URN to step. The first event of a step counts."""
    violations: list[PolicyViolation] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def _read_planned_step(log: _Log, event: Mapping[str, Any]) -> None:
    metadata = event["metadata"]
    op = "replace" if metadata["op"] in _REPLACEMENT else metadata["op"]
    if op not in QUIET:
        log.steps.setdefault((op, metadata["urn"]), _step(op, metadata))


def _read_refreshed_step(log: _Log, event: Mapping[str, Any]) -> None:
    """Only this event has the differences that a refresh finds."""
    metadata = event["metadata"]
    if metadata["op"] in ("update", "delete"):
        log.steps.setdefault((metadata["op"], metadata["urn"]), _step(metadata["op"], metadata))


def _read_violation(log: _Log, event: Mapping[str, Any]) -> None:
    message, resource = _plain(event["message"]).strip(), _name(event.get("resourceUrn", ""))
    log.violations.append(PolicyViolation(event["policyName"], event["enforcementLevel"], message, resource))


def _read_error(log: _Log, event: Mapping[str, Any]) -> None:
    if event.get("severity") != "error":
        return
    name, text = _name(event.get("urn", "")), _plain(event["message"]).strip()
    if text and not text.startswith("preview failed"):
        log.errors.append(f"{name}: {text}" if name else text)


_READERS: Mapping[str, Callable[[_Log, Mapping[str, Any]], None]] = {
    "resourcePreEvent": _read_planned_step,
    "resOutputsEvent": _read_refreshed_step,
    "policyEvent": _read_violation,
    "diagnosticEvent": _read_error,
}
"""Kind of event to its reader. Events of other kinds are left out."""


def masked(text: str, environment: Mapping[str, str]) -> str:
    """A text without the secrets of the environment. Each line of a secret is masked by itself."""
    for name, value in environment.items():
        for line in value.splitlines() if _SECRET.search(name) else []:
            if len(line) >= MIN_SECRET_LENGTH and not line.startswith("-----"):
                text = text.replace(line, "[secret]")
    return text


def _step(op: str, metadata: Mapping[str, Any]) -> Step:
    old, new = metadata.get("old") or {}, metadata.get("new") or {}
    before = {**(old.get("outputs") or {}), **(old.get("inputs") or {})}
    after = {**(new.get("outputs") or {}), **(new.get("inputs") or {})}
    detailed = metadata.get("detailedDiff") or {}
    forcing = {path for path, diff in detailed.items() if diff["diffKind"].endswith("-replace")} | set(
        metadata.get("keys") or []
    )
    fields = [
        Field(path, _value(before, path), _value(after, path), path in forcing)
        for path in sorted(detailed or metadata.get("diffs") or [])
        if old and new
    ]
    return Step(op, metadata["type"], _name(metadata["urn"]), bool((old or new).get("protect")), tuple(fields))


def _value(values: Any, path: str) -> str | None:
    """The value at a property path in the engine's form: `a.b[0]["c d"]`."""
    for part in _parts(path):
        if isinstance(values, list):
            values = values[int(part)] if part.isdigit() and int(part) < len(values) else None
        else:
            values = values.get(part) if isinstance(values, dict) else values
        if values is None:
            return None
    text = values if isinstance(values, str) else json.dumps(values, sort_keys=True)
    text = text.replace(_UNKNOWN, "(not known yet)")
    return text if len(text) <= VALUE_LENGTH else f"{text[:VALUE_LENGTH]}…"


def _parts(path: str) -> list[str]:
    parts, rest = [], path
    while rest:
        if rest.startswith('["'):
            part, _, rest = rest[2:].partition('"]')
        elif rest.startswith("["):
            part, _, rest = rest[1:].partition("]")
        else:
            ends = [at for at in (rest.find("."), rest.find("[")) if at > 0]
            end = min(ends, default=len(rest))
            part, rest = rest[:end], rest[end:]
        parts.append(part)
        rest = rest.removeprefix(".")
    return parts


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _plain(text: str) -> str:
    """A text without the engine's colour marks: `<{%fg 1%}>`."""
    while "<{%" in text:
        head, _, rest = text.partition("<{%")
        text = head + rest.partition("%}>")[2]
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
