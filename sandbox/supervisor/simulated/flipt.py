"""SIMULATED Flipt: answers OpenFeature's clients like Flipt v2, from the flags in git that its own configuration names.

Flipt cannot be built here. The simulation has boolean flags with segments over text, and refuses other flags. There is no
web page, and no way to write a flag.

Sources: docs.flipt.io, v2/configuration/storage, v2/reference/openfeature, and "Evaluation" in the concepts.
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
from sandbox.supervisor.simulated.replies import Reply, json_reply

_EVALUATE = "/ofrep/v1/evaluate/flags/"
_FILE = "default/features.yaml"
"""In an environment's directory, each namespace has a folder. Clients without a namespace use `default`."""


@dataclass
class _Branch:
    """The last poll of one branch."""

    commit: str = ""
    time: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Flipt:
    """Answers for every Flipt of the sandbox. All that follow one branch share its polls."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._branches: dict[tuple[str, str], _Branch] = {}

    async def answer(self, config: str, method: str, path: str, body: bytes) -> Reply:
        """The answer of a Flipt with this configuration (YAML). Without its flags, Flipt is not up."""
        settings = yaml.safe_load(config) or {}
        try:
            (environment,) = [entry for entry in settings["environments"].values() if entry.get("default")]
            features = await self._features(settings["storage"][environment["storage"]], environment["directory"])
            return answer(features, method, path, body)
        except (KeyError, ValueError, SandboxError) as error:
            return Reply(503, f"simulated Flipt is not up: {error}")

    async def _features(self, storage: Mapping[str, Any], directory: str) -> Mapping[str, Any]:
        remote, name = storage["remote"], storage["branch"]
        branch = self._branches.setdefault((remote, name), _Branch())
        async with branch.lock:
            if time.monotonic() - branch.time >= float(storage["poll_interval"].removesuffix("s")):
                branch.commit = await self._fetch(remote, name, branch.commit)
                branch.time = time.monotonic()
        try:
            features = yaml.safe_load(await self._git("show", f"{branch.commit}:{directory}/{_FILE}"))
        except SandboxError:
            return {}  # an environment without flags
        return features if isinstance(features, dict) else {}

    async def _fetch(self, remote: str, branch: str, last_commit: str) -> str:
        """Fetch the branch's commit. While git does not answer, the last commit stays."""
        try:
            if not (self._folder / "HEAD").exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                await self._git("init", "--quiet", "--bare")
            commit = (await self._git("ls-remote", remote, f"refs/heads/{branch}")).partition("\t")[0]
            if commit and commit != last_commit:
                await self._git("fetch", "--quiet", "--depth=1", remote, commit)
        except SandboxError:
            if last_commit:
                return last_commit
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


def answer(features: Mapping[str, Any], method: str, path: str, body: bytes) -> Reply:
    """The answer to a request, from these flags."""
    if (method, path) == ("GET", "/health"):
        return json_reply(200, {"status": "SERVING"})
    if method != "POST" or not path.startswith(_EVALUATE):
        return json_reply(404, {"errorDetails": f"the simulated Flipt has no {method} {path}"})
    key = path.removeprefix(_EVALUATE)
    flags = [flag for flag in features.get("flags") or [] if flag["key"] == key]
    if not flags:
        details = f"flag was not found default/{key}"
        return json_reply(404, {"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": details})
    context = (json.loads(body or b"{}") or {}).get("context") or {}
    segments = {segment["key"]: segment for segment in features.get("segments") or []}
    try:
        value, reason = evaluate(flags[0], segments, context)
    except NotImplementedError as error:
        return json_reply(501, {"errorCode": "GENERAL", "errorDetails": f"the simulated Flipt knows no {error}"})
    return json_reply(
        200, {"key": key, "value": value, "variant": str(value).lower(), "reason": reason, "metadata": {}}
    )


def evaluate(flag: Mapping[str, Any], segments: Mapping[str, Any], context: Mapping[str, str]) -> tuple[bool, str]:
    """A boolean flag's value and its reason: the first rollout that has the context, else the flag's default.

    Raises NotImplementedError with the unknown part.
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
    """Whether a context is in a segment. The segment's match type says whether all constraints must hold, or any.

    A segment without constraints has every context.
    """
    results = [
        holds(constraint, context.get(constraint["property"], "")) for constraint in segment.get("constraints") or []
    ]
    return not results or (any(results) if segment.get("match_type") == "ANY_MATCH_TYPE" else all(results))


def holds(constraint: Mapping[str, Any], value: str) -> bool:
    """Whether a constraint on a text holds. Raises NotImplementedError with the unknown part."""
    operator, expected = constraint["operator"], str(constraint.get("value", ""))
    if constraint["type"] != "STRING_COMPARISON_TYPE":
        raise NotImplementedError(f"constraint of type {constraint['type']}")
    match operator:
        case "eq":
            return value == expected
        case "neq":
            return value != expected
        case "prefix":
            return value.startswith(expected)
        case "suffix":
            return value.endswith(expected)
        case "isoneof":
            return value in json.loads(expected)
        case "isnotoneof":
            return value not in json.loads(expected)
    raise NotImplementedError(f"operator {operator}")
