"""Which fields an object has, and which differ between two objects, as field sets."""

from __future__ import annotations

from typing import Any, NamedTuple

from choreo_local.apimachinery.equality import equal
from choreo_local.apimachinery.patch.atoms import Atom, ItemError, Relation
from choreo_local.apimachinery.patch.fieldset import FieldSet

_ABSENT: Any = object()
_ASSOCIATIVE = (Relation.SET, Relation.KEYED)


class Changes(NamedTuple):
    """What differs between two objects.

    `changed` holds the fields that are new or have another value, `removed` those that are gone.
    """

    changed: FieldSet
    removed: FieldSet


def field_set(atom: Atom, value: Any) -> FieldSet:
    """The fields that somebody who applies this value owns."""
    if type(value) is dict and atom.map is Relation.GRANULAR:
        return _map_fields(atom, value)
    return {}


def _map_fields(atom: Atom, value: dict[str, Any]) -> FieldSet:
    fields: FieldSet = {}
    for name, item in value.items():
        element, child, declared = atom.child(name)
        kind = type(item)
        if kind is dict and item and child.map is Relation.GRANULAR:
            below = _map_fields(child, item)
        elif kind is list and child.list in _ASSOCIATIVE:
            below = _list_fields(child, item)
        else:
            fields[element] = {}
            continue
        if not declared:
            fields[element] = {".": {}, **below} if below else {}
        elif below:
            fields[element] = below
    return fields


def _list_fields(atom: Atom, value: list[Any]) -> FieldSet:
    fields: FieldSet = {}
    for element, items in index(atom, value).items():
        below = field_set(atom.item, items[0]) if len(items) == 1 else {}
        fields[element] = {".": {}, **below} if below else {}
    return fields


def index(atom: Atom, value: list[Any]) -> dict[str, list[Any]]:
    """The items of a list by path element; more than one where keys occur twice.

    Items without identity are left out: they came in before the schema had keys.
    """
    found: dict[str, list[Any]] = {}
    for item in value:
        try:
            element = atom.identify(item)
        except ItemError:
            continue
        found.setdefault(element, []).append(item)
    return found


def compare(atom: Atom, old: Any, new: Any) -> Changes:
    """The differences of two objects or values at one place."""
    changes = Changes({}, {})
    _compare_below(atom, old, new, changes)
    return changes


def _compare_below(atom: Atom, old: Any, new: Any, into: Changes) -> bool:
    """Compare what is below a place; says whether the place itself is a leaf that changed."""
    if same(atom, old, new):
        return False
    if _is_map(atom, old) or _is_map(atom, new):
        return _compare_maps(atom, old, new, into)
    if _is_list(atom, old) or _is_list(atom, new):
        return _compare_lists(atom, old, new, into)
    return True


def same(atom: Atom, old: Any, new: Any) -> bool:
    """Whether two values at one place are equal."""
    if old is new:
        return True
    return bool(old == new) if atom.is_exact else equal(old, new)


def _is_map(atom: Atom, value: Any) -> bool:
    return type(value) is dict and atom.map is Relation.GRANULAR


def _is_list(atom: Atom, value: Any) -> bool:
    return type(value) is list and atom.list in _ASSOCIATIVE


def _compare_maps(atom: Atom, old: Any, new: Any, into: Changes) -> bool:
    before: dict[str, Any] = old if _is_map(atom, old) else {}
    after: dict[str, Any] = new if _is_map(atom, new) else {}
    for name, item in after.items():
        previous = before.get(name, _ABSENT)
        if previous is not item:
            element, child, _ = atom.child(name)
            _compare_part(element, child, previous, item, into)
    for name, item in before.items():
        if name not in after:
            element, child, _ = atom.child(name)
            below = everything(child, item)
            into.removed[element] = below
    # Two empty containers are leaves, and so is a scalar that takes the place of a map.
    return (not (before or after) and not equal(old, new)) or _replaces(old, before, new, after)


def _compare_lists(atom: Atom, old: Any, new: Any, into: Changes) -> bool:
    before = index(atom, old) if _is_list(atom, old) else {}
    after = index(atom, new) if _is_list(atom, new) else {}
    for element, items in after.items():
        previous = before.get(element)
        if len(items) > 1 or (previous is not None and len(previous) > 1):
            if previous is None or not equal(previous, items):
                into.changed[element] = {}
            continue
        _compare_part(element, atom.item, previous[0] if previous else _ABSENT, items[0], into)
    for element, items in before.items():
        if element not in after:
            into.removed[element] = everything(atom.item, items[0]) if len(items) == 1 else {}
    return (not (before or after) and not equal(old, new)) or _replaces(old, before, new, after)


def _replaces(old: Any, before: Any, new: Any, after: Any) -> bool:
    """Whether a scalar and a container took each other's place; null goes with either."""
    if not before:
        return bool(after) and old is not None and not isinstance(old, dict | list)
    return not after and new is not None and not isinstance(new, dict | list)


def _compare_part(element: str, atom: Atom, old: Any, new: Any, into: Changes) -> None:
    if old is _ABSENT:
        into.changed[element] = everything(atom, new)
        return
    below = Changes({}, {})
    changed = _compare_below(atom, old, new, below)
    if changed:
        into.changed[element] = {".": {}, **below.changed} if below.changed else {}
    elif below.changed:
        into.changed[element] = below.changed
    if below.removed:
        into.removed[element] = below.removed


def everything(atom: Atom, value: Any) -> FieldSet:
    """The place itself and all below it: what changes when the value comes or goes as a whole."""
    if type(value) is dict and value and atom.map is Relation.GRANULAR:
        below: FieldSet = {".": {}}
        for name, item in value.items():
            element, child, _ = atom.child(name)
            below[element] = everything(child, item)
        return below
    if type(value) is list and value and atom.list in _ASSOCIATIVE:
        below = {".": {}}
        for element, items in index(atom, value).items():
            below[element] = everything(atom.item, items[0]) if len(items) == 1 else {}
        return below
    return {}
