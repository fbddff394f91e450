"""The simulated Flipt: the flags of its configuration, for clients of OpenFeature."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import fleet
from front.flags import ACCEPT_WRITES, DEFAULTS
from sandbox.githost import repository
from sandbox.supervisor.simulated.flipt import Flipt, evaluate
from tests.repository import ROOT

CONTEXT = {"targetingKey": "staging-aws", "region": "staging-aws", "wave": "staging", "tenant": "acme"}
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@localhost")


def segment(*constraints: tuple[str, str, str], match: str = "ALL_MATCH_TYPE") -> dict[str, Any]:
    """A segment of constraints: property, operator, value."""
    parts = [
        {"type": "STRING_COMPARISON_TYPE", "property": name, "operator": operator, "value": value}
        for name, operator, value in constraints
    ]
    return {"key": "s", "match_type": match, "constraints": parts}


@pytest.mark.parametrize(
    ("group", "inside"),
    [
        (segment(), True),
        (segment(("wave", "eq", "staging")), True),
        (segment(("wave", "neq", "staging")), False),
        (segment(("region", "prefix", "staging-"), ("wave", "eq", "internal")), False),
        (segment(("region", "suffix", "-aws"), ("wave", "eq", "internal"), match="ANY_MATCH_TYPE"), True),
        (segment(("tenant", "isoneof", '["acme", "globex"]')), True),
        (segment(("tenant", "isnotoneof", '["acme"]')), False),
        (segment(("unknown", "eq", "x")), False),
    ],
)
def test_a_flag_is_told_apart_by_region_wave_and_tenant(group: dict[str, Any], inside: bool) -> None:
    flag = {"type": "BOOLEAN_FLAG_TYPE", "enabled": True, "rollouts": [{"segment": {"key": "s", "value": False}}]}
    assert evaluate(flag, {"s": group}, CONTEXT) == ((False, "TARGETING_MATCH") if inside else (True, "DEFAULT"))


@pytest.mark.parametrize(
    "flag",
    [
        {"type": "VARIANT_FLAG_TYPE"},
        {"type": "BOOLEAN_FLAG_TYPE", "rollouts": [{"threshold": {"percentage": 50, "value": True}}]},
        {"type": "BOOLEAN_FLAG_TYPE", "rollouts": [{"segment": {"key": "s"}}]},
    ],
)
def test_an_unknown_kind_of_flag_is_refused(flag: dict[str, Any]) -> None:
    number = {
        "key": "s",
        "constraints": [{"type": "NUMBER_COMPARISON_TYPE", "property": "n", "operator": "eq", "value": "1"}],
    }
    with pytest.raises(NotImplementedError):
        evaluate(flag, {"s": number}, CONTEXT)


@pytest.mark.parametrize("tenant", sorted({region.settings.tenant for region in fleet.read(ROOT).regions.values()}))
def test_the_branch_begins_with_every_flag_that_the_front_knows_at_its_default(tenant: str) -> None:
    features = yaml.safe_load((ROOT / "flags" / tenant / "default" / "features.yaml").read_text())
    segments = {segment["key"]: segment for segment in features["segments"]}
    assert {flag["key"]: evaluate(flag, segments, CONTEXT)[0] for flag in features["flags"]} == DEFAULTS


def test_flipt_follows_its_branch_and_keeps_its_flags_while_git_is_away(tmp_path: Path) -> None:
    origin, away = tmp_path / "origin", tmp_path / "away"
    origin.mkdir()
    repository.git("init", "--quiet", "--initial-branch=flags", cwd=origin)

    def commit(enabled: bool) -> None:
        file = origin / "acme" / "default" / "features.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        flags = [{"key": ACCEPT_WRITES, "type": "BOOLEAN_FLAG_TYPE", "enabled": enabled}]
        file.write_text(yaml.safe_dump({"flags": flags}))
        repository.git("add", ".", cwd=origin)
        repository.git(*AUTHOR, "commit", "--quiet", "-m", f"{enabled}", cwd=origin)

    def config(directory: str) -> str:
        storage = {"remote": str(origin), "branch": "flags", "poll_interval": "0s"}
        environment = {"default": True, "storage": "default", "directory": directory}
        return yaml.safe_dump({"storage": {"default": storage}, "environments": {"default": environment}})

    async def scenario() -> None:
        flipt = Flipt(tmp_path / "flags.git")

        async def ask(key: str = ACCEPT_WRITES, directory: str = "acme") -> tuple[int, Any]:
            body = json.dumps({"context": CONTEXT}).encode()
            reply = await flipt.answer(config(directory), "POST", f"/ofrep/v1/evaluate/flags/{key}", body)
            text = str(reply.text)
            return reply.status, json.loads(text).get("value") if text.startswith("{") else text

        assert (await ask())[0] == 503, "there is no such branch yet"
        commit(True)
        assert await ask() == (200, True)
        commit(False)
        assert await ask() == (200, False)
        assert await ask("other") == (404, None)
        assert await ask(directory="globex") == (404, None), "another tenant has none of these"
        origin.rename(away)
        assert await ask() == (200, False)
        away.rename(origin)
        commit(True)
        assert await ask() == (200, True)
        assert (await flipt.answer("storage: {}", "GET", "/health", b"")).status == 503

    asyncio.run(scenario())
