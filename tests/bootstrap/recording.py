"""Registers the whole of bootstrap/ with Pulumi's mocks: what the engine would have been told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.stack import run_pulumi_func

import fleet
from bootstrap import settings
from bootstrap.plan import Plan, plan
from bootstrap.program import build
from tests.components.recording import FLEET, GIVE_UP_SECONDS, Monitor, Registered
from tests.repository import ROOT

SETTINGS = settings.read(ROOT / "bootstrap", "org")


@dataclass(frozen=True)
class Made:
    """What was registered, by type."""

    plan: Plan
    resources: list[Registered]

    def of(self, kind: str) -> list[Registered]:
        """The resources of a type."""
        return [resource for resource in self.resources if resource.type == kind]

    def named(self, kind: str, name: str) -> Registered:
        """One of them, by Pulumi's name."""
        (found,) = [resource for resource in self.of(kind) if resource.name == name]
        return found

    def documents(self, role: str) -> list[dict[str, Any]]:
        """The statements of all policies of an AWS role, by its ARN."""
        account, name = role.split(":")[4], role.rpartition("/")[2]
        inline = [
            each.inputs["policy"]
            for each in self.of("aws:iam/rolePolicy:RolePolicy")
            if each.inputs["role"] == name and each.name.startswith(f"aws-{account}-")
        ]
        attached = {
            each.inputs["policyArn"].rpartition(":")[2]
            for each in self.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
            if each.inputs["role"] == name and each.name.startswith(f"aws-{account}-")
        }
        managed = [each.inputs["policy"] for each in self.of("aws:iam/policy:Policy") if each.name in attached]
        return [statement for text in [*inline, *managed] for statement in json.loads(text)["Statement"]]


class Clouds(Mocks):
    """What the clouds would answer: the inputs, and the outputs that the program reads."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = {"name": args.name, **args.inputs, "arn": f"arn:aws:mock:::{args.name}", "keyId": args.name}
        return f"{args.name}-id", outputs | {
            "email": f"{args.name}@mock",
            "clientId": args.name,
            "principalId": args.name,
        }

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(f"the program asks for {args.token}, which the mocks do not know")


def make(known: fleet.Fleet, given: settings.Settings = SETTINGS) -> Made:
    """Register everything for a fleet."""
    planned = plan(known, given)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    monitor = Monitor(Clouds())
    set_mocks(Clouds(), project="regions-bootstrap", stack="org", preview=False, monitor=monitor)
    loop.run_until_complete(asyncio.wait_for(run_pulumi_func(lambda: build(planned)), GIVE_UP_SECONDS))
    return Made(planned, monitor.recorded)


@cache
def shipped() -> Made:
    """For the fleet as it is shipped."""
    return make(FLEET)
