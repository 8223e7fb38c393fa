"""Objects → `application/vnd.kubernetes.protobuf`, for callers that accept nothing else.

The counterpart of `protobuf`, over the same table of Go types. `answers` uses it. What is absent
from the object is absent from the message: readers take that for zero.
"""

from __future__ import annotations

import base64
import struct as binary
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from choreo_local import clock
from choreo_local.apimachinery.gvk import GroupVersionKind, split_api_version
from choreo_local.embedded.kubeapi import definitions, gotypes
from choreo_local.embedded.kubeapi.gotypes import GoField, GoType, Shape
from choreo_local.embedded.kubeapi.protobuf import MAGIC
from choreo_local.embedded.kubeapi.protobufwire import tag, tagged, whole

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIXED64 = 1
_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


def encode(obj: Mapping[str, Any]) -> bytes | None:
    """The message of an object; None when its kind has none, as custom resources."""
    api_version, kind = str(obj.get("apiVersion") or ""), str(obj.get("kind") or "")
    gvk = GroupVersionKind(*split_api_version(api_version), kind)
    type_ = gotypes.struct(definitions.name_of(gvk))
    if type_ is None or kind == "Table":
        return None
    type_meta = tagged(1, api_version.encode()) + tagged(2, kind.encode())
    return MAGIC + tagged(1, type_meta) + tagged(2, _message(type_, obj)) + b"\x1a\x00\x22\x00"


def _message(type_: GoType, value: Mapping[str, Any]) -> bytes:
    parts = []
    for field in sorted(type_.fields, key=lambda field: field.number):
        if field.inline and field.number:
            parts.append(tagged(field.number, _message(field.type, value)))
        elif field.number and value.get(field.json) is not None:
            parts.append(_field(field, value[field.json]))
    return b"".join(parts)


def _field(field: GoField, value: Any) -> bytes:
    type_, number = field.type, field.number
    if type_.shape is Shape.MAP:
        element = _element(type_)
        entries = (
            tagged(1, key.encode()) + _value(element, 2, item)
            for key, item in sorted(value.items())
        )
        return b"".join(tagged(number, entry) for entry in entries)
    if type_.shape is Shape.LIST:
        element = _element(type_)
        if field.wrapped:
            return _value(type_, number, value)
        return b"".join(_value(element, number, item) for item in value)
    return _value(type_, number, value)


def _value(type_: GoType, number: int, value: Any) -> bytes:
    if type_.shape in (Shape.INTEGER, Shape.BOOL):
        return whole(number, int(value))
    if type_.shape is Shape.FLOAT:
        return tag(number, _FIXED64) + binary.pack("<d", float(value))
    return tagged(number, _WRITERS[type_.shape](type_, value))


def _element(type_: GoType) -> GoType:
    assert type_.element is not None, f"{type_.printed} has no elements"
    return type_.element


def _list(type_: GoType, value: Any) -> bytes:
    return b"".join(_value(_element(type_), 1, item) for item in value)


def _time(_: GoType, value: str) -> bytes:
    if not value:
        return b""
    passed = clock.parse_timestamp(value) - _EPOCH
    seconds = passed.days * 86400 + passed.seconds
    return whole(1, seconds) + whole(2, passed.microseconds * 1000)


def _duration(_: GoType, value: str) -> bytes:
    digits = value.rstrip("nums")
    return whole(1, int(float(digits or "0") * _UNITS.get(value[len(digits) :], 1)))


def _int_or_string(_: GoType, value: int | str) -> bytes:
    if isinstance(value, str):
        return whole(1, 1) + whole(2, 0) + tagged(3, value.encode())
    return whole(1, 0) + whole(2, value) + tagged(3, b"")


def _raw(_: GoType, value: Any) -> bytes:
    return tagged(1, orjson.dumps(value))


def _schema_or(type_: GoType, value: Any) -> bytes:
    props = gotypes.struct(type_.definition.rpartition(".")[0] + ".JSONSchemaProps")
    assert props is not None
    schema_number = 2 if type_.shape is Shape.SCHEMA_OR_BOOL else 1
    if isinstance(value, bool):
        return whole(1, int(value))
    if isinstance(value, Mapping):
        allowed = whole(1, 1) if type_.shape is Shape.SCHEMA_OR_BOOL else b""
        return allowed + tagged(schema_number, _message(props, value))
    if type_.shape is Shape.SCHEMA_OR_ARRAY:
        return b"".join(tagged(2, _message(props, item)) for item in value)
    return b"".join(tagged(2, str(item).encode()) for item in value)


_WRITERS: dict[Shape, Callable[[GoType, Any], bytes]] = {
    Shape.STRING: lambda _, value: str(value).encode(),
    Shape.BYTES: lambda _, value: base64.b64decode(value),
    Shape.LIST: _list,
    Shape.STRUCT: _message,
    Shape.QUANTITY: lambda _, value: tagged(1, str(value).encode()),
    Shape.TIME: _time,
    Shape.MICRO_TIME: _time,
    Shape.DURATION: _duration,
    Shape.INT_OR_STRING: _int_or_string,
    Shape.RAW: _raw,
    Shape.SCHEMA_OR_ARRAY: _schema_or,
    Shape.SCHEMA_OR_BOOL: _schema_or,
    Shape.SCHEMA_OR_STRINGS: _schema_or,
}
