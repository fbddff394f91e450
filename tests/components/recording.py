"""Registers a region with Pulumi's mocks and records what the engine would have been told: type, name, inputs, options."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pulumi
from pulumi.runtime import Mocks, rpc, set_mocks
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import SETTINGS
from pulumi.runtime.stack import run_pulumi_func

import fleet
from components.region import Region, RegionArgs
from components.shared.cluster import ClusterInfo
from components.shared.secrets import read_secrets
from fleet.keys import required
from tests.components.mocks import Clouds
from tests.repository import ROOT

FLEET = fleet.read(ROOT)
GIVE_UP_SECONDS = 120
KEY = "-----BEGIN PRIVATE KEY----- of nobody"
REPOSITORY = "https://git.example.com/platform/regions.git"


@dataclass(frozen=True)
class Registered:
    """One resource, as it was registered."""

    type: str
    name: str
    inputs: dict[str, Any]
    urn: str
    parent: str
    protect: bool
    ignored: list[str]
    """The inputs whose changes are ignored."""
    provider: str
    """Its reference; empty where it has none of its own."""


@dataclass
class Recorded:
    """A region's registrations, its cluster as the region sees it, and the stack's outputs."""

    resources: list[Registered]
    cluster: dict[str, Any]
    secret_outputs: list[str]

    def of(self, kind: str) -> list[Registered]:
        """The resources of a type."""
        return [resource for resource in self.resources if resource.type == kind]

    def one(self, kind: str) -> dict[str, Any]:
        """The inputs of the only resource of a type."""
        (resource,) = self.of(kind)
        return resource.inputs

    @property
    def objects(self) -> Iterator[dict[str, Any]]:
        """The Kubernetes objects of all ConfigGroups."""
        for group in self.of("kubernetes:yaml/v2:ConfigGroup"):
            yield from group.inputs["objs"]


class Monitor(MockMonitor):
    """Keeps what is registered, options too, which mocks are not shown."""

    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.recorded: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            inputs = rpc.deserialize_properties(request.object)
            entry = Registered(
                request.type,
                request.name,
                inputs,
                response.urn,
                request.parent,
                request.protect,
                list(request.ignoreChanges),
                request.provider,
            )
            self.recorded.append(entry)
        return response


@cache
def recorded(name: str) -> Recorded:
    """A shipped region's registrations."""
    return record(FLEET.regions[name])


def fresh_loop() -> asyncio.AbstractEventLoop:
    """An event loop for one run on mocks. The run would wait for all that other tests have left pending: that is dropped."""
    SETTINGS.outputs.clear()
    SETTINGS.rpc_manager.clear()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # the mocks' root stack belongs to the loop that they find
    return loop


def record(settings: fleet.Region) -> Recorded:
    """Register a region to its end. Everything has been registered and every output is known when this returns."""
    loop = fresh_loop()
    monitor = Monitor(Clouds())
    set_mocks(Clouds(), project="regions", stack=settings.name, preview=False, monitor=monitor)
    seen: dict[str, Any] = {}
    secrets: list[str] = []

    async def values(info: ClusterInfo) -> None:
        for key in ("name", "endpoint", "kubeconfig", "identity"):
            output: pulumi.Output[Any] = getattr(info, key)
            seen[key] = await output.future()
            if await output.is_secret():
                secrets.append(key)
        seen["storage"], seen["sign_in"] = info.storage, info.sign_in

    def region() -> Region:
        region_secrets = read_secrets(settings, {name: f"{KEY}: {name}" for name in required(settings)})
        return Region(settings.name, RegionArgs(settings, REPOSITORY, region_secrets))

    async def program() -> None:
        clusters: list[ClusterInfo] = []
        await run_pulumi_func(lambda: clusters.append(region().cluster))
        await values(clusters[0])

    # A registration that fails may leave outputs that never come.
    loop.run_until_complete(asyncio.wait_for(program(), GIVE_UP_SECONDS))
    return Recorded(monitor.recorded, seen, secrets)
