"""The gRPC side of the SIMULATED clouds' plugins: decodes the engine's requests, calls `crud.py`, encodes the answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime import proto

from sandbox.clouds.core.clusters import ClusterHost
from sandbox.clouds.core.crud import Cloud, Naming, ResourceState
from sandbox.clouds.core.dialect import Dialect
from sandbox.clouds.core.diff import PropertyChange
from sandbox.clouds.core.faults import Call, Faults
from sandbox.clouds.core.model import Pace
from sandbox.clouds.core.store import Store
from sandbox.provider_sdk import server
from sandbox.provider_sdk.server import InitFailed
from sandbox.provider_sdk.values import from_struct, mark_secrets, to_struct, unwrap

Result = TypeVar("Result")
TIMEOUT_MESSAGE: Final = (
    "timeout while waiting for the resource to be ready (a fault of faults.json: the resource exists)"
)
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

    def __init__(self, dialect: Dialect, store: Store, clusters: ClusterHost, faults: Faults) -> None:
        super().__init__()
        self._dialect, self._store, self._clusters, self._faults = dialect, store, clusters, faults
        self.version = dialect.sdk.version
        self._cloud: Cloud | None = None

    def configure(self, config: dict[str, Any]) -> None:
        """Take the provider's configuration. The cloud may refuse it, as it refuses a wrong account."""
        self._cloud = Cloud(self._dialect, self._store, self._clusters, unwrap(config))
        self._cloud.resume_pending()

    @property
    def cloud(self) -> Cloud:
        """The configured cloud. The engine never configures a provider with unknown configuration in a preview."""
        if self._cloud is None:
            self._cloud = Cloud(self._dialect, self._store, self._clusters, {})
        return self._cloud

    def Check(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        """Check inputs against the SDK, and generate missing names."""
        token, name = _parts(request.urn)
        news = from_struct(request.news)
        proposal = request.autonaming.proposed_name if request.HasField("autonaming") else None
        naming = Naming(name, request.randomSeed, proposal)
        inputs, errors = self.cloud.check(token, naming, unwrap(from_struct(request.olds)), unwrap(news))
        return proto.CheckResponse(
            inputs=to_struct(mark_secrets(inputs, news)),
            failures=[proto.CheckFailure(reason=error.reason) for error in errors],  # the reason names the path
        )

    def Diff(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        """Report the changed properties, and the changes that replace the resource."""
        token, _ = _parts(request.urn)
        olds = unwrap(from_struct(request.olds))
        old_inputs = unwrap(from_struct(request.old_inputs)) if request.HasField("old_inputs") else olds
        changes, delete_first = self.cloud.diff(token, old_inputs, olds, unwrap(from_struct(request.news)))
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME if changes else proto.DiffResponse.DIFF_NONE,
            diffs=list(dict.fromkeys(_top_level(change) for change in changes)),
            replaces=list(dict.fromkeys(_top_level(change) for change in changes if change.replaces)),
            deleteBeforeReplace=delete_first,
            hasDetailedDiff=True,
            detailedDiff={
                change.path: proto.PropertyDiff(kind=_KINDS[change.kind, change.replaces], inputDiff=True)
                for change in changes
            },
        )

    def Create(self, request: proto.CreateRequest, context: grpc.ServicerContext) -> proto.CreateResponse:
        """Create a resource, or predict it."""
        token, _ = _parts(request.urn)
        inputs = from_struct(request.properties)
        if request.preview:
            state = self.cloud.create(token, unwrap(inputs), preview=True)
        else:
            state = self._faults.inject(
                Call(self._dialect.name, "create", token, request.urn),
                lambda pace: self.cloud.create(token, unwrap(inputs), pace=pace),
                lambda created: _timed_out(created, inputs),
            )
        return proto.CreateResponse(id=state.id, properties=to_struct(mark_secrets(state.outputs, inputs)))

    def Read(self, request: proto.ReadRequest, context: grpc.ServicerContext) -> proto.ReadResponse:
        """Report a resource as it is now. The answer is empty if the resource is gone."""
        token, _ = _parts(request.urn)
        inputs = from_struct(request.inputs)
        properties = unwrap(inputs) or unwrap(from_struct(request.properties))
        call = Call(self._dialect.name, "read", token, request.urn)
        state = self._faults.inject(call, _delayed(lambda: self.cloud.read(token, request.id, properties)))
        if state is None:
            return proto.ReadResponse()
        return proto.ReadResponse(
            id=state.id,
            properties=to_struct(mark_secrets(state.outputs, inputs)),
            inputs=to_struct(mark_secrets(state.inputs, inputs)),
        )

    def Update(self, request: proto.UpdateRequest, context: grpc.ServicerContext) -> proto.UpdateResponse:
        """Bring a resource to new inputs, or predict the outcome."""
        token, _ = _parts(request.urn)
        inputs = from_struct(request.news)
        prior = ResourceState(
            request.id, unwrap(from_struct(request.olds)), inputs=unwrap(from_struct(request.old_inputs))
        )
        if request.preview:
            state = self.cloud.update(token, prior, unwrap(inputs), preview=True)
        else:
            state = self._faults.inject(
                Call(self._dialect.name, "update", token, request.urn),
                _delayed(lambda: self.cloud.update(token, prior, unwrap(inputs))),
                lambda updated: _timed_out(updated, inputs),
            )
        return proto.UpdateResponse(properties=to_struct(mark_secrets(state.outputs, inputs)))

    def Delete(self, request: proto.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete a resource."""
        token, _ = _parts(request.urn)
        inputs = unwrap(from_struct(request.old_inputs)) or unwrap(from_struct(request.properties))
        call = Call(self._dialect.name, "delete", token, request.urn)
        self._faults.inject(call, _delayed(lambda: self.cloud.delete(token, request.id, inputs)))
        return empty_pb2.Empty()

    def Invoke(self, request: proto.InvokeRequest, context: grpc.ServicerContext) -> proto.InvokeResponse:
        """Answer a data source."""
        arguments = unwrap(from_struct(request.args))
        call = Call(self._dialect.name, "invoke", request.tok, request.tok)
        result = self._faults.inject(call, _delayed(lambda: self.cloud.invoke(request.tok, arguments)))
        return proto.InvokeResponse(**{"return": to_struct(result)})


def _delayed(act: Callable[[], Result]) -> Callable[[Pace], Result]:
    """The same action, after the delay of a pace."""

    def act_at_pace(pace: Pace) -> Result:
        time.sleep(pace.delay_seconds)
        return act()

    return act_at_pace


def _timed_out(state: ResourceState, inputs: dict[str, Any]) -> InitFailed:
    return InitFailed(state.id, mark_secrets(state.outputs, inputs), inputs, [TIMEOUT_MESSAGE])


def _parts(urn: str) -> tuple[str, str]:
    """The type and the name in a URN: urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME."""
    _, _, types, name = urn.split("::", 3)
    return types.rsplit("$", 1)[-1], name


def _top_level(change: PropertyChange) -> str:
    return change.path.split(".")[0].split("[")[0]
