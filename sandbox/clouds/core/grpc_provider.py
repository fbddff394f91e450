"""The gRPC side of the SIMULATED clouds' plugins: the engine's requests in, plain data to `cloud.py`,
answers out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime import proto

from sandbox.clouds.core.clusters import ClusterHost
from sandbox.clouds.core.crud import Cloud, Made
from sandbox.clouds.core.dialect import Flavour
from sandbox.clouds.core.diff import Change
from sandbox.clouds.core.faults import Faults, Operation
from sandbox.clouds.core.model import Pace
from sandbox.clouds.core.store import Store
from sandbox.provider_sdk import server
from sandbox.provider_sdk.server import InitFailed, from_struct, mark_secrets, to_struct, unwrap

Answer = TypeVar("Answer")
WAITED: Final = "timeout while waiting for the resource to be ready (a fault of faults.json; it is there)"
_KINDS: Final = {
    ("add", False): proto.PropertyDiff.ADD,
    ("add", True): proto.PropertyDiff.ADD_REPLACE,
    ("delete", False): proto.PropertyDiff.DELETE,
    ("delete", True): proto.PropertyDiff.DELETE_REPLACE,
    ("update", False): proto.PropertyDiff.UPDATE,
    ("update", True): proto.PropertyDiff.UPDATE_REPLACE,
}


class CloudServicer(server.Servicer):
    """A cloud as the Pulumi engine sees it."""

    def __init__(self, flavour: Flavour, store: Store, clusters: ClusterHost, faults: Faults) -> None:
        super().__init__()
        self._flavour, self._store, self._clusters, self._faults = flavour, store, clusters, faults
        self.version = flavour.sdk.version
        self._cloud: Cloud | None = None

    def configure(self, config: dict[str, Any]) -> None:
        """Take the provider's configuration; the cloud may refuse it, as it refuses a wrong account."""
        self._cloud = Cloud(self._flavour, self._store, self._clusters, unwrap(config))
        self._cloud.go_on()

    @property
    def cloud(self) -> Cloud:
        """The configured cloud. A provider whose configuration is unknown in a preview is never
        configured."""
        if self._cloud is None:
            self._cloud = Cloud(self._flavour, self._store, self._clusters, {})
        return self._cloud

    def Check(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        """Hold inputs against the SDK, and name what has no name."""
        token, name = _parts(request.urn)
        news = from_struct(request.news)
        inputs, problems = self.cloud.check(
            token,
            name,
            unwrap(from_struct(request.olds)),
            unwrap(news),
            request.randomSeed,
            request.autonaming.proposed_name if request.HasField("autonaming") else None,
        )
        return proto.CheckResponse(
            inputs=to_struct(mark_secrets(inputs, news)),
            failures=[proto.CheckFailure(reason=p.reason) for p in problems],  # each reason names its path
        )

    def Diff(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        """Tell what changes, and what of it replaces the resource."""
        token, _ = _parts(request.urn)
        olds = unwrap(from_struct(request.olds))
        old_inputs = unwrap(from_struct(request.old_inputs)) if request.HasField("old_inputs") else olds
        found, delete_first = self.cloud.diff(token, old_inputs, olds, unwrap(from_struct(request.news)))
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME if found else proto.DiffResponse.DIFF_NONE,
            diffs=list(dict.fromkeys(_top(change) for change in found)),
            replaces=list(dict.fromkeys(_top(change) for change in found if change.replaces)),
            deleteBeforeReplace=delete_first,
            hasDetailedDiff=True,
            detailedDiff={
                change.path: proto.PropertyDiff(kind=_KINDS[change.kind, change.replaces], inputDiff=True)
                for change in found
            },
        )

    def Create(self, request: proto.CreateRequest, context: grpc.ServicerContext) -> proto.CreateResponse:
        """Create a resource, or foretell it."""
        token, _ = _parts(request.urn)
        inputs = from_struct(request.properties)
        if request.preview:
            made = self.cloud.create(token, unwrap(inputs), preview=True)
            return proto.CreateResponse(id=made.id, properties=to_struct(mark_secrets(made.outputs, inputs)))
        made = self._meets(
            "create", token, request.urn, lambda pace: self.cloud.create(token, unwrap(inputs), pace=pace),
            lambda made: InitFailed(made.id, mark_secrets(made.outputs, inputs), inputs, [WAITED]),
        )  # fmt: skip
        return proto.CreateResponse(id=made.id, properties=to_struct(mark_secrets(made.outputs, inputs)))

    def Read(self, request: proto.ReadRequest, context: grpc.ServicerContext) -> proto.ReadResponse:
        """Tell how a resource is now; an empty answer if it is gone."""
        token, _ = _parts(request.urn)
        inputs = from_struct(request.inputs)
        known = unwrap(inputs) or unwrap(from_struct(request.properties))
        made = self._meets("read", token, request.urn, _late(lambda: self.cloud.read(token, request.id, known)))
        if made is None:
            return proto.ReadResponse()
        return proto.ReadResponse(
            id=made.id,
            properties=to_struct(mark_secrets(made.outputs, inputs)),
            inputs=to_struct(mark_secrets(made.inputs, inputs)),
        )

    def Update(self, request: proto.UpdateRequest, context: grpc.ServicerContext) -> proto.UpdateResponse:
        """Bring a resource to new inputs, or foretell it."""
        token, _ = _parts(request.urn)
        inputs = from_struct(request.news)

        def update() -> Made:
            return self.cloud.update(
                token,
                request.id,
                unwrap(from_struct(request.old_inputs)),
                unwrap(from_struct(request.olds)),
                unwrap(inputs),
                preview=request.preview,
            )

        made = update() if request.preview else self._meets(
            "update", token, request.urn, _late(update),
            lambda made: InitFailed(made.id, mark_secrets(made.outputs, inputs), inputs, [WAITED]),
        )  # fmt: skip
        return proto.UpdateResponse(properties=to_struct(mark_secrets(made.outputs, inputs)))

    def Delete(self, request: proto.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete a resource."""
        token, _ = _parts(request.urn)
        inputs = unwrap(from_struct(request.old_inputs)) or unwrap(from_struct(request.properties))
        self._meets("delete", token, request.urn, _late(lambda: self.cloud.delete(token, request.id, inputs)))
        return empty_pb2.Empty()

    def Invoke(self, request: proto.InvokeRequest, context: grpc.ServicerContext) -> proto.InvokeResponse:
        """Answer a data source."""
        arguments = unwrap(from_struct(request.args))
        result = self._meets(
            "invoke", request.tok, request.tok, _late(lambda: self.cloud.invoke(request.tok, arguments))
        )
        return proto.InvokeResponse(**{"return": to_struct(result)})

    def _meets(
        self, operation: Operation, token: str, name: str, act: Callable[[Pace], Answer],
        partly: Callable[[Answer], InitFailed] | None = None,
    ) -> Answer:  # fmt: skip
        return self._faults.around(self._flavour.name, operation, token, name, act, partly)


def _late(act: Callable[[], Answer]) -> Callable[[Pace], Answer]:
    """The same, of a cloud that takes its time before it begins."""

    def at(pace: Pace) -> Answer:
        time.sleep(pace.takes)
        return act()

    return at


def _parts(urn: str) -> tuple[str, str]:
    """The type and the name of a resource, of its URN: urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME."""
    _, _, types, name = urn.split("::", 3)
    return types.rsplit("$", 1)[-1], name


def _top(change: Change) -> str:
    return change.path.split(".")[0].split("[")[0]
