"""Patch operations of traits on rendered manifests; pure, but changes the manifest in place.

Operations are `add`, `replace`, `remove` (and `mergeShallow`, which the CRD does not admit but the
engine knows), with the extended paths of `pointers`. A failing operation leaves what the earlier
ones did. Used by traits.

Public: `apply(document, operations)`, `Operation`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import pointers, printing, values
from .errors import PatchError

_SUPPORTED = "add, replace, remove, mergeShallow"


@dataclass(frozen=True, slots=True)
class Operation:
    """One patch operation with its path and value already rendered."""

    op: str
    path: str
    value: Any = None

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Operation:
        """The operation that a plain `{op, path, value}` object describes."""
        return cls(
            str(manifest.get("op", "")), str(manifest.get("path", "")), manifest.get("value")
        )


def apply(document: dict[str, Any], operations: Iterable[Operation]) -> None:
    """Carry out the operations in order.

    Raises:
        PatchError: an operation does not fit; the message names its position.
    """
    for number, operation in enumerate(operations):
        try:
            apply_one(document, operation)
        except PatchError as error:
            raise PatchError(f"operation #{number} failed: {error.message}") from error


def apply_one(document: dict[str, Any], operation: Operation) -> None:
    """Carry out one operation on every place that its path stands for."""
    kind = operation.op.lower()
    act = _ACTIONS.get(kind)
    if act is None:
        name = printing.quoted(operation.op)
        raise PatchError(f"unsupported patch operation {name} (supported: {_SUPPORTED})")
    found = pointers.expand(document, operation.path)
    if not found and kind != "mergeshallow" and pointers.is_selective(operation.path):
        raise PatchError(
            f"path {printing.quoted(operation.path)} contains a filter or wildcard but matched 0 "
            "elements (filter criteria not met or target does not exist)"
        )
    # Taking elements out of a list moves those behind it; from the back nothing that is still to
    # be removed moves.
    for pointer in reversed(found) if kind == "remove" else found:
        if not pointer and kind != "mergeshallow":
            raise PatchError(f"cannot apply {kind} operation to root document")
        act(document, pointers.split(pointer), operation.value)


def _add(document: Any, path: list[str], value: Any) -> None:
    parent, last = _parent(document, path, create=True), path[-1]
    if not isinstance(parent, list):
        _object(parent)[last] = values.copied(value)
    elif last == pointers.APPEND:
        parent.append(values.copied(value))
    else:
        parent.insert(_position(last, len(parent) + 1), values.copied(value))


def _replace(document: Any, path: list[str], value: Any) -> None:
    parent, last = _parent(document, path), path[-1]
    if last == pointers.APPEND:
        raise PatchError("replace operation cannot target append marker '-'")
    if isinstance(parent, list):
        parent[_position(last, len(parent))] = values.copied(value)
        return
    if last not in _object(parent):
        raise PatchError(f"replace operation failed: key {printing.quoted(last)} does not exist")
    parent[last] = values.copied(value)


def _remove(document: Any, path: list[str], _value: Any) -> None:
    parent, last = _parent(document, path), path[-1]
    if last == pointers.APPEND:
        raise PatchError("remove operation cannot target append marker '-'")
    if not isinstance(parent, list):
        _object(parent).pop(last, None)
        return
    position = pointers.index(last)
    if position is None or not 0 <= position < len(parent):
        raise PatchError(f"array index {last} out of bounds for remove (length {len(parent)})")
    del parent[position]


def _merge_shallow(document: Any, path: list[str], value: Any) -> None:
    last = path[-1]
    if last == pointers.APPEND:
        raise PatchError("mergeShallow operation cannot target append position '-'")
    if not isinstance(value, dict):
        kind = printing.type_name(value)
        raise PatchError(f"mergeShallow operation requires an object value, got {kind}")
    parent = _parent(document, path, create=True)
    key: Any = _position(last, len(parent)) if isinstance(parent, list) else last
    current = parent[key] if isinstance(parent, list) else _object(parent).get(last)
    merged = dict(current) if isinstance(current, dict) else {}
    parent[key] = merged | values.copied(value)


_ACTIONS: Mapping[str, Callable[[Any, list[str], Any], None]] = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
    "mergeshallow": _merge_shallow,
}


def _parent(document: Any, path: list[str], *, create: bool = False) -> Any:
    """The container that the last step of a path is about."""
    current = document
    for step, following in itertools.pairwise(path):
        if isinstance(current, list):
            current = current[_position(step, len(current))]
            continue
        if not isinstance(current, dict) or (not create and step not in current):
            raise PatchError(f"path does not exist at segment {printing.quoted(step)}")
        if create and current.get(step) is None:
            current[step] = _created(following)
        current = current[step]
    return current


def _created(following: str) -> Any:
    if following == pointers.APPEND:
        return []
    if pointers.index(following) is not None:
        raise PatchError(f"cannot create an array for index {following}")
    return {}


def _object(parent: Any) -> dict[str, Any]:
    if not isinstance(parent, dict):
        kind = printing.type_name(parent)
        raise PatchError(f"parent must be a map for non-array operations, got {kind}")
    return parent


def _position(segment: str, length: int) -> int:
    position = pointers.index(segment)
    if position is None:
        raise PatchError(f"expected array index at segment {segment}")
    if not 0 <= position < length:
        raise PatchError(f"array index {position} out of bounds")
    return position
