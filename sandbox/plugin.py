"""Shared gRPC plumbing of the sandbox's provider plugins (SIMULATED providers; the engine that calls them is real).

A plugin subclasses `Servicer`, overrides what it supports and calls `serve`. Requests run on threads, so handlers are
plain blocking functions. Property bags travel as plain Python data (`from_struct`, `to_struct`), in which an unknown is the
`UNKNOWN` object and a secret is a `Secret`. Raise `ProviderError` for a message that a person should read, and `InitFailed`
when a resource exists but did not become ready.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from pulumi.runtime import proto, rpc
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2_grpc, status_pb2

GRPC_OPTIONS: Final = list(_GRPC_CHANNEL_OPTIONS)
_WORKERS: Final = 256  # more than the engine's default parallelism, since an awaiting resource holds its thread
_PARENT_POLL_SECONDS: Final = 1.0

# The engine marks an unknown by its type; Python's SDK knows only the first (sdk/go/common/resource/plugin/rpc.go).
_UNKNOWN_SENTINELS: Final = frozenset(
    {
        rpc.UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


class _Unknown:
    """The type of `UNKNOWN`: a value that only an update will tell."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> _Unknown:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _Unknown:
        return self


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that Pulumi encrypts in the state and hides in its display."""

    value: Any


class ProviderError(Exception):
    """An error for the person at the command line: what is wrong, where, and what to do."""


class InitFailed(Exception):
    """The resource exists but is not ready; Pulumi keeps it in the state and the next update goes on with it."""

    def __init__(
        self, id_: str, properties: Mapping[str, Any], inputs: Mapping[str, Any], reasons: list[str]
    ) -> None:
        super().__init__("; ".join(reasons))
        self.id, self.properties, self.inputs, self.reasons = id_, properties, inputs, reasons


def from_value(value: struct_pb2.Value) -> Any:
    """Turn a protobuf Value into plain Python: integral numbers become int, nulls in maps are dropped."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWN_SENTINELS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [from_value(v) for v in value.list_value.values]
    if kind == "struct_value":
        return _from_special(value.struct_value)
    return None


def _from_special(struct: struct_pb2.Struct) -> Any:
    signature = struct.fields[rpc._special_sig_key].string_value if rpc._special_sig_key in struct.fields else ""
    if signature == rpc._special_secret_sig:
        return Secret(from_value(struct.fields["value"]))
    if signature == rpc._special_output_value_sig:
        value = from_value(struct.fields["value"]) if "value" in struct.fields else UNKNOWN
        return Secret(value) if struct.fields["secret"].bool_value else value
    return from_struct(struct)


def from_struct(struct: struct_pb2.Struct | None) -> dict[str, Any]:
    """Turn a property bag of the engine into plain Python."""
    if struct is None:
        return {}
    return {k: from_value(v) for k, v in struct.fields.items() if v.WhichOneof("kind") != "null_value"}


def to_value(value: Any) -> struct_pb2.Value:
    """Turn plain Python with `UNKNOWN` and `Secret` into a protobuf Value."""
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, (int, float)):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=rpc.UNKNOWN)
    if isinstance(value, Secret):
        return to_value({rpc._special_sig_key: rpc._special_secret_sig, "value": value.value})
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=to_struct(value))
    if isinstance(value, (list, tuple)):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[to_value(v) for v in value]))
    raise TypeError(f"a {type(value).__name__} cannot be sent to the Pulumi engine: {value!r}")


def to_struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Turn a plain property bag into what the engine takes."""
    return struct_pb2.Struct(fields={k: to_value(v) for k, v in values.items()})


def unwrap(value: Any) -> Any:
    """The value without its secret marks, at every depth."""
    if isinstance(value, Secret):
        return unwrap(value.value)
    if isinstance(value, dict):
        return {k: unwrap(v) for k, v in value.items()}
    if isinstance(value, list):
        return [unwrap(v) for v in value]
    return value


def has_unknowns(value: Any) -> bool:
    """Whether a value holds an unknown at any depth."""
    if isinstance(value, Secret):
        return has_unknowns(value.value)
    if isinstance(value, dict):
        return any(has_unknowns(v) for v in value.values())
    if isinstance(value, list):
        return any(has_unknowns(v) for v in value)
    return value is UNKNOWN


def has_secrets(value: Any) -> bool:
    """Whether a value holds a secret at any depth."""
    if isinstance(value, dict):
        return any(has_secrets(v) for v in value.values())
    if isinstance(value, list):
        return any(has_secrets(v) for v in value)
    return isinstance(value, Secret)


def mark_secrets(outputs: Any, inputs: Any) -> Any:
    """Mark as secret what is secret at the same place in the inputs; a list that holds secrets is marked whole."""
    if isinstance(outputs, Secret):
        return outputs
    if isinstance(inputs, Secret) or (isinstance(inputs, list) and has_secrets(inputs)):
        return Secret(outputs)
    if isinstance(outputs, dict) and isinstance(inputs, dict):
        return {k: mark_secrets(v, inputs.get(k)) for k, v in outputs.items()}
    return outputs


class EngineLog:
    """Writes to the engine's display; silent when the plugin was started without an engine (unit tests)."""

    def __init__(self, address: str | None) -> None:
        self._stub = None
        if address:
            self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=GRPC_OPTIONS))

    def _write(self, severity: int, message: str, urn: str, ephemeral: bool) -> None:
        if self._stub is None:
            return
        request = engine_pb2.LogRequest(
            severity=severity,  # type: ignore[arg-type]  # the enum's values are plain numbers on the wire
            message=message,
            urn=urn,
            ephemeral=ephemeral,
        )
        try:
            self._stub.Log(request)
        except grpc.RpcError:
            self._stub = None  # the engine is gone; the parent watch ends this process shortly

    def status(self, urn: str, message: str) -> None:
        """Show a line of progress beside the resource; it is replaced by the next."""
        self._write(engine_pb2.INFO, message, urn, True)

    def info(self, urn: str, message: str) -> None:
        """Tell something that stays in the output."""
        self._write(engine_pb2.INFO, message, urn, False)

    def warning(self, urn: str, message: str) -> None:
        """Warn about a resource."""
        self._write(engine_pb2.WARNING, message, urn, False)


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """A provider that accepts any configuration and knows no resources; plugins override what they support."""

    version: str = ""

    def __init__(self) -> None:
        self.engine_address: str | None = next((a for a in sys.argv[1:] if not a.startswith("-")), None)
        self.log = EngineLog(self.engine_address)
        self.cancelled = threading.Event()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> proto.PluginInfo:
        """Tell the plugin's version, which has to be the Python SDK package's."""
        return proto.PluginInfo(version=self.version)

    def Attach(self, request: proto.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Use another engine from now on (a debugger does this)."""
        self.engine_address = request.address
        self.log = EngineLog(request.address)
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """The user pressed ctrl-C: waiting handlers see `cancelled` and stop."""
        self.cancelled.set()
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
        """Take the provider's configuration (never with unknowns: the engine does not configure a provider then)."""

    def Configure(self, request: proto.ConfigureRequest, context: grpc.ServicerContext) -> proto.ConfigureResponse:
        """Hand the configuration to `configure` and tell the engine what this plugin understands."""
        self.configure({k: decode_json(v) for k, v in from_struct(request.args).items()})
        return proto.ConfigureResponse(
            acceptSecrets=True, acceptResources=True, acceptOutputs=True, supportsPreview=True
        )


def decode_json(value: Any) -> Any:
    """Provider settings that are no strings reach a plugin JSON-encoded (sdk/python ProviderResource); decode those."""
    import json

    if isinstance(value, Secret):
        return Secret(decode_json(value.value))
    if isinstance(value, str) and (value in {"true", "false"} or value[:1] in {"{", "["}):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


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
            call, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer
        )


def serve(servicer: Servicer | Callable[[], Servicer]) -> None:
    """Serve a provider on a free port of 127.0.0.1, print the port, and stay until told to stop or the engine is gone."""
    parent = os.getppid()
    instance = servicer if isinstance(servicer, Servicer) else servicer()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=_WORKERS), interceptors=[_ReadableErrors()], options=GRPC_OPTIONS
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(instance, server)
    port = server.add_insecure_port("127.0.0.1:0")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    server.start()
    print(port, flush=True)
    while not stopping.wait(_PARENT_POLL_SECONDS):
        if os.getppid() != parent:
            break
    instance.cancelled.set()
    server.stop(grace=None)
    # Handlers may still be waiting on an API server; nobody is left to hear them.
    os._exit(0)
