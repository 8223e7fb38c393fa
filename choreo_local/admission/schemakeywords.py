"""Keywords that no schema has, found as upstream's strict decoder finds them; pure.

Public: `unknown(schema)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.rendering import values

_KNOWN = frozenset(
    {"id", "$schema", "$ref", "description", "type", "format", "title", "default", "example"}
    | {"maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "multipleOf"}
    | {"maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "items"}
    | {"maxProperties", "minProperties", "required", "enum", "nullable", "externalDocs"}
    | {"allOf", "oneOf", "anyOf", "not", "properties", "additionalProperties"}
    | {"patternProperties", "dependencies", "additionalItems", "definitions"}
    | {f"x-kubernetes-{name}" for name in ("preserve-unknown-fields", "embedded-resource")}
    | {f"x-kubernetes-{name}" for name in ("int-or-string", "list-map-keys", "list-type")}
    | {f"x-kubernetes-{name}" for name in ("map-type", "validations")}
)
# `items` and `additionalProperties` have decoders of their own upstream, which are not strict.
_MAPS = frozenset({"properties", "patternProperties", "definitions"})
_LISTS = frozenset({"allOf", "oneOf", "anyOf"})


def unknown(schema: Any) -> str:
    """The first unknown keyword of a schema; empty when there is none."""
    return next(_unknown(schema), "")


def _unknown(schema: Any) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    for key in sorted(schema):
        if key not in _KNOWN and not _is_vendor(key):
            yield key
        for child in _below(key, schema[key]):
            yield from _unknown(child)


def _below(key: str, value: Any) -> list[Any]:
    if key in _MAPS:
        members = values.members(value)
        return [members[name] for name in sorted(members)]
    if key in _LISTS:
        return values.items(value)
    return [value] if key == "not" else []


def _is_vendor(key: str) -> bool:
    return len(key) > 2 and key.startswith("x-") and not key.startswith("x-kubernetes-")
