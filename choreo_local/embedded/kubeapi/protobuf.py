"""Request bodies of `application/vnd.kubernetes.protobuf`, decoded to the JSON form of the object.

kubectl and helm send builtin types this way. The decoder is driven by the generated table of Go
types; values of fields that a client always sends, zero or not, stay: `typed` drops them.
"""

from __future__ import annotations

import base64
import struct as binary
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import orjson

from choreo_local.apimachinery.gvk import GroupVersionKind, split_api_version
from choreo_local.embedded.kubeapi import definitions, gotypes
from choreo_local.embedded.kubeapi.gotypes import GoField, GoType, Shape
from choreo_local.errors import BadRequestError

MAGIC = b"k8s\x00"

_VARINT, _FIXED64, _BYTES, _GROUP_START, _GROUP_END, _FIXED32 = range(6)
_MAX_DEPTH = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PREVIEW = 30

Field = tuple[int, int, Any]


class _WireError(ValueError):
    """The bytes are not what the type says; the text is what Go's decoder says."""


def decode(body: bytes, expected: GroupVersionKind) -> dict[str, Any]:
    """The object in a request body.

    Args:
        body: as received.
        expected: the type the endpoint takes; bodies that do not name theirs are of this one.

    Raises:
        BadRequestError: it is no such message; the text is kube-apiserver's.
    """
    if not body:
        _unrecognized(body, expected, "empty data")
    if not body.startswith(MAGIC):
        prefix = " ".join(map(str, MAGIC))
        _unrecognized(
            body,
            expected,
            f"provided data does not appear to be a protobuf message, expected prefix [{prefix}]",
        )
    if len(body) == len(MAGIC):
        _unrecognized(body, expected, "empty body")
    try:
        api_version, kind, raw = _envelope(memoryview(body)[len(MAGIC) :])
    except _WireError as error:
        _unrecognized(body, expected, str(error))
    if not api_version and not kind:
        api_version, kind = expected.api_version, expected.kind
    return _decode_as(api_version, kind, raw, expected)


def _decode_as(
    api_version: str, kind: str, raw: memoryview, expected: GroupVersionKind
) -> dict[str, Any]:
    gvk = GroupVersionKind(*split_api_version(api_version), kind)
    type_ = gotypes.struct(definitions.name_of(gvk))
    try:
        if type_ is None:
            raise _WireError(
                f'no kind "{kind}" is registered for version "{api_version}" '
                'in scheme "pkg/api/legacyscheme/scheme.go:30"'
            )
        value: dict[str, Any] = _message(type_, raw, 0)
    except _WireError as error:
        raise BadRequestError(
            f'{kind} in version "{gvk.version}" cannot be handled as a {expected.kind}: {error}'
        ) from error
    return {"apiVersion": api_version, "kind": kind, **value}


def _unrecognized(body: bytes, expected: GroupVersionKind, reason: str) -> NoReturn:
    shown = f"{body[:_PREVIEW].hex()}{' ...' if len(body) > _PREVIEW else ''}" or "<empty>"
    raise BadRequestError(
        f"the object provided is unrecognized (must be of type {expected.kind}): {reason} ({shown})"
    )


def _envelope(data: memoryview) -> tuple[str, str, memoryview]:
    api_version = kind = ""
    raw = data[:0]
    for number, wire, value in _wire_fields(data, "Unknown"):
        if number == 1 and wire == _BYTES:
            for inner, inner_wire, text in _wire_fields(value, "TypeMeta"):
                if inner == 1 and inner_wire == _BYTES:
                    api_version = _text(text)
                elif inner == 2 and inner_wire == _BYTES:
                    kind = _text(text)
        elif number == 2 and wire == _BYTES:
            raw = value
    return api_version, kind, raw


def _wire_fields(data: memoryview, message: str) -> Iterator[Field]:
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _GROUP_END:
            raise _WireError(f"proto: {message}: wiretype end group for non-group")
        if not 0 < number < 1 << 29:
            raise _WireError(f"proto: {message}: illegal tag {number} (wire type {wire})")
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise _WireError(f"proto: illegal wireType {wire}")
        if length > end - at:
            raise _WireError("unexpected EOF")
        yield number, wire, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if shift >= 64:
            raise _WireError("proto: integer overflow")
        if at >= len(data):
            raise _WireError("unexpected EOF")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def _message(type_: GoType, data: memoryview, depth: int) -> dict[str, Any]:
    if depth > _MAX_DEPTH:
        raise _WireError("proto: exceeded maximum recursion depth")
    by_number = {field.number: field for field in type_.fields if field.number}
    found: dict[str, Any] = {}
    for number, wire, value in _wire_fields(data, type_.printed.partition(".")[2]):
        field = by_number.get(number)
        if field is not None:
            _take(found, field, wire, value, depth)
    return found


def _take(found: dict[str, Any], field: GoField, wire: int, value: Any, depth: int) -> None:
    type_ = field.type
    if field.inline:
        _expect(field, wire, _BYTES)
        found.update(_message(type_, value, depth + 1))
    elif type_.shape is Shape.MAP:
        _expect(field, wire, _BYTES)
        key, item = _map_entry(type_, value, depth)
        found.setdefault(field.json, {})[key] = item
    elif type_.shape is Shape.LIST and not field.wrapped:
        element = _element(type_)
        found.setdefault(field.json, []).append(_value(element, field, wire, value, depth))
    else:
        found[field.json] = _value(type_, field, wire, value, depth)


def _map_entry(type_: GoType, data: memoryview, depth: int) -> tuple[str, Any]:
    element = _element(type_)
    as_field = _field("value", element, number=2)
    key, item = "", _zero(element)
    for number, wire, value in _wire_fields(data, "Entry"):
        if number == 1:
            _expect(as_field, wire, _BYTES)
            key = _text(value)
        elif number == 2:
            item = _value(element, as_field, wire, value, depth)
    return key, item


def _field(name: str, type_: GoType, *, number: int) -> GoField:
    """A field of a message that no struct declares; a list in it is always wrapped."""
    return GoField(
        json=name,
        type=type_,
        omit_empty=False,
        omit_zero=False,
        inline=False,
        number=number,
        wrapped=True,
    )


def _zero(type_: GoType) -> Any:
    zeros: dict[Shape, Any] = {Shape.STRUCT: {}, Shape.LIST: [], Shape.QUANTITY: "0"}
    return zeros.get(type_.shape, "")


def _value(type_: GoType, field: GoField, wire: int, value: Any, depth: int) -> Any:
    if type_.shape in (Shape.INTEGER, Shape.BOOL):
        _expect(field, wire, _VARINT)
        return bool(value) if type_.shape is Shape.BOOL else _signed(value)
    if type_.shape is Shape.FLOAT:
        _expect(field, wire, _FIXED64)
        return binary.unpack("<d", value)[0]
    _expect(field, wire, _BYTES)
    return _DECODERS[type_.shape](type_, value, depth)


def _expect(field: GoField, wire: int, wanted: int) -> None:
    if wire != wanted:
        name = field.json[:1].upper() + field.json[1:]
        if name == "Metadata":
            name = field.type.printed.rpartition(".")[2]
        raise _WireError(f"proto: wrong wireType = {wire} for field {name}")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _text(data: memoryview) -> str:
    # Go keeps bytes that are no UTF-8 and replaces them when it writes JSON.
    return bytes(data).decode("utf-8", "replace")


def _string(type_: GoType, data: memoryview, depth: int) -> str:
    return _text(data)


def _bytes(type_: GoType, data: memoryview, depth: int) -> str:
    return base64.b64encode(data).decode()


def _wrapped_list(type_: GoType, data: memoryview, depth: int) -> list[Any]:
    field = _field("items", _element(type_), number=1)
    return [
        _value(field.type, field, wire, value, depth + 1)
        for number, wire, value in _wire_fields(data, type_.printed)
        if number == 1
    ]


def _numbered(data: memoryview, message: str) -> dict[int, Any]:
    return {number: value for number, _, value in _wire_fields(data, message)}


def _quantity(type_: GoType, data: memoryview, depth: int) -> str:
    text = _numbered(data, "Quantity").get(1)
    return _text(text) if isinstance(text, memoryview) and text else "0"


def _time(type_: GoType, data: memoryview, depth: int) -> str | None:
    if not data:
        return None
    parts = _numbered(data, "Timestamp")
    seconds, nanos = parts.get(1, 0), parts.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        raise _WireError("proto: wrong wireType = 2 for field Seconds")
    try:
        moment = _EPOCH + timedelta(seconds=_signed(seconds), microseconds=_signed(nanos) // 1000)
    except OverflowError as error:
        raise _WireError("proto: timestamp out of range") from error
    if type_.shape is Shape.MICRO_TIME:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _duration(type_: GoType, data: memoryview, depth: int) -> str:
    nanoseconds = _numbered(data, "Duration").get(1, 0)
    return f"{_signed(nanoseconds) if isinstance(nanoseconds, int) else 0}ns"


def _int_or_string(type_: GoType, data: memoryview, depth: int) -> int | str:
    parts = _numbered(data, "IntOrString")
    if parts.get(1, 0) == 1:
        text = parts.get(3)
        return _text(text) if isinstance(text, memoryview) else ""
    number = parts.get(2, 0)
    return _signed(number) if isinstance(number, int) else 0


def _raw(type_: GoType, data: memoryview, depth: int) -> Any:
    raw = _numbered(data, "Raw").get(1)
    if not isinstance(raw, memoryview) or not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _WireError(f"invalid JSON in {type_.printed}: {error}") from error


def _schema_or(type_: GoType, data: memoryview, depth: int) -> Any:
    """A schema or something else: the message has one field for each."""
    schema_number = 2 if type_.shape is Shape.SCHEMA_OR_BOOL else 1
    props = gotypes.struct(type_.definition.rpartition(".")[0] + ".JSONSchemaProps")
    others: list[Any] = []
    for number, wire, value in _wire_fields(data, type_.printed):
        if number == schema_number and wire == _BYTES and props is not None:
            return _message(props, value, depth + 1)
        if type_.shape is Shape.SCHEMA_OR_BOOL:
            others = [bool(value)]
        elif type_.shape is Shape.SCHEMA_OR_ARRAY and wire == _BYTES and props is not None:
            others.append(_message(props, value, depth + 1))
        elif wire == _BYTES:
            others.append(_text(value))
    if type_.shape is Shape.SCHEMA_OR_BOOL:
        return bool(others and others[0])
    return others


def _element(type_: GoType) -> GoType:
    if type_.element is None:
        raise _WireError(f"{type_.printed} has no elements")
    return type_.element


_DECODERS: dict[Shape, Callable[[GoType, memoryview, int], Any]] = {
    Shape.STRING: _string,
    Shape.BYTES: _bytes,
    Shape.LIST: _wrapped_list,
    Shape.STRUCT: lambda type_, data, depth: _message(type_, data, depth + 1),
    Shape.QUANTITY: _quantity,
    Shape.TIME: _time,
    Shape.MICRO_TIME: _time,
    Shape.DURATION: _duration,
    Shape.INT_OR_STRING: _int_or_string,
    Shape.RAW: _raw,
    Shape.SCHEMA_OR_ARRAY: _schema_or,
    Shape.SCHEMA_OR_BOOL: _schema_or,
    Shape.SCHEMA_OR_STRINGS: _schema_or,
}
