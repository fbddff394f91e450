"""Shared gRPC plumbing of the sandbox's provider plugins (SIMULATED providers, real engine).

A plugin subclasses `Servicer`, overrides the methods that it supports and calls `serve`. Requests run on threads, so
handlers are plain blocking functions. Property bags travel as plain Python data: see `values`. A handler raises
`ProviderError` for a message that a person should read, and `InitFailed` when a resource exists but did not become
ready.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime import proto
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2

from sandbox.provider_sdk.values import decode_json, from_struct, to_struct

GRPC_OPTIONS: Final = list(_GRPC_CHANNEL_OPTIONS)
_WORKERS: Final = 256  # more than the engine's default parallelism, since an awaiting resource holds its thread
_PARENT_POLL_SECONDS: Final = 1.0


class ProviderError(Exception):
    """An error for the person at the command line: the mistake, its place and the remedy."""


class InitFailed(Exception):
    """The resource exists but is not ready. Pulumi records the resource, and the next update goes on with it."""

    def __init__(self, id_: str, properties: Mapping[str, Any], inputs: Mapping[str, Any], reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.id, self.properties, self.inputs, self.reasons = id_, properties, inputs, reasons


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Accepts any configuration and knows no resources. Plugins override the methods that they support."""

    version: str = ""

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> proto.PluginInfo:
        """Report the plugin's version, which has to be the Python SDK package's."""
        return proto.PluginInfo(version=self.version)

    def Attach(self, request: proto.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Serve an engine that did not start this plugin (tests do this)."""
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """The user pressed ctrl-C: no handler waits so long that it would have to stop."""
        return empty_pb2.Empty()

    def GetSchema(self, request: proto.GetSchemaRequest, context: grpc.ServicerContext) -> proto.GetSchemaResponse:
        """No schema: programs use the published SDK, which carries its own."""
        return proto.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        """Accept the provider's configuration as it is."""
        return proto.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        """A changed configuration updates the provider and replaces nothing."""
        changed = from_struct(request.olds) != from_struct(request.news)
        changes = proto.DiffResponse.DIFF_SOME if changed else proto.DiffResponse.DIFF_NONE
        return proto.DiffResponse(changes=changes)

    def configure(self, config: dict[str, Any]) -> None:
        """Take the provider's configuration. The engine calls this only when all of the configuration is known."""

    def Configure(self, request: proto.ConfigureRequest, context: grpc.ServicerContext) -> proto.ConfigureResponse:
        """Hand the configuration to `configure`, and report the plugin's capabilities to the engine."""
        self.configure({k: decode_json(v) for k, v in from_struct(request.args).items()})
        return proto.ConfigureResponse(
            acceptSecrets=True, acceptResources=True, acceptOutputs=True, supportsPreview=True
        )


class _Status(grpc.Status):  # type: ignore[misc]  # grpc ships no types
    def __init__(self, code: grpc.StatusCode, details: str, metadata: tuple[tuple[str, bytes], ...]) -> None:
        self.code, self.details, self.trailing_metadata = code, details, metadata


def _init_failed_status(error: InitFailed) -> _Status:
    detail = any_pb2.Any()
    detail.Pack(
        proto.ErrorResourceInitFailed(
            id=error.id,
            properties=to_struct(error.properties),
            inputs=to_struct(error.inputs),
            reasons=error.reasons,
        )
    )
    code = grpc.StatusCode.UNKNOWN
    status = status_pb2.Status(code=code.value[0], message=str(error), details=[detail])
    return _Status(code, str(error), (("grpc-status-details-bin", status.SerializeToString()),))


class _ReadableErrors(grpc.ServerInterceptor):  # type: ignore[misc]  # grpc ships no types
    """Turns exceptions of handlers into statuses that the engine shows well."""

    def intercept_service(self, continuation: Callable[..., Any], details: Any) -> Any:
        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler

        def call(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                return handler.unary_unary(request, context)
            except InitFailed as error:
                context.abort_with_status(_init_failed_status(error))
            except ProviderError as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error))

        return grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def start(servicer: Servicer) -> tuple[grpc.Server, int]:
    """Serve a provider on a free port of 127.0.0.1."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=_WORKERS), interceptors=[_ReadableErrors()], options=GRPC_OPTIONS
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def serve(servicer: Servicer | Callable[[], Servicer]) -> None:
    """Serve a provider, its port printed, until told to stop or the engine is gone."""
    parent = os.getppid()
    instance = servicer if isinstance(servicer, Servicer) else servicer()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    server, port = start(instance)
    print(port, flush=True)
    while not stopping.wait(_PARENT_POLL_SECONDS):
        if os.getppid() != parent:
            break
    server.stop(grace=None)
    # A handler may still be waiting, but its engine is gone.
    os._exit(0)
