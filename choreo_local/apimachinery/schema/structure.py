"""What makes a schema structural: a type everywhere, and nothing hidden in `anyOf` and the like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError

Schema = Mapping[str, Any]

_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_COMPOSITIONS = ("allOf", "anyOf", "oneOf")
# Keywords that may only stand in the structure itself, and what they must be elsewhere.
_STRUCTURE_ONLY = {
    "type": "must be empty to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "default": "must be undefined to be structural",
    "additionalProperties": "must be undefined to be structural",
    "nullable": "must be false to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
}


def check(schema: Schema, path: str) -> list[FieldError]:
    """The problems that keep a schema from being structural."""
    return [*_structure(schema, path, "at the root")]


def _structure(schema: Schema, path: str, place: str) -> Iterator[FieldError]:
    yield from _type(schema, path, place)
    yield from _extensions(schema, path)
    yield from _embedded(schema, path)
    is_root = place == "at the root"
    if is_root or schema.get("x-kubernetes-embedded-resource"):
        yield from _resource(schema, path, is_root=is_root)
    for name, child in (schema.get("properties") or {}).items():
        where = f"{path}.properties[{name}]"
        yield from _structure(child, where, "for specified object fields")
    additional = schema.get("additionalProperties")
    if additional is not None and is_root:
        yield fielderrors.forbidden(f"{path}.additionalProperties", "must not be used at the root")
    if isinstance(additional, Mapping):
        where = f"{path}.additionalProperties"
        yield from _structure(additional, where, "for specified object fields")
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield from _structure(items, f"{path}.items", "for specified array items")
    for keyword, branch in _branches(schema):
        if not _is_int_or_string(schema, keyword, branch):
            yield from _condition(branch, f"{path}.{keyword}")
            yield from _completeness(branch, schema, path, f"{path}.{keyword}")


def _type(schema: Schema, path: str, place: str) -> Iterator[FieldError]:
    kind = schema.get("type") or ""
    where = f"{path}.type"
    if schema.get("x-kubernetes-embedded-resource") and kind != "object":
        detail = "must be object if x-kubernetes-embedded-resource is true"
        if kind:
            yield fielderrors.invalid_value(where, kind, detail)
        else:
            yield fielderrors.required(where, detail)
    elif not kind:
        untyped = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
        if place == "at the root" or not any(schema.get(keyword) for keyword in untyped):
            yield fielderrors.required(where, f"must not be empty {place}")
    if kind == "array" and schema.get("items") is None:
        yield fielderrors.required(f"{path}.items", "must be specified")
    if place == "at the root" and kind and kind != "object":
        yield fielderrors.invalid_value(where, kind, "must be object at the root")


def _extensions(schema: Schema, path: str) -> Iterator[FieldError]:
    if not schema.get("x-kubernetes-int-or-string"):
        return
    for keyword in ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"):
        if schema.get(keyword):
            detail = "must be false if x-kubernetes-int-or-string is true"
            yield fielderrors.invalid_value(f"{path}.{keyword}", value=True, detail=detail)


def _embedded(schema: Schema, path: str) -> Iterator[FieldError]:
    if not schema.get("x-kubernetes-embedded-resource"):
        return
    if schema.get("additionalProperties") is not None:
        detail = "must not be used if x-kubernetes-embedded-resource is set"
        yield fielderrors.forbidden(f"{path}.additionalProperties", detail)
    if not schema.get("properties") and not schema.get("x-kubernetes-preserve-unknown-fields"):
        detail = (
            "must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields"
        )
        yield fielderrors.required(f"{path}.properties", detail)


def _resource(schema: Schema, path: str, *, is_root: bool) -> Iterator[FieldError]:
    """Every object has a kind, a version and metadata; a schema may restrict their names only."""
    properties = schema.get("properties") or {}
    for name in ("apiVersion", "kind"):
        kind = properties.get(name, {}).get("type", "")
        if name in properties and kind != "string":
            where = f"{path}.properties[{name}].type"
            yield fielderrors.invalid_value(where, kind, "must be string")
    metadata = properties.get("metadata")
    if metadata is None:
        return
    where = f"{path}.properties[metadata]"
    if metadata.get("type") != "object":
        yield fielderrors.invalid_value(f"{where}.type", metadata.get("type", ""), "must be object")
    names_only = set(metadata.get("properties") or {}) <= {"name", "generateName"}
    others = metadata.keys() - {"type", "properties", "description", "title", "default"}
    if is_root and (others or not names_only):
        detail = (
            "must not specify anything other than name and generateName, but metadata is "
            "implicitly specified"
        )
        yield fielderrors.forbidden(where, detail)


def _branches(schema: Schema) -> Iterator[tuple[str, Schema]]:
    for keyword in _COMPOSITIONS:
        for index, branch in enumerate(schema.get(keyword) or ()):
            yield f"{keyword}[{index}]", branch
    if isinstance(schema.get("not"), Mapping):
        yield "not", schema["not"]


def _is_int_or_string(schema: Schema, keyword: str, branch: Schema) -> bool:
    """The one place where types may stand in a branch: spelling out integer-or-string."""
    if not schema.get("x-kubernetes-int-or-string"):
        return False
    if keyword.startswith("anyOf"):
        return schema.get("anyOf") == _INT_OR_STRING
    return keyword == "allOf[0]" and branch.get("anyOf") == _INT_OR_STRING


def _condition(schema: Schema, path: str) -> Iterator[FieldError]:
    """A branch only restricts values; it says nothing about structure."""
    for keyword, detail in _STRUCTURE_ONLY.items():
        value = schema.get(keyword)
        if value not in (None, "", False, []):
            yield fielderrors.forbidden(f"{path}.{keyword}", detail)
    properties = schema.get("properties") or {}
    if "metadata" in properties:
        where = f"{path}.properties[metadata]"
        yield fielderrors.forbidden(where, "must not be specified in a nested context")
    for name, child in properties.items():
        yield from _condition(child, f"{path}.properties[{name}]")
    if isinstance(schema.get("items"), Mapping):
        yield from _condition(schema["items"], f"{path}.items")
    for keyword, branch in _branches(schema):
        yield from _condition(branch, f"{path}.{keyword}")


def _completeness(branch: Schema, schema: Schema, path: str, where: str) -> Iterator[FieldError]:
    """What a branch restricts must be declared in the structure."""
    because = f"because it is defined in {where}"
    declared = schema.get("properties") or {}
    for name, child in (branch.get("properties") or {}).items():
        below = f"{where}.properties[{name}]"
        additional = schema.get("additionalProperties")
        if name in declared:
            target = f"{path}.properties[{name}]"
            yield from _completeness(child, declared[name], target, below)
        elif isinstance(additional, Mapping):
            yield from _completeness(child, additional, f"{path}.additionalProperties", below)
        else:
            target = f"{path}.properties[{name}]"
            yield fielderrors.required(target, f"because it is defined in {below}")
    if isinstance(branch.get("items"), Mapping):
        if isinstance(schema.get("items"), Mapping):
            target, below = f"{path}.items", f"{where}.items"
            yield from _completeness(branch["items"], schema["items"], target, below)
        else:
            yield fielderrors.required(f"{path}.items", f"{because}.items")
    for keyword, inner in _branches(branch):
        yield from _completeness(inner, schema, path, f"{where}.{keyword}")
