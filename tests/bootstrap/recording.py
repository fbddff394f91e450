"""Registers the whole of bootstrap/ with Pulumi's mocks, and records the requests to the engine."""

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
from bootstrap.plan import OrganisationPlan, plan
from bootstrap.program import build
from tests.components.recording import FLEET, GIVE_UP_SECONDS, Monitor, Registered
from tests.repository import ROOT

SETTINGS = settings.read(ROOT / "bootstrap", "org")


@dataclass(frozen=True)
class Registrations:
    """The registered resources, by type."""

    plan: OrganisationPlan
    resources: list[Registered]

    def of(self, kind: str) -> list[Registered]:
        """The resources of a type."""
        return [resource for resource in self.resources if resource.type == kind]

    def named(self, kind: str, name: str) -> Registered:
        """The resource of a type with a name."""
        (registered,) = [resource for resource in self.of(kind) if resource.name == name]
        return registered

    def documents(self, role: str) -> list[dict[str, Any]]:
        """The statements of all policies of an AWS role, by its ARN."""
        account, name = role.split(":")[4], role.rpartition("/")[2]
        inline = [
            resource.inputs["policy"]
            for resource in self.of("aws:iam/rolePolicy:RolePolicy")
            if resource.inputs["role"] == name and resource.name.startswith(f"aws-{account}-")
        ]
        attached = {
            resource.inputs["policyArn"].rpartition(":")[2]
            for resource in self.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
            if resource.inputs["role"] == name and resource.name.startswith(f"aws-{account}-")
        }
        managed = [
            resource.inputs["policy"] for resource in self.of("aws:iam/policy:Policy") if resource.name in attached
        ]
        return [statement for text in [*inline, *managed] for statement in json.loads(text)["Statement"]]


def key_arn(name: str) -> str:
    """The ARN that the mocks give to a key of KMS."""
    return f"arn:aws:kms:eu-west-1:111122223333:key/{name}"


class BootstrapMocks(Mocks):
    """The clouds' answers: the inputs, and the outputs that the program reads."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        arn = key_arn(args.name) if args.typ == "aws:kms/key:Key" else f"arn:aws:mock:::{args.name}"
        outputs = {"name": args.name, **args.inputs, "arn": arn, "keyId": args.name}
        return f"{args.name}-id", outputs | {
            "email": f"{args.name}@mock",
            "clientId": args.name,
            "principalId": args.name,
        }

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(f"the program calls {args.token}, and the mocks have no answer to it")


def register(the_fleet: fleet.Fleet, organisation: settings.OrganisationSettings = SETTINGS) -> Registrations:
    """Register everything for a fleet."""
    organisation_plan = plan(the_fleet, organisation)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    monitor = Monitor(BootstrapMocks())
    set_mocks(BootstrapMocks(), project="regions-bootstrap", stack="org", preview=False, monitor=monitor)
    loop.run_until_complete(asyncio.wait_for(run_pulumi_func(lambda: build(organisation_plan)), GIVE_UP_SECONDS))
    return Registrations(organisation_plan, monitor.recorded)


@cache
def shipped() -> Registrations:
    """The registrations of the shipped fleet."""
    return register(FLEET)
