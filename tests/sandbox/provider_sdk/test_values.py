"""Property bags between the engine and the sandbox's provider plugins."""

from __future__ import annotations

from typing import Any

from google.protobuf import struct_pb2

from sandbox.provider_sdk import values
from sandbox.provider_sdk.values import UNKNOWN, Secret

EVERYTHING: dict[str, Any] = {
    "text": "a",
    "whole": 80,
    "broken": 0.5,
    "yes": True,
    "list": [1, {"deep": Secret("s")}],
    "secret": Secret({"a": [UNKNOWN]}),
    "unknown": UNKNOWN,
}


def test_a_property_bag_survives_the_way_to_the_engine_and_back() -> None:
    assert values.from_struct(values.to_struct(EVERYTHING)) == EVERYTHING


def test_whole_numbers_arrive_as_integers() -> None:
    port = values.from_struct(values.to_struct({"port": 80.0}))["port"]
    assert isinstance(port, int)


def test_nulls_are_left_out() -> None:
    assert values.from_struct(values.to_struct({"a": None, "b": 1})) == {"b": 1}


def test_an_output_value_without_a_value_is_unknown_and_a_secret_one_is_secret() -> None:
    signature = {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4"}
    struct = struct_pb2.Struct()
    struct.update({"a": signature, "b": {**signature, "value": "x", "secret": True}})
    assert values.from_struct(struct) == {"a": UNKNOWN, "b": Secret("x")}


def test_secrets_and_unknowns_are_found_at_every_depth() -> None:
    assert values.has_unknowns(EVERYTHING)
    assert values.has_secrets(EVERYTHING)
    assert not values.has_unknowns({"a": [1]})
    assert not values.has_secrets({"a": [1]})


def test_unwrapping_takes_every_secret_mark_away() -> None:
    assert values.unwrap(EVERYTHING)["secret"] == {"a": [UNKNOWN]}
    assert not values.has_secrets(values.unwrap(EVERYTHING))


def test_outputs_are_secret_where_the_inputs_were() -> None:
    outputs = {"a": {"b": "x", "c": "y"}, "l": ["x"], "other": "z"}
    inputs = {"a": {"b": Secret("x")}, "l": [Secret("x")]}
    expected = {"a": {"b": Secret("x"), "c": "y"}, "l": Secret(["x"]), "other": "z"}
    assert values.mark_secrets(outputs, inputs) == expected


def test_provider_settings_that_are_no_text_are_decoded() -> None:
    assert values.decode_json("true") is True
    assert values.decode_json(Secret('{"a": 1}')) == Secret({"a": 1})
    assert values.decode_json("[not json") == "[not json"
    assert values.decode_json("80") == "80"
