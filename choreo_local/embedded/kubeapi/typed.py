"""Builtin objects given the shape of their Go types, as decoding and encoding them would.

Unknown fields go, values that mean nothing (`null`, empty, zero where absent says the same) go,
fields that are always written appear, quantities and times take their usual form. `strategy` calls
this for every builtin object that is written.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import definitions, gotimes, gotypes, quantity
from choreo_local.embedded.kubeapi.gotypes import GoField, GoType, Shape

_MAX_DEPTH = 200
_KINDS = {
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_EMPTY: tuple[Any, ...] = ("", 0, False, None, [], {})
# Go's decoder of base64 passes over them.
_LINE_BREAKS = {ord("\r"): None, ord("\n"): None}
_NIL = frozenset({Shape.LIST, Shape.MAP, Shape.BYTES, Shape.TIME, Shape.MICRO_TIME, Shape.RAW})
_ZEROS: dict[Shape, Any] = {
    Shape.STRING: "",
    Shape.INTEGER: 0,
    Shape.FLOAT: 0,
    Shape.BOOL: False,
    Shape.QUANTITY: "0",
    Shape.INT_OR_STRING: 0,
    Shape.DURATION: "0s",
}
# Shapes whose Go types are structs: `omitempty` never leaves them out.
_ALWAYS = frozenset(
    {
        Shape.STRUCT,
        Shape.QUANTITY,
        Shape.TIME,
        Shape.MICRO_TIME,
        Shape.DURATION,
        Shape.INT_OR_STRING,
        Shape.RAW,
    }
)


class ShapeError(ValueError):
    """A value does not fit its type; the message is that of Go's JSON decoder."""


def shape(gvk: GroupVersionKind, obj: dict[str, Any]) -> list[str]:
    """Give a builtin object its shape, in place.

    Returns:
        The paths of unknown fields, which are gone.

    Raises:
        ShapeError: a value is of the wrong type; the text is kube-apiserver's.
    """
    type_ = gotypes.struct(definitions.name_of(gvk))
    return [] if type_ is None else _shape_in_place(type_, obj)


@cache
def empty(gvk: GroupVersionKind) -> Mapping[str, Any]:
    """What an object of a builtin kind holds before anything is put into it; not to be changed."""
    obj: dict[str, Any] = {}
    shape(gvk, obj)
    return {**obj, "kind": gvk.kind, "apiVersion": gvk.api_version}


def shape_metadata(obj: dict[str, Any]) -> list[str]:
    """The same for the metadata of an object of any kind; paths begin with `metadata`."""
    metadata = obj.get("metadata")
    if metadata is None:
        return []
    type_ = gotypes.struct(definitions.META + "ObjectMeta")
    if type_ is None:
        return []
    walk = _Walk()
    obj["metadata"] = walk.value(type_, metadata)
    return [f"metadata.{path}" for path in walk.unknown]


def reset_field(gvk: GroupVersionKind, obj: dict[str, Any], name: str) -> None:
    """Give a field, e.g. the status, the value that it has in a new object."""
    type_ = gotypes.struct(definitions.name_of(gvk))
    field = None if type_ is None else type_.json_fields.get(name)
    if field is None:
        return
    if _is_always_written(field):
        obj[name] = _zero_of_field(field)
    else:
        obj.pop(name, None)


def _shape_in_place(type_: GoType, obj: dict[str, Any]) -> list[str]:
    walk = _Walk()
    shaped = walk.value(type_, obj)
    obj.clear()
    obj.update(shaped)
    return walk.unknown


class _Walk:
    """One pass over an object; remembers where it is for the sake of messages."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        # Names of fields and of map keys (as a 1-tuple), and indexes of lists.
        self._path: list[Any] = []
        self._structs: list[str] = []

    def value(self, type_: GoType, value: Any) -> Any:
        """The value in the shape of its type."""
        if value is None:
            return None if type_.pointer else _zero(type_)
        if len(self._path) > _MAX_DEPTH:
            raise ShapeError("exceeded max depth")
        return _SHAPERS[type_.shape](self, type_, value)

    def struct(self, type_: GoType, value: Any) -> dict[str, Any]:
        """An object with the fields of a struct."""
        self._expect(type_, value, dict)
        fields, always = _plan(type_)
        shaped: dict[str, Any] = {}
        self._structs.append(type_.printed.rpartition(".")[2])
        for name, item in value.items():
            field = fields.get(name)
            if field is None:
                self.unknown.append(self._readable(name))
                continue
            self._path.append(name)
            found = self.value(field.type, item)
            self._path.pop()
            if not _is_left_out(field, found):
                shaped[name] = found
        self._structs.pop()
        for name in always:
            if name not in shaped:
                shaped[name] = _zero_of_field(fields[name])
        return shaped

    def list_(self, type_: GoType, value: Any) -> list[Any]:
        """A list of values of one type."""
        self._expect(type_, value, list)
        element = _element(type_)
        shaped = []
        for index, item in enumerate(value):
            self._path.append(index)
            shaped.append(self.value(element, item))
            self._path.pop()
        return shaped

    def map_(self, type_: GoType, value: Any) -> dict[str, Any]:
        """A map of values of one type."""
        self._expect(type_, value, dict)
        element = _element(type_)
        shaped = {}
        for key, item in value.items():
            self._path.append((key,))
            found = self.value(element, item)
            # What was once stored in protobuf knows no bytes that are null.
            shaped[key] = "" if found is None and element.shape is Shape.BYTES else found
            self._path.pop()
        return shaped

    def string(self, type_: GoType, value: Any) -> str:
        """A text."""
        if not isinstance(value, str):
            raise self._mismatch(type_, value)
        return value

    def bool_(self, type_: GoType, value: Any) -> bool:
        """A flag."""
        if not isinstance(value, bool):
            raise self._mismatch(type_, value)
        return value

    def integer(self, type_: GoType, value: Any) -> int:
        """A whole number of a number of bits."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._mismatch(type_, value)
        if isinstance(value, float) or not -(1 << type_.bits - 1) <= value < 1 << type_.bits - 1:
            raise self._mismatch(type_, value, literal=True)
        return value

    def float_(self, type_: GoType, value: Any) -> float:
        """A number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._mismatch(type_, value)
        return value

    def bytes_(self, type_: GoType, value: Any) -> str:
        """Bytes in base64."""
        if not isinstance(value, str):
            raise self._mismatch(type_, value)
        return _base64(value)

    def quantity(self, type_: GoType, value: Any) -> str:
        """An amount; numbers are as good as texts."""
        if isinstance(value, bool | dict | list):
            raise ShapeError(quantity.FORMAT_ERROR)
        try:
            return quantity.parse(str(value).strip()).text
        except quantity.QuantityError as error:
            raise ShapeError(str(error)) from error

    def time(self, type_: GoType, value: Any) -> str:
        """A moment in whole seconds."""
        return self._moment(type_, value, gotimes.time)

    def micro_time(self, type_: GoType, value: Any) -> str:
        """A moment in microseconds."""
        return self._moment(type_, value, gotimes.micro_time)

    def duration(self, type_: GoType, value: Any) -> str:
        """A length of time."""
        return self._moment(type_, value, gotimes.duration)

    def int_or_string(self, type_: GoType, value: Any) -> int | str:
        """A number or a text, e.g. a port."""
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._mismatch(type_, value, wanted="int32")
        if isinstance(value, float) or not -(1 << 31) <= value < 1 << 31:
            raise self._mismatch(type_, value, literal=True, wanted="int32")
        return value

    def raw(self, type_: GoType, value: Any) -> Any:
        """Anything."""
        return value

    def schema_or(self, type_: GoType, value: Any) -> Any:
        """A schema, or something else that may stand in its place."""
        if isinstance(value, dict):
            return self.value(_schema_type(type_), value)
        if type_.shape is Shape.SCHEMA_OR_BOOL:
            if isinstance(value, bool):
                return value
            raise ShapeError("boolean or JSON schema expected")
        if isinstance(value, list):
            element = _schema_type(type_)
            if type_.shape is Shape.SCHEMA_OR_STRINGS:
                element = gotypes.STRING
            return [self.value(element, item) for item in value]
        return None

    def _moment(self, type_: GoType, value: Any, read: Callable[[str], str]) -> str:
        if not isinstance(value, str):
            raise self._mismatch(type_, value, wanted="string")
        try:
            return read(value)
        except ValueError as error:
            raise ShapeError(str(error)) from error

    def _expect(self, type_: GoType, value: Any, wanted: type) -> None:
        if not isinstance(value, wanted):
            raise self._mismatch(type_, value)

    def _mismatch(
        self, type_: GoType, value: Any, *, literal: bool = False, wanted: str = ""
    ) -> ShapeError:
        found = _KINDS.get(type(value), "null")
        if literal:
            found = f"number {value}"
        fields = ".".join(part for part in self._path if isinstance(part, str))
        where = "value"
        if fields and self._structs:
            where = f"struct field {self._structs[-1]}.{fields}"
        return ShapeError(
            f"json: cannot unmarshal {found} into Go {where} of type {wanted or type_.printed}"
        )

    def _readable(self, name: str) -> str:
        text = ""
        for part in (*self._path, name):
            if isinstance(part, int):
                text += f"[{part}]"
            else:
                key = part if isinstance(part, str) else part[0]
                text = f"{text}.{key}" if text else key
        return text


_SHAPERS: dict[Shape, Callable[[_Walk, GoType, Any], Any]] = {
    Shape.STRUCT: _Walk.struct,
    Shape.LIST: _Walk.list_,
    Shape.MAP: _Walk.map_,
    Shape.STRING: _Walk.string,
    Shape.BOOL: _Walk.bool_,
    Shape.INTEGER: _Walk.integer,
    Shape.FLOAT: _Walk.float_,
    Shape.BYTES: _Walk.bytes_,
    Shape.QUANTITY: _Walk.quantity,
    Shape.TIME: _Walk.time,
    Shape.MICRO_TIME: _Walk.micro_time,
    Shape.DURATION: _Walk.duration,
    Shape.INT_OR_STRING: _Walk.int_or_string,
    Shape.RAW: _Walk.raw,
    Shape.SCHEMA_OR_ARRAY: _Walk.schema_or,
    Shape.SCHEMA_OR_BOOL: _Walk.schema_or,
    Shape.SCHEMA_OR_STRINGS: _Walk.schema_or,
}


@cache
def _plan_of(definition: str) -> tuple[dict[str, GoField], tuple[str, ...]]:
    type_ = gotypes.struct(definition)
    fields = {} if type_ is None else type_.json_fields
    always = tuple(name for name, field in fields.items() if _is_always_written(field))
    return fields, always


def _plan(type_: GoType) -> tuple[dict[str, GoField], tuple[str, ...]]:
    return _plan_of(type_.definition)


def _is_always_written(field: GoField) -> bool:
    if not field.omit_empty and not field.omit_zero:
        return True
    return field.type.shape in _ALWAYS and not field.type.pointer and not field.omit_zero


def _is_left_out(field: GoField, value: Any) -> bool:
    if field.type.pointer:
        return value is None and field.omit_empty
    if field.omit_zero and value in _EMPTY:
        return True
    if not field.omit_empty or field.type.shape in _ALWAYS:
        return False
    return value in _EMPTY


def _zero_of_field(field: GoField) -> Any:
    return None if field.type.pointer else _zero(field.type)


def _zero(type_: GoType) -> Any:
    if type_.shape is Shape.STRUCT:
        fields, always = _plan(type_)
        return {name: _zero_of_field(fields[name]) for name in always}
    return None if type_.shape in _NIL else _ZEROS.get(type_.shape)


def _element(type_: GoType) -> GoType:
    if type_.element is None:
        raise ShapeError(f"{type_.printed} has no elements")
    return type_.element


def _schema_type(type_: GoType) -> GoType:
    found = gotypes.struct(type_.definition.rpartition(".")[0] + ".JSONSchemaProps")
    if found is None:
        raise ShapeError("JSONSchemaProps is not known")
    return found


def _base64(text: str) -> str:
    try:
        plain = text.translate(_LINE_BREAKS)
        return base64.b64encode(base64.b64decode(plain, validate=True)).decode()
    except (binascii.Error, ValueError) as error:
        raise ShapeError(f"illegal base64 data at input byte {_bad_byte(text)}") from error


def _bad_byte(text: str) -> int:
    """Where Go's decoder stops: at the first strange letter, or at the end of a short text."""
    alphabet = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/\r\n")
    for index, letter in enumerate(text):
        if letter not in alphabet:
            return index
    return len(text) // 4 * 4
