"""The Go types of builtin kinds, as far as clients can see them through the wire.

`typed` (JSON) and `protobuf` walk these; the facts come from the generated table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, cached_property
from typing import Any

from choreo_local.embedded.kubeapi import definitions

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."


class Shape(Enum):
    """What a value of a type looks like in JSON."""

    STRING = auto()
    BOOL = auto()
    INTEGER = auto()
    FLOAT = auto()
    BYTES = auto()
    LIST = auto()
    MAP = auto()
    STRUCT = auto()
    QUANTITY = auto()
    TIME = auto()
    MICRO_TIME = auto()
    DURATION = auto()
    INT_OR_STRING = auto()
    RAW = auto()
    SCHEMA_OR_ARRAY = auto()
    SCHEMA_OR_BOOL = auto()
    SCHEMA_OR_STRINGS = auto()


_SCALARS = {
    "string": Shape.STRING,
    "bool": Shape.BOOL,
    "int": Shape.INTEGER,
    "int32": Shape.INTEGER,
    "int64": Shape.INTEGER,
    "float64": Shape.FLOAT,
}
# Types that have their own JSON form.
_SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": Shape.QUANTITY,
    _META + "Time": Shape.TIME,
    _META + "MicroTime": Shape.MICRO_TIME,
    _META + "Duration": Shape.DURATION,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": Shape.INT_OR_STRING,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": Shape.RAW,
    _META + "FieldsV1": Shape.RAW,
    _EXTENSIONS + "JSON": Shape.RAW,
    _EXTENSIONS + "JSONSchemaPropsOrArray": Shape.SCHEMA_OR_ARRAY,
    _EXTENSIONS + "JSONSchemaPropsOrBool": Shape.SCHEMA_OR_BOOL,
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": Shape.SCHEMA_OR_STRINGS,
}


@dataclass(frozen=True)
class GoType:
    """A type.

    Attributes:
        shape: what its values look like; of what it points to, for a pointer.
        printed: its name in the messages of Go's JSON decoder, without the `*` of a pointer.
        definition: the definition name, of a struct or of a type with a name of its own.
        pointer: absent and zero are two things.
        bits: of an integer.
        enum: all values, of an enumeration.
        element: of a list or map.
    """

    shape: Shape
    printed: str
    definition: str = ""
    pointer: bool = False
    bits: int = 64
    element: GoType | None = None
    enum: tuple[str, ...] = ()

    @cached_property
    def fields(self) -> tuple[GoField, ...]:
        """The fields of a struct as protobuf numbers them: inlined structs are one field."""
        return _fields(self.definition)

    @cached_property
    def json_fields(self) -> dict[str, GoField]:
        """The fields of a struct by their JSON names, inlined structs spread out, in Go's order."""
        found: dict[str, GoField] = {}
        for field in self.fields:
            found.update(field.type.json_fields if field.inline else {field.json: field})
        return found


@dataclass(frozen=True, slots=True)
class GoField:
    """A field of a struct.

    Attributes:
        json: its name in JSON, empty for an inlined struct.
        omit_empty: left out of JSON when it is nil, zero or has no items; structs never are.
        omit_zero: left out of JSON when it is a zero struct.
        number: of protobuf; 0 where it has none.
        wrapped: a list that protobuf wraps into a message of its own.
        default: what clients may assume when it is absent; None for nothing.
    """

    json: str
    type: GoType
    omit_empty: bool
    omit_zero: bool
    inline: bool
    number: int
    wrapped: bool
    default: Any = None


@cache
def struct(definition: str) -> GoType | None:
    """The struct of a definition name; None when there is none."""
    if isinstance(definitions.go_types().get(definition), list):
        return _resolve(definition)
    return None


@cache
def _fields(definition: str) -> tuple[GoField, ...]:
    entries = definitions.go_types().get(definition)
    if not isinstance(entries, list):
        return ()
    return tuple(
        GoField(
            json=name,
            type=_resolve(expression),
            omit_empty="o" in flags,
            omit_zero="z" in flags,
            inline="i" in flags,
            number=number,
            wrapped="1" in flags,
            default=default[0] if default else None,
        )
        for name, expression, flags, number, *default in entries
    )


@cache
def _resolve(expression: str) -> GoType:
    if expression.startswith("*"):
        target = _resolve(expression[1:])
        return GoType(
            target.shape,
            target.printed,
            definition=target.definition,
            pointer=True,
            bits=target.bits,
            element=target.element,
            enum=target.enum,
        )
    if expression == "[]byte":
        return GoType(Shape.BYTES, "[]uint8")
    if expression.startswith("[]"):
        element = _resolve(expression[2:])
        return GoType(Shape.LIST, f"[]{element.printed}", element=element)
    if expression.startswith("map["):
        key, _, value = expression[4:].partition("]")
        element = _resolve(value)
        printed = f"map[{_printed(key)}]{element.printed}"
        return GoType(Shape.MAP, printed, element=element)
    if expression in _SCALARS:
        bits = 32 if expression == "int32" else 64
        return GoType(_SCALARS[expression], expression, bits=bits)
    return _resolve_named(expression)


def _resolve_named(name: str) -> GoType:
    special = _SPECIAL.get(name)
    if special is not None:
        return GoType(special, _printed(name), definition=name)
    entry = definitions.go_types().get(name)
    enum: tuple[str, ...] = ()
    if isinstance(entry, dict):
        entry, enum = entry["type"], tuple(entry["enum"])
    if isinstance(entry, str):
        target = _resolve(entry)
        return GoType(
            target.shape,
            _printed(name),
            definition=name if target.shape is not Shape.STRUCT else target.definition,
            bits=target.bits,
            element=target.element,
            enum=enum,
        )
    return GoType(Shape.STRUCT, _printed(name), definition=name)


def _printed(name: str) -> str:
    """`io.k8s.api.core.v1.Pod` → `v1.Pod`: Go prints the last part of a package."""
    return ".".join(name.split(".")[-2:])


STRING = _resolve("string")
