"""Applies the defaults of types wherever a type occurs inside an object.

The modules beside this one say what to fill in for a Go type; this one finds the places. A parent
is filled in before its parts, as kube-apiserver does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from choreo_local.embedded.kubeapi import gotypes
from choreo_local.embedded.kubeapi.gotypes import GoType, Shape

Object = dict[str, Any]
Defaulter = Callable[[Object], None]

_REGISTRY: dict[str, list[Defaulter]] = {}
_API = "io.k8s.api."


def defaults(*types: str) -> Callable[[Defaulter], Defaulter]:
    """Register a function for Go types, named as `core.v1.Container` or in full."""

    def register(function: Defaulter) -> Defaulter:
        for name in types:
            full = name if name.startswith("io.") else _API + name
            _REGISTRY.setdefault(full, []).append(function)
        return function

    return register


def apply(definition: str, obj: Object) -> None:
    """Fill in everything that is missing in an object of a type, in place."""
    type_ = gotypes.struct(definition)
    if type_ is not None:
        _visit(type_, obj)


def _visit(type_: GoType, value: Any) -> None:
    if type_.shape is Shape.STRUCT:
        if isinstance(value, dict):
            _visit_struct(type_, value)
    elif type_.element is None or not value:
        return
    elif isinstance(value, list):
        for item in value:
            _visit(type_.element, item)
    elif isinstance(value, dict):
        for item in value.values():
            _visit(type_.element, item)


def _visit_struct(type_: GoType, value: Object) -> None:
    for function in _REGISTRY.get(type_.definition, ()):
        function(value)
    for name, default in _marked(type_.definition):
        if value.get(name) is None:
            value[name] = default
    for name, inner, whole in _interesting(type_.definition):
        found = value.get(name)
        if found is None:
            continue
        for function in whole:
            function(found)
        if inner is not None:
            _visit(inner, found)


@cache
def _marked(definition: str) -> tuple[tuple[str, Any], ...]:
    """Fields whose default the type itself says; a zero says something of a pointer only."""
    type_ = gotypes.struct(definition)
    fields = type_.json_fields.items() if type_ is not None else ()
    return tuple(
        (name, field.default)
        for name, field in fields
        if field.default is not None and (field.default or field.type.pointer)
    )


@cache
def _interesting(definition: str) -> tuple[tuple[str, GoType | None, tuple[Defaulter, ...]], ...]:
    """The fields of a struct that have, or contain, a type with defaults."""
    type_ = gotypes.struct(definition)
    if type_ is None:
        return ()
    found = []
    for name, field in type_.json_fields.items():
        named = () if field.type.shape is Shape.STRUCT else _REGISTRY.get(field.type.definition, ())
        inner = field.type if _has_defaults(_target(field.type)) else None
        if inner is not None or named:
            found.append((name, inner, tuple(named)))
    return tuple(found)


def _target(type_: GoType) -> str:
    """The struct inside lists and maps; empty when there is none."""
    while type_.element is not None:
        type_ = type_.element
    return type_.definition if type_.shape is Shape.STRUCT else ""


_known: dict[str, bool] = {}


def _has_defaults(definition: str) -> bool:
    if not definition:
        return False
    found = _known.get(definition)
    if found is None:
        found = _known[definition] = _search(definition, set())
    return found


def _search(definition: str, seen: set[str]) -> bool:
    if definition in _REGISTRY or _marked(definition):
        return True
    if definition in seen:
        return False
    seen.add(definition)
    type_ = gotypes.struct(definition)
    fields = type_.json_fields.values() if type_ is not None else ()
    return any(
        field.type.definition in _REGISTRY
        or ((target := _target(field.type)) and _search(target, seen))
        for field in fields
    )
