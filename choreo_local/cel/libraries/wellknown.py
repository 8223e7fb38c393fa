"""The messages of protobuf that stand for plain values: wrappers, `Value`, `Struct`, …"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from choreo_local.cel.declarations import Library, MessageType
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.types import (
    ANY,
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    map_of,
    wrapper_of,
)
from choreo_local.cel.values import NANOSECONDS, Duration, Timestamp, Uint

_PREFIX = "google.protobuf."
_STRUCT = map_of(STRING, DYN)
_LIST = list_of(DYN)
# Name → type of the content, value of an empty message, lowest and highest content.
_WRAPPERS: Mapping[str, tuple[Type, Any, int | None, int | None]] = {
    "BoolValue": (BOOL, False, None, None),
    "BytesValue": (BYTES, b"", None, None),
    "DoubleValue": (DOUBLE, 0.0, None, None),
    "FloatValue": (DOUBLE, 0.0, None, None),
    "Int32Value": (INT, 0, -(2**31), 2**31 - 1),
    "Int64Value": (INT, 0, None, None),
    "StringValue": (STRING, "", None, None),
    "UInt32Value": (UINT, Uint(0), 0, 2**32 - 1),
    "UInt64Value": (UINT, Uint(0), None, None),
}


def _wrapper(name: str) -> MessageType:
    content, empty, lowest, highest = _WRAPPERS[name]

    def build(fields: Mapping[str, Any]) -> Any:
        value = fields.get("value", empty)
        if lowest is not None and highest is not None and not lowest <= value <= highest:
            raise EvaluationError("range error")
        return value

    return MessageType(_PREFIX + name, wrapper_of(content), {"value": content}, build)


def _value(fields: Mapping[str, Any]) -> Any:
    for name, value in fields.items():
        return None if name == "null_value" else value
    return None


def _time(make: Callable[[int], Any]) -> Callable[[Mapping[str, Any]], Any]:
    def build(fields: Mapping[str, Any]) -> Any:
        return make(fields.get("seconds", 0) * NANOSECONDS + fields.get("nanos", 0))

    return build


_MESSAGES = (
    *map(_wrapper, _WRAPPERS),
    MessageType(
        _PREFIX + "Value",
        DYN,
        {
            "null_value": INT,
            "number_value": DOUBLE,
            "string_value": STRING,
            "bool_value": BOOL,
            "struct_value": _STRUCT,
            "list_value": _LIST,
        },
        _value,
    ),
    MessageType(
        _PREFIX + "Struct", _STRUCT, {"fields": _STRUCT}, lambda fields: fields.get("fields", {})
    ),
    MessageType(
        _PREFIX + "ListValue", _LIST, {"values": _LIST}, lambda fields: fields.get("values", [])
    ),
    MessageType(
        _PREFIX + "Timestamp", TIMESTAMP, {"seconds": INT, "nanos": INT}, _time(Timestamp.checked)
    ),
    MessageType(
        _PREFIX + "Duration", DURATION, {"seconds": INT, "nanos": INT}, _time(Duration.checked)
    ),
)

LIBRARY = Library(
    "well-known messages",
    messages=_MESSAGES,
    types={
        **{message.name: message.result for message in _MESSAGES},
        _PREFIX + "Any": ANY,
        _PREFIX + "NullValue": NULL,
    },
    constants={_PREFIX + "NullValue.NULL_VALUE": (INT, 0)},
)
