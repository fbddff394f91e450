"""SIMULATED Flipt: what Flipt v2 answers to OpenFeature's clients, from the flags in git that its own configuration names.

Flipt cannot be built here. This knows the file format's boolean flags with segments over text, and says so of all else; it has no
page, and writes nothing. Source: docs.flipt.io, v2/configuration/storage and v2/reference/openfeature; concepts: "Evaluation".
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sandbox.machine.errors import SandboxError
from sandbox.supervisor.simulated.answers import Answer, answered

_EVALUATE = "/ofrep/v1/evaluate/flags/"
_FILE = "default/features.yaml"
"""In an environment's directory: a folder for each namespace. Clients that name none are in `default`."""


@dataclass
class _Look:
    """What was last seen of one branch."""

    commit: str = ""
    at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Flipt:
    """Answers for every Flipt of the sandbox: those that follow one branch share each look at it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looks: dict[tuple[str, str], _Look] = {}

    async def answer(self, config: str, method: str, path: str, body: bytes) -> Answer:
        """What a Flipt with this configuration (YAML) answers. One that cannot have its flags serves nothing."""
        settings = yaml.safe_load(config) or {}
        try:
            (environment,) = [each for each in settings["environments"].values() if each.get("default")]
            features = await self._features(settings["storage"][environment["storage"]], environment["directory"])
            return answer(features, method, path, body)
        except (KeyError, ValueError, SandboxError) as error:
            return Answer(503, f"simulated Flipt is not up: {error}")

    async def _features(self, storage: Mapping[str, Any], directory: str) -> Mapping[str, Any]:
        remote, branch = storage["remote"], storage["branch"]
        look = self._looks.setdefault((remote, branch), _Look())
        async with look.lock:
            if time.monotonic() - look.at >= float(storage["poll_interval"].removesuffix("s")):
                look.commit = await self._fetch(remote, branch, look.commit)
                look.at = time.monotonic()
        try:
            found = yaml.safe_load(await self._git("show", f"{look.commit}:{directory}/{_FILE}"))
        except SandboxError:
            return {}  # an environment without flags
        return found if isinstance(found, dict) else {}

    async def _fetch(self, remote: str, branch: str, known: str) -> str:
        """The branch's commit, which is here afterwards. While git does not answer, the one that is known."""
        try:
            if not (self._folder / "HEAD").exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                await self._git("init", "--quiet", "--bare")
            commit = (await self._git("ls-remote", remote, f"refs/heads/{branch}")).partition("\t")[0]
            if commit and commit != known:
                await self._git("fetch", "--quiet", "--depth=1", remote, commit)
        except SandboxError:
            if known:
                return known
            raise
        if not commit:
            raise SandboxError(f"{remote} has no branch {branch}")
        return commit

    async def _git(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "git", *arguments, cwd=self._folder, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, error = await process.communicate()
        if process.returncode:
            raise SandboxError(f"git {arguments[0]}: {error.decode().strip()}")
        return out.decode()


def answer(features: Mapping[str, Any], method: str, path: str, body: bytes) -> Answer:
    """What these flags make of a request."""
    if (method, path) == ("GET", "/health"):
        return answered(200, {"status": "SERVING"})
    if method != "POST" or not path.startswith(_EVALUATE):
        return answered(404, {"errorDetails": f"the simulated Flipt has no {method} {path}"})
    key = path.removeprefix(_EVALUATE)
    flags = [flag for flag in features.get("flags") or [] if flag["key"] == key]
    if not flags:
        details = f"flag was not found default/{key}"
        return answered(404, {"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": details})
    context = (json.loads(body or b"{}") or {}).get("context") or {}
    segments = {segment["key"]: segment for segment in features.get("segments") or []}
    try:
        value, reason = evaluate(flags[0], segments, context)
    except NotImplementedError as error:
        return answered(501, {"errorCode": "GENERAL", "errorDetails": f"the simulated Flipt knows no {error}"})
    return answered(200, {"key": key, "value": value, "variant": str(value).lower(), "reason": reason, "metadata": {}})


def evaluate(flag: Mapping[str, Any], segments: Mapping[str, Any], context: Mapping[str, str]) -> tuple[bool, str]:
    """A boolean flag's value, and why: the first rollout that the context is in, or else what the flag is by default.

    Raises NotImplementedError that names what it does not know.
    """
    if flag.get("type") != "BOOLEAN_FLAG_TYPE":
        raise NotImplementedError(f"type {flag.get('type')}")
    for rollout in flag.get("rollouts") or []:
        if set(rollout) - {"description"} != {"segment"}:
            raise NotImplementedError(f"rollout by {', '.join(sorted(rollout))}")
        if matches(segments[rollout["segment"]["key"]], context):
            return bool(rollout["segment"].get("value", False)), "TARGETING_MATCH"
    return bool(flag.get("enabled", False)), "DEFAULT"


def matches(segment: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether a context is in a segment: all of its constraints hold, or any, as it says; one without constraints has all."""
    held = [
        holds(constraint, context.get(constraint["property"], "")) for constraint in segment.get("constraints") or []
    ]
    return not held or (any(held) if segment.get("match_type") == "ANY_MATCH_TYPE" else all(held))


def holds(constraint: Mapping[str, Any], value: str) -> bool:
    """Whether a constraint on a text holds. Raises NotImplementedError that names what it does not know."""
    operator, wanted = constraint["operator"], str(constraint.get("value", ""))
    if constraint["type"] != "STRING_COMPARISON_TYPE":
        raise NotImplementedError(f"constraint of type {constraint['type']}")
    match operator:
        case "eq":
            return value == wanted
        case "neq":
            return value != wanted
        case "prefix":
            return value.startswith(wanted)
        case "suffix":
            return value.endswith(wanted)
        case "isoneof":
            return value in json.loads(wanted)
        case "isnotoneof":
            return value not in json.loads(wanted)
    raise NotImplementedError(f"operator {operator}")
