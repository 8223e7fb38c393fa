"""Is a parameter schema a schema at all? Pure.

Upstream decodes it into Kubernetes' Go type and converts that to a structural schema; what fails
there is refused here with the same text. Unknown keywords are ignored, as they are there.

Public: `check(schema)`, `EXTENSIONS`, `EXTENSION_ITEMS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import SchemaError

_SCHEMA = "v1.JSONSchemaProps"
_TEXT = ("id", "$schema", "description", "type", "format", "title", "pattern")
_FLAG = ("exclusiveMaximum", "exclusiveMinimum", "uniqueItems", "nullable")
_INTEGER = (*("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"),)
_NUMBER = ("maximum", "minimum", "multipleOf")
_MEMBERS = ("properties", "patternProperties", "definitions")
_BRANCHES = ("allOf", "oneOf", "anyOf")
# These may be something else than one schema.
_ALTERNATIVES: Mapping[str, type] = {"additionalProperties": bool, "items": list}
# Kubernetes' own keywords, those that only builtin kinds have included → what they must be.
EXTENSIONS: Mapping[str, tuple[type, str]] = {
    "x-kubernetes-preserve-unknown-fields": (bool, "bool"),
    "x-kubernetes-embedded-resource": (bool, "bool"),
    "x-kubernetes-int-or-string": (bool, "bool"),
    "x-kubernetes-list-type": (str, "string"),
    "x-kubernetes-map-type": (str, "string"),
    "x-kubernetes-list-map-keys": (list, "[]string"),
    "x-kubernetes-validations": (list, "v1.ValidationRules"),
    "x-kubernetes-patch-strategy": (str, "string"),
    "x-kubernetes-patch-merge-key": (str, "string"),
}
EXTENSION_ITEMS: Mapping[str, tuple[type, str]] = {
    "x-kubernetes-list-map-keys": (str, "string"),
    "x-kubernetes-validations": (dict, "v1.ValidationRule"),
}
_UNSUPPORTED = {
    "id": "id",
    "$schema": "schema",
    "$ref": "$ref",
    "patternProperties": "patternProperties",
    "additionalItems": "additionalItems",
    "definitions": "definitions",
    "dependencies": "dependencies",
}


def check(schema: Mapping[str, Any]) -> None:
    """Refuse what is not a schema that can hold parameters.

    Raises:
        SchemaError: with the text that the recorded pipeline has for it.
    """
    _decodable(schema, ())
    _structural(schema)


def _decodable(schema: Any, path: tuple[str, ...]) -> None:
    _expect(schema, Mapping, path, _SCHEMA)
    for key, value in schema.items():
        if value is None:
            continue
        here = (*path, key)
        if key in _TEXT:
            _expect(value, str, here, "string")
        elif key in _FLAG:
            _expect(value, bool, here, "bool")
        elif key in _INTEGER:
            _expect(value, int, here, "int64")
        elif key in _NUMBER:
            _expect(value, int | float, here, "float64")
        elif key in EXTENSIONS:
            _expect_extension(key, value, here)
        else:
            _decodable_children(key, value, here)


def _expect_extension(key: str, value: Any, here: tuple[str, ...]) -> None:
    kind, go_type = EXTENSIONS[key]
    _expect(value, kind, here, go_type)
    if key in EXTENSION_ITEMS:
        kind, go_type = EXTENSION_ITEMS[key]
        for item in value:
            _expect(item, kind, here, go_type)


def _decodable_children(key: str, value: Any, here: tuple[str, ...]) -> None:
    if key in _MEMBERS:
        _expect(value, Mapping, here, f"map[string]{_SCHEMA}")
        for member in value.values():
            _decodable(member, here)
    elif key in _BRANCHES:
        _expect(value, list, here, f"[]{_SCHEMA}")
        for member in value:
            _decodable(member, here)
    elif key == "not" or (key in _ALTERNATIVES and not isinstance(value, _ALTERNATIVES[key])):
        _decodable(value, here)
    elif key == "required":
        _expect(value, list, here, "[]string")
        for name in value:
            _expect(name, str, here, "string")
    elif key == "enum":
        _expect(value, list, here, "[]v1.JSON")


def _structural(schema: Mapping[str, Any]) -> None:
    for key, shown in _UNSUPPORTED.items():
        if schema.get(key):
            _refuse(f"OpenAPIV3Schema '{shown}' is not supported")
    items = schema.get("items")
    if isinstance(items, list):
        _refuse("OpenAPIV3Schema 'items' must be a schema, but is an array")
    children = [items, schema.get("additionalProperties"), schema.get("not")]
    children.extend((schema.get("properties") or {}).values())
    for key in _BRANCHES:
        children.extend(schema.get(key) or ())
    for child in children:
        if isinstance(child, Mapping):
            _structural(child)


def _refuse(message: str) -> None:
    raise SchemaError(f"failed to build structural schema: {message}")


def _expect(value: Any, kind: Any, path: tuple[str, ...], go_type: str) -> None:
    is_bool = isinstance(value, bool)
    if isinstance(value, kind) and (not is_bool or kind is bool):
        return
    field = f"JSONSchemaProps.{'.'.join(path)}" if path else ""
    where = f"Go struct field {field}" if field else "Go value"
    raise SchemaError(
        "failed to unmarshal schema to JSONSchemaProps: json: cannot unmarshal "
        f"{_json_kind(value)} into {where} of type {go_type}"
    )


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"
