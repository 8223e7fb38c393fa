"""`/openapi/v2`: the definitions of all kinds in one document, as JSON and as gnostic's protobuf.

Clients read v3 nowadays; old ones, and `kubectl explain --output plaintext-openapiv2`, want this.
Pure functions of what is served; paths are left out, which no client looks at.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from choreo_local.embedded.kubeapi import openapi
from choreo_local.embedded.kubeapi.protobufwire import tag, tagged, whole
from choreo_local.embedded.kubeapi.resources import ServedResource

_V3, _V2 = "#/components/schemas/", "#/definitions/"
# What OpenAPI v2 does not know.
_UNKNOWN = frozenset({"oneOf", "anyOf", "not", "nullable"})
_FIXED64 = 1


def document(resources: Iterable[ServedResource]) -> dict[str, Any]:
    """The document; its definitions are those of all documents of v3."""
    groups: dict[str, list[ServedResource]] = {}
    for one in resources:
        groups.setdefault(one.kind.group, []).append(one)
    found: dict[str, Any] = {}
    for group, served in sorted(groups.items()):
        for name, schema in openapi.schemas(served, group).items():
            if name not in found:
                found[name] = _downgraded(schema)
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": openapi.VERSION},
        "paths": {},
        "definitions": dict(sorted(found.items())),
    }


def text(resources: Iterable[ServedResource], *, protobuf: bool) -> bytes:
    """The document as it is sent."""
    found = document(resources)
    return encode(found) if protobuf else orjson.dumps(found)


def _downgraded(schema: Any) -> Any:
    """A schema of v3 as one of v2."""
    if isinstance(schema, list):
        return [_downgraded(child) for child in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {name: value for name, value in schema.items() if name not in _UNKNOWN}
    for name in ("items", "additionalProperties", "allOf"):
        if name in made:
            made[name] = _downgraded(made[name])
    if "properties" in made:
        made["properties"] = {
            name: _downgraded(child) for name, child in made["properties"].items()
        }
    wrapped: list[Any] = made.get("allOf") or []
    if len(wrapped) == 1 and "$ref" in wrapped[0]:
        del made["allOf"]
        made["$ref"] = wrapped[0]["$ref"]
        # A reference stands for all of a schema but its description.
        made = {name: made[name] for name in ("$ref", "description") if name in made}
    if "$ref" in made:
        made["$ref"] = made["$ref"].replace(_V3, _V2)
    return made


def encode(found: Mapping[str, Any]) -> bytes:
    """The document as a `openapi.v2.Document`."""
    info = _text(1, found["info"]["title"]) + _text(2, found["info"]["version"])
    entries = found["definitions"].items()
    definitions = b"".join(_named(1, name, schema) for name, schema in entries)
    return _text(1, found["swagger"]) + tagged(2, info) + tagged(8, b"") + tagged(9, definitions)


def _text(field: int, text: str) -> bytes:
    return tagged(field, text.encode())


def _named(field: int, name: str, schema: Mapping[str, Any]) -> bytes:
    return tagged(field, _text(1, name) + tagged(2, _schema(schema)))


def _any(field: int, value: Any) -> bytes:
    # JSON is YAML.
    return tagged(field, tagged(2, orjson.dumps(value)))


def _schema(schema: Mapping[str, Any]) -> bytes:
    parts = []
    for name, value in schema.items():
        if name.startswith("x-"):
            parts.append(tagged(31, _text(1, name) + tagged(2, tagged(2, orjson.dumps(value)))))
        elif name in _FIELDS:
            field, write = _FIELDS[name]
            parts.append(write(field, value))
    return b"".join(parts)


def _double(field: int, value: float) -> bytes:
    return tag(field, _FIXED64) + struct.pack("<d", value)


def _texts(field: int, values: Iterable[str]) -> bytes:
    return b"".join(_text(field, value) for value in values)


def _anys(field: int, values: Iterable[Any]) -> bytes:
    return b"".join(_any(field, value) for value in values)


def _properties(field: int, found: Mapping[str, Any]) -> bytes:
    return tagged(field, b"".join(_named(1, name, schema) for name, schema in found.items()))


def _items(field: int, schema: Any) -> bytes:
    return tagged(field, tagged(1, _schema(schema))) if isinstance(schema, Mapping) else b""


def _additional(field: int, schema: Any) -> bytes:
    if isinstance(schema, Mapping):
        return tagged(field, tagged(1, _schema(schema)))
    return tagged(field, whole(2, bool(schema)))


def _all_of(field: int, schemas: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(tagged(field, _schema(schema)) for schema in schemas)


_FIELDS: Mapping[str, tuple[int, Callable[[int, Any], bytes]]] = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "default": (5, _any),
    "multipleOf": (6, _double),
    "maximum": (7, _double),
    "exclusiveMaximum": (8, whole),
    "minimum": (9, _double),
    "exclusiveMinimum": (10, whole),
    "maxLength": (11, whole),
    "minLength": (12, whole),
    "pattern": (13, _text),
    "maxItems": (14, whole),
    "minItems": (15, whole),
    "uniqueItems": (16, whole),
    "maxProperties": (17, whole),
    "minProperties": (18, whole),
    "required": (19, _texts),
    "enum": (20, _anys),
    "additionalProperties": (21, _additional),
    "type": (22, lambda field, kind: tagged(field, _text(1, kind))),
    "items": (23, _items),
    "allOf": (24, _all_of),
    "properties": (25, _properties),
    "example": (30, _any),
}
