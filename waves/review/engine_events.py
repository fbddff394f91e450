"""Parses the event log of Pulumi's engine: steps, policy violations, errors. Pure.

Source: github.com/pulumi/pulumi, sdk/go/common/apitype/events.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

VALUE_LENGTH = 200
"""Characters of a value. A longer one is truncated."""
_REPLACEMENT = {"create-replacement", "delete-replaced", "discard-replaced", "replace"}
"""The operations of one replacement, which count as one `replace`."""
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's placeholder for a value that only the update computes: sdk/go/common/resource/plugin/rpc.go."""
_ENCRYPTED = "4dabf18193072939515e22adb298388d"
"""The key that marks an object as an encrypted value: `Key` of sdk/go/common/resource/sig/sig.go."""
CLOUDS_OWN = {
    "aws:eks/nodeGroup:NodeGroup": ["scalingConfig", "desiredSize"],
    "azure-native:containerservice:AgentPool": ["count"],
    "azure-native:containerservice:ManagedCluster": ["agentPoolProfiles"],
}
"""A property by type that the cloud changes by itself: its path, and all inside.

The program ignores the changes, and the providers do not in a refresh: pulumi/pulumi-azure-native,
provider/pkg/provider/provider.go, Diff.
"""
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
    """The steps, policy violations and errors of the events."""

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
    """Only this event has the differences that a refresh finds. The cloud's own changes are none."""
    metadata = event["metadata"]
    if metadata["op"] not in ("update", "delete"):
        return
    step, own = _step(metadata["op"], metadata), CLOUDS_OWN.get(metadata["type"])
    fields = tuple(field for field in step.fields if own is None or _parts(field.path)[: len(own)] != own)
    if fields or not step.fields:
        log.steps.setdefault((metadata["op"], metadata["urn"]), replace(step, fields=fields))


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
        if isinstance(values, dict) and _ENCRYPTED in values:
            break  # the rest of the path is inside of the encrypted value
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
    """A text without the engine's colour marks: `<{%fg 1%}>`."""
    while "<{%" in text:
        head, _, rest = text.partition("<{%")
        text = head + rest.partition("%}>")[2]
    return text
