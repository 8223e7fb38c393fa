"""Merges applied configuration into a live value, and takes fields out of a value.

Results share what did not change with their inputs; nothing that is passed in is modified.
"""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.patch.atoms import Atom, ItemError, Relation
from choreo_local.apimachinery.patch.fieldset import FieldSet, is_member

_DUPLICATE: Any = object()


def merge(atom: Atom, live: Any, applied: Any) -> Any:
    """The live value with the applied one over it."""
    if atom.is_exact and live == applied:
        return live
    if atom.map is Relation.GRANULAR and type(live) is dict and live:
        if type(applied) is dict:
            return _merge_maps(atom, live, applied)
        return live if applied is None else applied
    if atom.list in (Relation.SET, Relation.KEYED) and type(live) is list and live:
        if type(applied) is list:
            return _merge_lists(atom, live, applied) if applied else live
        return live if applied is None else applied
    return applied


def _merge_maps(atom: Atom, live: dict[str, Any], applied: dict[str, Any]) -> dict[str, Any]:
    merged = dict(live)
    for name, value in applied.items():
        if name in live:
            merged[name] = merge(atom.child(name)[1], live[name], value)
        else:
            merged[name] = value
    return merged


def _merge_lists(atom: Atom, live: list[Any], applied: list[Any]) -> list[Any]:
    """Shared items come in the order of the applied list, items of others keep their place."""
    ours = {atom.identify(item): item for item in applied}
    elements = [_identity(atom, item) for item in live]
    theirs: dict[str, Any] = {}
    for element, item in zip(elements, live, strict=True):
        theirs[element] = _DUPLICATE if element in theirs else item
    return _interleave(atom, list(zip(elements, live, strict=True)), theirs, ours)


def _identity(atom: Atom, item: Any) -> str:
    try:
        return atom.identify(item)
    except ItemError:
        # Never equal to a real element, so that the item stays where it is.
        return f"i:{id(item)}"


def _interleave(
    atom: Atom, live: list[tuple[str, Any]], theirs: dict[str, Any], ours: dict[str, Any]
) -> list[Any]:
    """Walk both lists side by side; which items wait for which decides the order of the result."""
    merged: list[Any] = []
    order = list(ours)
    shared = iter([element for element in order if element in theirs])
    awaited = next(shared, None)
    done: set[str] = set()
    left = right = 0
    while left < len(live) or right < len(order):
        element = live[left][0] if left < len(live) else None
        if element is not None and element not in ours:
            merged.append(live[left][1])
            left += 1
            continue
        if element is not None and (element in done or _waits(element, order, right, awaited)):
            left += 1
            continue
        wanted = order[right]
        merged.append(_merged_item(atom, theirs.get(wanted), ours[wanted]))
        done.add(wanted)
        left += element == wanted
        right += 1
        if wanted == awaited:
            awaited = next(shared, None)
    return merged


def _waits(element: str, order: list[str], right: int, awaited: str | None) -> bool:
    """Whether a shared item of the live list is not the one wanted next."""
    return right < len(order) and element != order[right] and element != awaited


def _merged_item(atom: Atom, live: Any, applied: Any) -> Any:
    return applied if live is None or live is _DUPLICATE else merge(atom.item, live, applied)


def remove(atom: Atom, value: Any, gone: FieldSet) -> Any:
    """The value without some fields; None when nothing is left of a container."""
    if type(value) is dict and atom.map is not None:
        return None if atom.map is Relation.ATOMIC else _remove_fields(atom, value, gone)
    if type(value) is list and atom.list is not None:
        return None if atom.list is Relation.ATOMIC else _remove_items(atom, value, gone)
    return value


def _remove_fields(atom: Atom, value: dict[str, Any], gone: FieldSet) -> dict[str, Any] | None:
    kept: dict[str, Any] = {}
    for name, item in value.items():
        element, child, _ = atom.child(name)
        node = gone.get(element)
        if node is None:
            kept[name] = item
        elif not is_member(node):
            kept[name] = remove(child, item, node)
    return kept or None


def _remove_items(atom: Atom, value: list[Any], gone: FieldSet) -> list[Any] | None:
    kept: list[Any] = []
    for item in value:
        node = gone.get(_identity(atom, item))
        if node is None:
            kept.append(item)
        elif not is_member(node):
            kept.append(remove(atom.item, item, node))
    return kept or None


def drop_nulls(atom: Atom, value: Any, gone: FieldSet) -> Any:
    """The value without the nulls that `remove` left where null means absent.

    A custom object keeps its nulls outside of the metadata; validation then says what is missing.
    """
    if type(value) is not dict:
        return value
    kept = dict(value)
    for element, node in gone.items():
        name = element[2:]
        if not element.startswith("f:") or name not in kept:
            continue
        child = atom.child(name)[1]
        if kept[name] is not None:
            kept[name] = drop_nulls(child, kept[name], node)
        elif child.typed:
            del kept[name]
    return kept
