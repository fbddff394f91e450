"""The gRPC side of the SIMULATED clouds' plugins: the engine's requests in, plain data to `cloud.py`,
answers out."""

from __future__ import annotations

from typing import Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime import proto

from sandbox import plugin
from sandbox.clouds.cloud import Cloud
from sandbox.clouds.clusters import ClusterHost
from sandbox.clouds.diff import Change
from sandbox.clouds.flavour import Flavour
from sandbox.clouds.store import Store
from sandbox.plugin import from_struct, mark_secrets, to_struct, unwrap

_KINDS: Final = {
    ("add", False): proto.PropertyDiff.ADD,
    ("add", True): proto.PropertyDiff.ADD_REPLACE,
    ("delete", False): proto.PropertyDiff.DELETE,
    ("delete", True): proto.PropertyDiff.DELETE_REPLACE,
    ("update", False): proto.PropertyDiff.UPDATE,
    ("update", True): proto.PropertyDiff.UPDATE_REPLACE,
}


class CloudServicer(plugin.Servicer):
    """A cloud as the Pulumi engine sees it."""

    def __init__(self, flavour: Flavour, store: Store, clusters: ClusterHost) -> None:
        super().__init__()
        self._flavour, self._store, self._clusters = flavour, store, clusters
        self.version = flavour.sdk.version
        self._cloud: Cloud | None = None

    def configure(self, config: dict[str, Any]) -> None:
        """Take the provider's configuration; the cloud may refuse it, as it refuses a wrong account."""
        self._cloud = Cloud(self._flavour, self._store, self._clusters, unwrap(config))

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
        made = self.cloud.create(token, unwrap(inputs), preview=request.preview)
        return proto.CreateResponse(id=made.id, properties=to_struct(mark_secrets(made.outputs, inputs)))

    def Read(self, request: proto.ReadRequest, context: grpc.ServicerContext) -> proto.ReadResponse:
        """Tell how a resource is now; an empty answer if it is gone."""
        token, _ = _parts(request.urn)
        inputs = from_struct(request.inputs)
        made = self.cloud.read(token, request.id, unwrap(inputs) or unwrap(from_struct(request.properties)))
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
        made = self.cloud.update(
            token,
            request.id,
            unwrap(from_struct(request.old_inputs)),
            unwrap(from_struct(request.olds)),
            unwrap(inputs),
            preview=request.preview,
        )
        return proto.UpdateResponse(properties=to_struct(mark_secrets(made.outputs, inputs)))

    def Delete(self, request: proto.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete a resource."""
        token, _ = _parts(request.urn)
        inputs = unwrap(from_struct(request.old_inputs)) or unwrap(from_struct(request.properties))
        self.cloud.delete(token, request.id, inputs)
        return empty_pb2.Empty()

    def Invoke(self, request: proto.InvokeRequest, context: grpc.ServicerContext) -> proto.InvokeResponse:
        """Answer a data source."""
        result = self.cloud.invoke(request.tok, unwrap(from_struct(request.args)))
        return proto.InvokeResponse(**{"return": to_struct(result)})


def _parts(urn: str) -> tuple[str, str]:
    """The type and the name of a resource, of its URN: urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME."""
    _, _, types, name = urn.split("::", 3)
    return types.rsplit("$", 1)[-1], name


def _top(change: Change) -> str:
    return change.path.split(".")[0].split("[")[0]
