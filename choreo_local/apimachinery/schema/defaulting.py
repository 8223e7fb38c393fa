"""Fills the defaults of a schema into an object, as kube-apiserver does for custom resources."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.schema.node import MISSING, Structural


def apply(schema: Structural, value: Any) -> None:
    """Add what is missing, in place.

    A null counts as missing where the schema has a default and does not allow null. Defaults of an
    object apply only when the object itself is there, or has a default.
    """
    if not schema.has_defaults:
        return
    if isinstance(value, dict):
        _fill_object(schema, value)
    elif isinstance(value, list) and schema.items is not None:
        _fill_list(schema.items, value)


def _fill_object(schema: Structural, value: dict[str, Any]) -> None:
    properties = schema.properties
    for name, child in properties.items():
        if child.default is not MISSING and (
            name not in value or _stands_for_default(child, value[name])
        ):
            value[name] = deep_copy(child.default)
        if name in value:
            apply(child, value[name])
    additional = schema.additional_properties
    if not isinstance(additional, Structural) or not additional.has_defaults:
        return
    for name, item in value.items():
        if name in properties:
            continue
        if _stands_for_default(additional, item):
            value[name] = item = deep_copy(additional.default)
        apply(additional, item)


def _fill_list(schema: Structural, value: list[Any]) -> None:
    for index, item in enumerate(value):
        if _stands_for_default(schema, item):
            value[index] = deep_copy(schema.default)
        apply(schema, value[index])


def _stands_for_default(schema: Structural, value: Any) -> bool:
    return value is None and not schema.nullable and schema.default is not MISSING


def drop_nulls(schema: Structural, value: Any) -> None:
    """Remove nulls that the schema does not allow, in place.

    Created and updated objects are read so, after `apply`. What server-side apply merges is not:
    there such a null is an error.
    """
    if isinstance(value, dict):
        for name in list(value):
            child = schema.property(name)
            if child is None:
                continue
            if value[name] is None and not child.nullable:
                del value[name]
            else:
                drop_nulls(child, value[name])
    elif isinstance(value, list) and schema.items is not None:
        for item in value:
            drop_nulls(schema.items, item)
