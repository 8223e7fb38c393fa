"""Schemas as CEL sees them: the type of `self`, and JSON values as values of that type."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from choreo_local.apimachinery import names
from choreo_local.apimachinery.schema import formats
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.cel import types
from choreo_local.cel.declarations import Library
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries import KUBERNETES, times
from choreo_local.cel.libraries.kubernetes import formats as format_library
from choreo_local.cel.types import Field, Type

# Words of the language itself, and words that it reserves but allows after a dot.
_KEYWORDS = frozenset({"true", "false", "null", "in"})
_RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"}
    | {"namespace", "package", "return", "var", "void", "while"}
)
_ACCESSIBLE = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_ESCAPED = re.compile(r"__|[./-]")

_DATES = ("date", "date-time", "datetime")
_NAME_FIELDS: Mapping[str, Type] = {"name": types.STRING, "generateName": types.STRING}


def _as_prefix(text: str) -> str:
    """A name is checked as if a suffix were to follow, so it may end in a dash."""
    return f"{text[:-1]}a" if len(text) > 1 and text.endswith("-") else text


def _format_check(name: str, text: str) -> list[str]:
    return [] if formats.is_valid(name, text) else [f"invalid {name}"]


LIBRARIES: Final[tuple[Library, ...]] = (
    *KUBERNETES,
    format_library.library(
        {
            "dns1123Label": names.dns1123_label,
            "dns1123Subdomain": names.dns1123_subdomain,
            "dns1035Label": names.dns1035_label,
            "qualifiedName": names.qualified_name,
            "labelValue": names.label_value,
            "dns1123LabelPrefix": lambda text: names.dns1123_label(_as_prefix(text)),
            "dns1123SubdomainPrefix": lambda text: names.dns1123_subdomain(_as_prefix(text)),
            "dns1035LabelPrefix": lambda text: names.dns1035_label(_as_prefix(text)),
            "uri": lambda text: _format_check("uri", text),
            "uuid": lambda text: _format_check("uuid", text),
            "byte": lambda text: _format_check("byte", text),
            "date": lambda text: _format_check("date", text),
            "datetime": lambda text: _format_check("datetime", text),
        }
    ),
)


def spellings(name: str) -> tuple[str, ...]:
    """The names by which an expression reaches a property; none when it cannot."""
    if name in _KEYWORDS:
        return (f"__{name}__",)
    if name in _RESERVED:
        return (f"__{name}__", name)
    if not _ACCESSIBLE.fullmatch(name):
        return ()
    return (_ESCAPED.sub(lambda found: _ESCAPES[found[0]], name),)


def type_of(schema: Structural, *, is_root: bool = False) -> Type | None:
    """The type of values of a schema; None where it says too little to use them."""
    key = "rule root type" if is_root else "rule type"
    if key not in schema.derived:
        schema.derived[key] = _type_of(schema, is_root=is_root)
    found: Type | None = schema.derived[key]
    return found


def _type_of(schema: Structural, *, is_root: bool) -> Type | None:
    if schema.int_or_string:
        return types.DYN
    match schema.type:
        case "object":
            return _object(schema, is_root=is_root)
        case "array":
            element = None if schema.items is None else type_of(schema.items)
            return None if element is None else types.list_of(element)
        case "string":
            return _string(schema)
        case "boolean":
            return types.BOOL
        case "integer":
            return types.INT
        case "number":
            return types.DOUBLE
        case _:
            return None


def _string(schema: Structural) -> Type:
    if schema.format == "byte":
        return types.BYTES
    if schema.format == "duration":
        return types.DURATION
    return types.TIMESTAMP if schema.format in _DATES else types.STRING


def _object(schema: Structural, *, is_root: bool) -> Type | None:
    additional = schema.additional_properties
    if isinstance(additional, Structural):
        value = type_of(additional)
        return None if value is None else types.map_of(types.STRING, value)
    fields: dict[str, Field] = {}
    for name, child in schema.properties.items():
        found = type_of(child)
        if found is not None:
            fields |= {spelling: Field(found, name) for spelling in spellings(name)}
    if is_root or schema.embedded_resource:
        metadata = types.object_of(f"object{id(schema)}.metadata", _NAME_FIELDS)
        fields["apiVersion"] = fields["kind"] = Field(types.STRING)
        fields["metadata"] = Field(metadata)
    return types.ObjectType(f"object{id(schema)}", fields)


def value_of(schema: Structural, value: Any) -> Any:
    """A JSON value in the representation of CEL.

    Raises:
        EvaluationError: a text is not what its format says.
    """
    if not _converts(schema):
        return value
    match value:
        case dict():
            return {name: _member(schema, name, item) for name, item in value.items()}
        case list() if schema.items is not None:
            items = schema.items
            return [value_of(items, item) for item in value]
        case str():
            return _text_value(schema, value)
        case int() if schema.type == "number" and not isinstance(value, bool):
            return float(value)
        case _:
            return value


def _member(schema: Structural, name: str, value: Any) -> Any:
    child = schema.property(name)
    return value if child is None else value_of(child, value)


def _text_value(schema: Structural, value: str) -> Any:
    if schema.format == "duration":
        return times.duration_of_string(value)
    if schema.format == "date":
        return times.timestamp_of_string(f"{value}T00:00:00Z")
    if schema.format in _DATES:
        return times.timestamp_of_string(value)
    try:
        return base64.b64decode(value.encode(), validate=True)
    except binascii.Error:
        raise EvaluationError("failed to decode the base64 text of a byte field") from None


def _converts(schema: Structural) -> bool:
    """Whether anything below looks different in CEL than in JSON."""
    found = schema.derived.get("rule conversion")
    if found is None:
        found = schema.derived["rule conversion"] = schema.any_below(_is_converted)
    return bool(found)


def _is_converted(schema: Structural) -> bool:
    if schema.type == "number":
        return True
    return schema.type == "string" and schema.format in ("byte", "duration", *_DATES)
