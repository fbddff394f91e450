"""Runs Pulumi's previews of regions, and takes in what its engine says: steps, verdicts of policies, errors.

Source: pulumi.com, `pulumi preview`; github.com/pulumi/pulumi, sdk/go/common/apitype/events.go for the event log.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

import fleet

NO_STACK = "no stack named"
"""What Pulumi says of a stack that is not there yet."""
VALUE_LENGTH = 200
"""Characters of a value that are kept; a longer one is cut."""
_ANNOUNCED = {"create-replacement", "delete-replaced", "discard-replaced", "replace"}
"""What one replacement is told of as: counted once, by `replace`."""
_SECRET = re.compile("KEY|SECRET|TOKEN|PASSPHRASE|PASSWORD")
"""Names of variables that have something in them which nobody is to read."""
SHORTEST = 8
"""Characters of what is taken for a secret; a shorter one would be found everywhere."""
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that only the update will tell: sdk/go/common/resource/plugin/rpc.go."""
_ENCRYPTED = "4dabf18193072939515e22adb298388d"
"""The key that marks an object of the engine's as an encrypted value: sdk/go/common/resource/sig/sig.go, which says `Key`."""
QUIET = {"same", "read", "refresh", "discard"}
"""Steps that change nothing."""


@dataclass(frozen=True)
class Field:
    """One property that a step changes. None where there is none; secrets are `[secret]`, as the engine has them."""

    path: str
    before: str | None
    after: str | None
    forces: bool = False
    """Whether this is what the resource has to be replaced for."""


@dataclass(frozen=True)
class Step:
    """What would be done to one resource."""

    op: str
    """create, update, replace, delete, import, …"""
    type: str
    name: str
    protected: bool
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What a policy says of a resource."""

    policy: str
    level: str
    """mandatory or advisory."""
    message: str
    resource: str


@dataclass(frozen=True)
class Preview:
    """What would become of one region. With an `error`, what the engine had found by then."""

    region: str
    wave: str
    cloud: str
    error: str = ""
    """Why it could not be previewed to its end; empty where it could."""
    new: bool = False
    """Whether there is no stack yet."""
    steps: tuple[Step, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many resources each kind of step is for."""
        found: dict[str, int] = {}
        for step in self.steps:
            found[step.op] = found.get(step.op, 0) + 1
        return found

    @property
    def counted(self) -> str:
        """The same in words: `2 to create, 1 to update`."""
        return ", ".join(f"{number} to {op}" for op, number in sorted(self.counts.items()))

    @property
    def blocked(self) -> bool:
        """Whether the change must not go on: it does not preview, breaks a mandatory policy, or takes what is protected."""
        return bool(
            self.error
            or [verdict for verdict in self.verdicts if verdict.level == "mandatory"]
            or [step for step in self.steps if step.protected and step.op in ("delete", "replace")]
        )

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Preview:
        """The inverse of `asdict`."""
        steps = [Step(**{**step, "fields": tuple(Field(**each) for each in step["fields"])}) for step in data["steps"]]
        verdicts = tuple(Verdict(**each) for each in data["verdicts"])
        return cls(**{**data, "steps": tuple(steps), "verdicts": verdicts})


def previews(checkout: Path, regions: Iterable[fleet.Region], parallel: int) -> Iterator[Preview]:
    """Preview each region from a checkout, some at a time. Each is given as it is done."""
    with ThreadPoolExecutor(parallel) as pool:
        try:
            for done in [pool.submit(preview, checkout, region) for region in regions]:
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def preview(checkout: Path, region: fleet.Region, refresh: bool = False) -> Preview:
    """Preview one region: what its `pulumi up` would do, or with `refresh` what its `pulumi refresh` would find."""
    started = time.monotonic()
    with TemporaryDirectory(prefix="preview-") as scratch:
        log = Path(scratch) / "events.json"
        command = ["refresh", "--preview-only"] if refresh else ["preview", "--policy-pack", "policy"]
        # Pulumi may write to the stack's file: to a copy of it.
        settings = Path(copy(checkout / region.file, scratch))
        command += ["--stack", region.name, "--config-file", str(settings)]
        command += ["--suppress-outputs", "--event-log", str(log)]
        # For --event-log, as in Pulumi's own Automation API. A stack that CI made keeps its encrypted key in its state.
        env = {
            **os.environ,
            "PULUMI_DEBUG_COMMANDS": "true",
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        }
        code, said = _pulumi(command, checkout, env)
        new = code != 0 and NO_STACK in said
        if new and not refresh:
            # Where a region is new nothing may be written to the state's backend, so the stack is made in an empty one.
            env |= _empty_backend(Path(scratch), checkout, region)
            code, said = _pulumi(command, checkout, env)
        events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    steps, verdicts, errors = taken_in(events)
    reason = "\n".join(errors) or said.strip() or f"pulumi ended with exit code {code}"
    mandatory = any(verdict.level == "mandatory" for verdict in verdicts)
    # Broken policies end a preview too, and are told of by themselves.
    error = "" if code == 0 or (mandatory and not errors) else masked(reason, os.environ)
    return Preview(
        region.name, region.wave.name, region.settings.cloud, error, new, steps, verdicts, time.monotonic() - started
    )


def taken_in(events: Iterable[Mapping[str, Any]]) -> tuple[tuple[Step, ...], tuple[Verdict, ...], list[str]]:
    """What the engine's events say: the steps that change something, policies' verdicts, errors. Pure."""
    steps: dict[tuple[str, str], Step] = {}
    verdicts: list[Verdict] = []
    errors: list[str] = []
    for event in events:
        if "resourcePreEvent" in event:
            told = event["resourcePreEvent"]["metadata"]
            op = "replace" if told["op"] in _ANNOUNCED else told["op"]
            if op not in QUIET:
                steps.setdefault((op, told["urn"]), _step(op, told))
        elif "resOutputsEvent" in event:  # a refresh says only here what it found
            told = event["resOutputsEvent"]["metadata"]
            if told["op"] in ("update", "delete"):
                steps.setdefault((told["op"], told["urn"]), _step(told["op"], told))
        elif "policyEvent" in event:
            told = event["policyEvent"]
            verdicts.append(Verdict(told["policyName"], told["enforcementLevel"], _plain(told["message"]).strip(),
                                    _name(told.get("resourceUrn", ""))))  # fmt: skip
        elif "diagnosticEvent" in event and event["diagnosticEvent"].get("severity") == "error":
            told = event["diagnosticEvent"]
            name = _name(told.get("urn", ""))
            text = _plain(told["message"]).strip()
            if text and not text.startswith("preview failed"):
                errors.append(f"{name}: {text}" if name else text)
    return tuple(steps.values()), tuple(dict.fromkeys(verdicts)), list(dict.fromkeys(errors))


def masked(text: str, environment: Mapping[str, str]) -> str:
    """A text in which no secret of the environment is left, line by line of each."""
    for name, value in environment.items():
        for line in value.splitlines() if _SECRET.search(name) else []:
            if len(line) >= SHORTEST and not line.startswith("-----"):
                text = text.replace(line, "[secret]")
    return text


def _step(op: str, told: Mapping[str, Any]) -> Step:
    old, new = told.get("old") or {}, told.get("new") or {}
    before = {**(old.get("outputs") or {}), **(old.get("inputs") or {})}
    after = {**(new.get("outputs") or {}), **(new.get("inputs") or {})}
    detailed = told.get("detailedDiff") or {}
    forcing = {path for path, diff in detailed.items() if diff["diffKind"].endswith("-replace")} | set(
        told.get("keys") or []
    )
    fields = [
        Field(path, _value(before, path), _value(after, path), path in forcing)
        for path in sorted(detailed or told.get("diffs") or [])
        if old and new
    ]
    return Step(op, told["type"], _name(told["urn"]), bool((old or new).get("protect")), tuple(fields))


def _value(values: Any, path: str) -> str | None:
    """The value at a property path as the engine writes them: `a.b[0]["c d"]`."""
    for part in _parts(path):
        if isinstance(values, dict) and _ENCRYPTED in values:
            break  # the path goes on inside of what is encrypted as a whole
        if isinstance(values, list):
            values = values[int(part)] if part.isdigit() and int(part) < len(values) else None
        else:
            values = values.get(part) if isinstance(values, dict) else values
        if values is None:
            return None
    if isinstance(values, dict) and _ENCRYPTED in values:
        return "[secret]"
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
    """Without the engine's marks of colour: `<{%fg 1%}>`."""
    while "<{%" in text:
        head, _, rest = text.partition("<{%")
        text = head + rest.partition("%}>")[2]
    return text


def _pulumi(arguments: list[str], folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    try:
        done = subprocess.run(
            command, cwd=folder, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except FileNotFoundError:
        return 127, "pulumi is not on PATH"
    return done.returncode, done.stderr or done.stdout


def _empty_backend(scratch: Path, checkout: Path, region: fleet.Region) -> dict[str, str]:
    """The environment in which the region's stack is there, and empty."""
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
