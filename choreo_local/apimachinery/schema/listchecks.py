"""The rules for `x-kubernetes-list-type`, `-list-map-keys` and `-map-type` in schemas of CRDs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError

Schema = Mapping[str, Any]

_LIST_TYPE = "x-kubernetes-list-type"
_MAP_TYPE = "x-kubernetes-map-type"
_MAP_KEYS = "x-kubernetes-list-map-keys"
_LIST_TYPES = ("atomic", "set", "map")
_MAP_TYPES = ("atomic", "granular")


def check(schema: Schema, path: str) -> Iterator[FieldError]:
    """The problems of these keywords at one place."""
    yield from _fits(schema, path, _MAP_TYPE, "object", _MAP_TYPES)
    yield from _fits(schema, path, _LIST_TYPE, "array", _LIST_TYPES)
    list_type, keys = schema.get(_LIST_TYPE), schema.get(_MAP_KEYS) or []
    if keys and list_type != "map":
        detail = f"must be map if {_MAP_KEYS} is non-empty"
        if list_type is None:
            yield fielderrors.required(f"{path}.{_LIST_TYPE}", detail)
        else:
            yield fielderrors.invalid_value(f"{path}.{_LIST_TYPE}", list_type, detail)
    if list_type == "map":
        yield from _map(schema, path, keys)
    elif list_type == "set":
        yield from _set(schema, path)


def _fits(
    schema: Schema, path: str, keyword: str, kind: str, allowed: tuple[str, ...]
) -> Iterator[FieldError]:
    value = schema.get(keyword)
    if value is None:
        return
    actual = schema.get("type") or ""
    if actual != kind:
        article = "array" if kind == "array" else "object"
        detail = f"must be {article} if {keyword} is specified"
        if actual:
            yield fielderrors.invalid_value(f"{path}.type", actual, detail)
        else:
            yield fielderrors.required(f"{path}.type", detail)
    if value not in allowed:
        yield fielderrors.not_supported(f"{path}.{keyword}", value, allowed)


def _map(schema: Schema, path: str, keys: list[str]) -> Iterator[FieldError]:
    items = schema.get("items")
    if not keys:
        yield fielderrors.required(
            f"{path}.{_MAP_KEYS}", f"must not be empty if {_LIST_TYPE} is map"
        )
    if not isinstance(items, Mapping):
        yield fielderrors.required(f"{path}.items", f"must have a schema if {_LIST_TYPE} is map")
        return
    if items.get("type") != "object":
        detail = f"must be object if parent array's {_LIST_TYPE} is map"
        yield fielderrors.invalid_value(f"{path}.items.type", items.get("type", ""), detail)
        return
    seen: set[str] = set()
    for key in keys:
        yield from _key(items, key, path, keys, seen)
        seen.add(key)


def _key(
    items: Schema, key: str, path: str, keys: list[str], seen: set[str]
) -> Iterator[FieldError]:
    where = f"{path}.items.properties[{key}]"
    declared = (items.get("properties") or {}).get(key)
    if declared is None:
        detail = "entries must all be names of item properties"
        yield fielderrors.invalid_value(f"{path}.{_MAP_KEYS}", keys, detail)
        return
    if declared.get("type") in ("array", "object"):
        detail = f"must be a scalar type if parent array's {_LIST_TYPE} is map"
        yield fielderrors.invalid_value(f"{where}.type", declared["type"], detail)
    if key in seen:
        yield fielderrors.invalid_value(
            f"{path}.{_MAP_KEYS}", keys, "must not contain duplicate entries"
        )
    reason = f"this property is in {_MAP_KEYS}, so it"
    if "default" not in declared and key not in (items.get("required") or ()):
        detail = f"{reason} must have a default or be a required property"
        yield fielderrors.required(f"{where}.default", detail)
    if declared.get("nullable"):
        yield fielderrors.forbidden(f"{where}.nullable", f"{reason} cannot be nullable")


def _set(schema: Schema, path: str) -> Iterator[FieldError]:
    items = schema.get("items")
    if not isinstance(items, Mapping):
        return
    if items.get("nullable"):
        detail = f"cannot be nullable when {_LIST_TYPE} is set"
        yield fielderrors.forbidden(f"{path}.items.nullable", detail)
    detail = f"must be atomic as item of a list with {_LIST_TYPE}=set"
    keyword = {"array": _LIST_TYPE, "object": _MAP_TYPE}.get(items.get("type", ""))
    if keyword is not None and items.get(keyword) != "atomic":
        where = f"{path}.items.{keyword}"
        yield fielderrors.invalid_value(where, items.get(keyword), detail)
