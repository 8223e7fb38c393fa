"""Drops the fields that a schema does not know, and names them for `fieldValidation`."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.schema.node import Structural

_TYPE_FIELDS = frozenset({"apiVersion", "kind", "metadata"})
_NOTHING = Structural({})


def prune(schema: Structural, value: Any) -> list[str]:
    """Remove unknown fields of an object, in place.

    Returns:
        their paths as kube-apiserver writes them, e.g. `spec.ports[0].prot`, sorted.
    """
    removed: list[str] = []
    _prune(schema, value, "", removed, keep=_TYPE_FIELDS)
    return sorted(removed)


def prune_value(schema: Structural, value: Any) -> list[str]:
    """The same for a value that is no whole object, e.g. a default."""
    removed: list[str] = []
    _descend(schema, value, "", removed)
    return sorted(removed)


def _prune(
    schema: Structural, value: Any, path: str, removed: list[str], *, keep: frozenset[str]
) -> None:
    if isinstance(value, dict):
        _prune_object(schema, value, path, removed, keep)
    elif isinstance(value, list):
        items = schema.items or (None if schema.preserve_unknown else _NOTHING)
        if items is not None:
            for index, item in enumerate(value):
                _descend(items, item, f"{path}[{index}]", removed)


def _prune_object(
    schema: Structural, value: dict[str, Any], path: str, removed: list[str], keep: frozenset[str]
) -> None:
    for name in list(value):
        if name in keep:
            continue
        below = f"{path}.{name}" if path else name
        child = schema.properties.get(name)
        additional = schema.additional_properties
        if child is not None:
            _descend(child, value[name], below, removed)
        elif additional:
            other = additional if isinstance(additional, Structural) else _NOTHING
            _descend(other, value[name], below, removed)
        elif not schema.preserve_unknown:
            removed.append(below)
            del value[name]


def _descend(schema: Structural, value: Any, path: str, removed: list[str]) -> None:
    if type(value) is dict or type(value) is list:
        keep = _TYPE_FIELDS if schema.embedded_resource else frozenset()
        _prune(schema, value, path, removed, keep=keep)
