"""Keywords that no schema has, and Kubernetes' own ones with values they cannot have; pure.

Both are found, and worded, as upstream's decoders do.

Public: `unknown(schema)`, `misused(schema)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.rendering import values
from choreo_local.rendering.schemashape import EXTENSION_ITEMS, EXTENSIONS

from . import reading

_KNOWN = frozenset(
    {"id", "$schema", "$ref", "description", "type", "format", "title", "default", "example"}
    | {"maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "multipleOf"}
    | {"maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "items"}
    | {"maxProperties", "minProperties", "required", "enum", "nullable", "externalDocs"}
    | {"allOf", "oneOf", "anyOf", "not", "properties", "additionalProperties"}
    | {"patternProperties", "dependencies", "additionalItems", "definitions"}
    | (EXTENSIONS.keys() - {"x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key"})
)
# `items` and `additionalProperties` have decoders of their own upstream, which are not strict.
_MAPS = frozenset({"properties", "patternProperties", "definitions"})
_LISTS = frozenset({"allOf", "oneOf", "anyOf"})
_LENIENT = frozenset({"items", "additionalProperties"})


def unknown(schema: Any) -> str:
    """The first unknown keyword of a schema; empty when there is none."""
    return next(_unknown(schema), "")


def _unknown(schema: Any) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    for key in sorted(schema):
        if key not in _KNOWN and not _is_vendor(key):
            yield key
        if key not in _LENIENT:
            for child in _below(key, schema[key]):
                yield from _unknown(child)


def misused(schema: Any) -> str:
    """What is wrong with the first keyword of Kubernetes' own; empty when nothing is."""
    return next(_misused(schema, "JSONSchemaProps"), "")


def _misused(schema: Any, path: str) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    for key in sorted(schema):
        value, below = schema[key], f"{path}.{key}"
        if key in EXTENSIONS and value is not None:
            yield from _mistyped(value, below, EXTENSIONS[key])
            if key in EXTENSION_ITEMS:
                for item in values.items(value):
                    yield from _mistyped(item, below, EXTENSION_ITEMS[key])
        for child in _below(key, value):
            yield from _misused(child, below)


def _mistyped(value: Any, path: str, wanted: tuple[type, str]) -> Iterator[str]:
    kind, go_type = wanted
    if not isinstance(value, kind):
        found = reading.json_kind(value)
        yield f"json: cannot unmarshal {found} into Go struct field {path} of type {go_type}"


def _below(key: str, value: Any) -> list[Any]:
    """The schemas in the value of a keyword."""
    if key in _MAPS:
        members = values.members(value)
        return [members[name] for name in sorted(members)]
    if key in _LISTS:
        return values.items(value)
    return [value] if key == "not" or key in _LENIENT else []


def _is_vendor(key: str) -> bool:
    return len(key) > 2 and key.startswith("x-") and not key.startswith("x-kubernetes-")
