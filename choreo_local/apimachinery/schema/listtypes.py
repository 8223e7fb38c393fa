"""Lists that are sets or maps hold no item twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema.node import Structural


def validate(schema: Structural, value: Any, path: str = "") -> Iterator[FieldError]:
    """The problems of all such lists in a value."""
    if not has_any(schema):
        return
    if isinstance(value, dict):
        yield from _fields(schema, value, path)
    elif isinstance(value, list):
        yield from _items(schema, value, path)


def has_any(schema: Structural) -> bool:
    """Whether there are such lists at or below a node."""
    found = schema.derived.get("keyed lists")
    if found is None:
        found = schema.any_below(lambda node: node.list_type != "atomic")
        schema.derived["keyed lists"] = found
    return bool(found)


def _fields(schema: Structural, value: dict[str, Any], path: str) -> Iterator[FieldError]:
    additional = schema.additional_properties
    for name, item in value.items():
        if not isinstance(item, dict | list):
            continue
        child = schema.properties.get(name)
        if child is not None:
            yield from validate(child, item, f"{path}.{name}" if path else name)
        elif isinstance(additional, Structural):
            yield from validate(additional, item, f"{path}[{name}]")


def _items(schema: Structural, value: list[Any], path: str) -> Iterator[FieldError]:
    if schema.list_type == "set":
        for index in _repeated(enumerate(value)):
            yield fielderrors.duplicate(f"{path}[{index}]", value[index])
    elif schema.list_type == "map":
        for index, item in enumerate(value):
            if item is not None and not isinstance(item, dict):
                detail = "must be an object for an array of list-type map"
                yield fielderrors.invalid_value(f"{path}[{index}]", item, detail)
                return
        keys = {index: _keys(schema, item) for index, item in enumerate(value) if item is not None}
        for index in _repeated(keys.items()):
            yield fielderrors.duplicate(f"{path}[{index}]", keys[index])
    if schema.items is not None:
        for index, item in enumerate(value):
            yield from validate(schema.items, item, f"{path}[{index}]")


def _keys(schema: Structural, item: dict[str, Any]) -> dict[str, Any]:
    return {key: item[key] for key in schema.list_map_keys if key in item}


def _repeated(values: Iterable[tuple[int, Any]]) -> Iterator[int]:
    """The places of values that occurred before, each value reported once."""
    reported: dict[str, bool] = {}
    for index, value in values:
        text = json.dumps(value, sort_keys=True)
        if reported.get(text) is False:
            yield index
        reported[text] = text in reported
