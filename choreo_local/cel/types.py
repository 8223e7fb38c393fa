"""The types of expressions, as declared by callers and deduced by the checker.

Types are immutable values; equal types compare and hash equal. Object types are equal by name and
fields, so a caller that derives them from schemas may derive them again at will.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The forms a type can take."""

    ERROR = "!error!"
    DYN = "dyn"
    NULL = "null"
    BOOL = "bool"
    INT = "int"
    UINT = "uint"
    DOUBLE = "double"
    STRING = "string"
    BYTES = "bytes"
    TIMESTAMP = "timestamp"
    DURATION = "duration"
    ANY = "any"
    LIST = "list"
    MAP = "map"
    TYPE = "type"
    OBJECT = "object"
    OPAQUE = "opaque"
    WRAPPER = "wrapper"
    PARAMETER = "parameter"


class TooComplexError(Exception):
    """A type has grown beyond reason, as loops of loops can make it."""


_LARGEST = 5_000


class Type:
    """A type: a kind, a name, and the types it is made of.

    Attributes:
        kind: the form.
        name: what a message shows, and what tells objects, opaque types and parameters apart.
        parameters: of a list the element, of a map key and value, of an optional the content, …
        open: whether a type parameter occurs in it.
        size: of how many types it is made.

    Raises:
        TooComplexError: it is made of more types than anyone writes; every walk over a type counts
            on that.
    """

    __slots__ = ("_hash", "kind", "name", "open", "parameters", "size")

    def __init__(self, kind: Kind, name: str, parameters: tuple[Type, ...] = ()) -> None:
        self.kind = kind
        self.name = name
        self.parameters = parameters
        self.open: bool = kind is Kind.PARAMETER or any(inner.open for inner in parameters)
        self.size: int = 1 + sum(inner.size for inner in parameters)
        if self.size > _LARGEST:
            raise TooComplexError
        self._hash = hash((kind, name, parameters))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Type)
            and self._hash == other._hash
            and self.kind is other.kind
            and self.name == other.name
            and self.parameters == other.parameters
        )

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if not self.parameters:
            return self.name
        return f"{self.name}({', '.join(map(str, self.parameters))})"

    def __repr__(self) -> str:
        return f"Type({self})"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object type.

    Attributes:
        type: of its value.
        key: the name in the data, where that differs from the name in expressions.
    """

    type: Type
    key: str = ""


class ObjectType(Type):
    """A type with named fields; the checker refuses any other field.

    Attributes:
        fields: by their names in expressions.
    """

    __slots__ = ("fields",)

    def __init__(self, name: str, fields: Mapping[str, Field]) -> None:
        super().__init__(Kind.OBJECT, name)
        self.fields = dict(fields)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, ObjectType)
            and self.name == other.name
            and self.fields == other.fields
        )

    def __hash__(self) -> int:
        return self._hash


ERROR = Type(Kind.ERROR, "!error!")
DYN = Type(Kind.DYN, "dyn")
NULL = Type(Kind.NULL, "null")
BOOL = Type(Kind.BOOL, "bool")
INT = Type(Kind.INT, "int")
UINT = Type(Kind.UINT, "uint")
DOUBLE = Type(Kind.DOUBLE, "double")
STRING = Type(Kind.STRING, "string")
BYTES = Type(Kind.BYTES, "bytes")
TIMESTAMP = Type(Kind.TIMESTAMP, "timestamp")
DURATION = Type(Kind.DURATION, "duration")
ANY = Type(Kind.ANY, "any")
TYPE = Type(Kind.TYPE, "type")

# Nothing is known of values of these types, or it does not matter any more.
LOOSE = frozenset({Kind.DYN, Kind.ERROR, Kind.ANY})

_OPTIONAL = "optional_type"


def list_of(element: Type) -> Type:
    """Lists of an element type."""
    return Type(Kind.LIST, "list", (element,))


def map_of(key: Type, value: Type) -> Type:
    """Maps from a key type to a value type."""
    return Type(Kind.MAP, "map", (key, value))


def optional_of(content: Type) -> Type:
    """A value that may be absent."""
    return Type(Kind.OPAQUE, _OPTIONAL, (content,))


def type_of(instance: Type) -> Type:
    """The type of a type."""
    return Type(Kind.TYPE, "type", (instance,))


def wrapper_of(content: Type) -> Type:
    """A scalar or null."""
    return Type(Kind.WRAPPER, "wrapper", (content,))


def opaque(name: str, *parameters: Type) -> Type:
    """A type that only functions can look into."""
    return Type(Kind.OPAQUE, name, parameters)


def parameter(name: str) -> Type:
    """A type parameter of an overload."""
    return Type(Kind.PARAMETER, name)


def object_of(name: str, fields: Mapping[str, Type | Field]) -> ObjectType:
    """An object type; a field given as a bare type has the same name in the data."""
    return ObjectType(
        name,
        {
            field: value if isinstance(value, Field) else Field(value)
            for field, value in fields.items()
        },
    )


def optional_content(type_: Type) -> Type | None:
    """What an optional may hold; None when the type is not an optional."""
    if type_.kind is Kind.OPAQUE and type_.name == _OPTIONAL:
        return type_.parameters[0]
    return None
