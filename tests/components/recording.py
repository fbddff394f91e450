"""Registers a region with Pulumi's mocks and records the requests to the engine: type, name, inputs, options."""

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
from components.region import RegionArgs, RegionComponent
from components.shared.cluster import ClusterInfo
from components.shared.secrets import read_secrets
from fleet.keys import required
from tests.components.mocks import CloudMocks
from tests.repository import ROOT

FLEET = fleet.read(ROOT)
GIVE_UP_SECONDS = 120
KEY = "-----BEGIN PRIVATE KEY----- of nobody"
REPOSITORY = "https://git.example.com/platform/regions.git"


@dataclass(frozen=True)
class Registered:
    """One registered resource."""

    type: str
    name: str
    inputs: dict[str, Any]
    urn: str
    parent: str
    protect: bool
    ignored: list[str]
    """The inputs whose changes are ignored."""
    provider: str
    """The provider's reference. Empty if the resource has none of its own."""
    dependencies: frozenset[str]
    """The URNs of the resources that are there before this one, and outlive it."""
    retained: bool
    """Whether the resource stays in the cloud when Pulumi deletes it."""


@dataclass
class RecordedRegion:
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

    def created_before(self, resource: Registered) -> set[str]:
        """The types of all resources that one resource depends on, also through others."""
        by_urn = {item.urn: item for item in self.resources}
        queue, seen = [resource], {resource.urn}
        while queue:
            new = queue.pop().dependencies - seen
            seen |= new
            queue += [by_urn[urn] for urn in new if urn in by_urn]
        return {by_urn[urn].type for urn in seen - {resource.urn} if urn in by_urn}

    @property
    def objects(self) -> Iterator[dict[str, Any]]:
        """The Kubernetes objects of all ConfigGroups."""
        for group in self.of("kubernetes:yaml/v2:ConfigGroup"):
            yield from group.inputs["objs"]


class Monitor(MockMonitor):
    """Records registrations with their options, which mocks do not get."""

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
                frozenset(request.dependencies),
                request.retainOnDelete,
            )
            self.recorded.append(entry)
        return response


@cache
def recorded(name: str) -> RecordedRegion:
    """A shipped region's registrations."""
    return record(FLEET.regions[name])


def fresh_loop() -> asyncio.AbstractEventLoop:
    """An event loop for one run on mocks. Pending work of other tests is dropped, since the run would wait for it."""
    SETTINGS.outputs.clear()
    SETTINGS.rpc_manager.clear()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # the mocks' root stack belongs to the current loop
    return loop


def record(settings: fleet.Region, mocks: Mocks | None = None) -> RecordedRegion:
    """Register a region to its end. On return every resource is registered and every output is known."""
    loop, mocks = fresh_loop(), mocks or CloudMocks()
    monitor = Monitor(mocks)
    set_mocks(mocks, project="regions", stack=settings.name, preview=False, monitor=monitor)
    cluster: dict[str, Any] = {}
    secrets: list[str] = []

    async def values(info: ClusterInfo) -> None:
        for key in ("name", "endpoint", "kubeconfig", "identity"):
            output: pulumi.Output[Any] = getattr(info, key)
            cluster[key] = await output.future()
            if await output.is_secret():
                secrets.append(key)
        cluster["storage"], cluster["sign_in"] = info.storage, info.sign_in

    def region() -> RegionComponent:
        region_secrets = read_secrets(settings, {name: f"{KEY}: {name}" for name in required(settings)})
        return RegionComponent(settings.name, RegionArgs(settings, REPOSITORY, region_secrets))

    async def program() -> None:
        clusters: list[ClusterInfo] = []
        await run_pulumi_func(lambda: clusters.append(region().cluster))
        await values(clusters[0])

    # A failed registration may leave outputs that never resolve.
    loop.run_until_complete(asyncio.wait_for(program(), GIVE_UP_SECONDS))
    return RecordedRegion(monitor.recorded, cluster, secrets)
