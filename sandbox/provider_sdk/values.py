"""Property bags of the engine as plain Python data, for the sandbox's provider plugins.

An unknown is the `UNKNOWN` object, and a secret is a `Secret`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

# The engine marks an unknown by its type (sdk/go/common/resource/plugin/rpc.go). Python's SDK knows only the first.
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
    """The type of `UNKNOWN`: a value that exists only after an update."""

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
    """Turn a plain property bag into the engine's."""
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
    """Mark a value as secret when the inputs have a secret at the same place. A list with secrets is marked whole."""
    if isinstance(outputs, Secret):
        return outputs
    if isinstance(inputs, Secret) or (isinstance(inputs, list) and has_secrets(inputs)):
        return Secret(outputs)
    if isinstance(outputs, dict) and isinstance(inputs, dict):
        return {k: mark_secrets(v, inputs.get(k)) for k, v in outputs.items()}
    return outputs


def decode_json(value: Any) -> Any:
    """Decode a provider setting. A setting that is no string reaches a plugin as JSON text."""
    if isinstance(value, Secret):
        return Secret(decode_json(value.value))
    if isinstance(value, str) and (value in {"true", "false"} or value[:1] in {"{", "["}):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
