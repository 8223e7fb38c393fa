"""Which types fit which, with type parameters bound on the way; used by the checker."""

from __future__ import annotations

from choreo_local.cel.types import DYN, LOOSE, Kind, Type

Bindings = dict[Type, Type]

_NULLABLE = frozenset(
    {
        Kind.NULL,
        Kind.OPAQUE,
        Kind.OBJECT,
        Kind.TIMESTAMP,
        Kind.DURATION,
        Kind.ANY,
        Kind.WRAPPER,
    }
)


def fits(bindings: Bindings, given: Type, wanted: Type) -> Bindings | None:
    """The bindings under which a value of one type may stand where another is wanted."""
    extended = dict(bindings)
    return extended if _assign(extended, given, wanted) else None


def all_fit(
    bindings: Bindings, given: tuple[Type, ...], wanted: tuple[Type, ...]
) -> Bindings | None:
    """The same for types side by side."""
    if len(given) != len(wanted):
        return None
    extended = dict(bindings)
    for one, other in zip(given, wanted, strict=True):
        if not _assign(extended, one, other):
            return None
    return extended


def substituted(bindings: Bindings, type_: Type, *, free: Type | None = None) -> Type:
    """The type with its parameters replaced by what they are bound to; unbound ones by `free`."""
    if not type_.open:
        return type_
    if type_.kind is Kind.PARAMETER:
        found = bindings.get(type_)
        if found is not None:
            return substituted(bindings, found, free=free)
        return type_ if free is None else free
    inner = tuple(substituted(bindings, part, free=free) for part in type_.parameters)
    return Type(type_.kind, type_.name, inner)


def most_general(one: Type, other: Type) -> Type:
    """The wider of two types that fit each other."""
    return one if _as_wide(one, other) else other


def _assign(bindings: Bindings, given: Type, wanted: Type) -> bool:
    if given is wanted or (given.kind is Kind.PARAMETER and given == wanted):
        return True
    if wanted.kind is Kind.PARAMETER:
        verdict = _bind(bindings, given, wanted)
        if verdict is not None:
            return verdict
    if given.kind is Kind.PARAMETER:
        return bool(_bind(bindings, wanted, given))
    if given.kind in LOOSE or wanted.kind in LOOSE:
        return True
    return _assign_concrete(bindings, given, wanted)


def _assign_concrete(bindings: Bindings, given: Type, wanted: Type) -> bool:
    kind = given.kind
    if kind is Kind.NULL:
        return wanted.kind in _NULLABLE
    if kind is Kind.WRAPPER:
        return _assign(bindings, given.parameters[0], wanted)
    if wanted.kind is Kind.WRAPPER:
        return kind is wanted.parameters[0].kind
    if kind is not wanted.kind:
        return False
    if kind is Kind.TYPE:
        return True
    if given.name != wanted.name or len(given.parameters) != len(wanted.parameters):
        return False
    return all(
        _assign(bindings, one, other)
        for one, other in zip(given.parameters, wanted.parameters, strict=True)
    )


def _bind(bindings: Bindings, type_: Type, parameter: Type) -> bool | None:
    """Bind a parameter to a type; None when it is unbound and cannot be bound to that."""
    known = bindings.get(parameter)
    if known is not None:
        if type_ == known:
            return True
        if _assign(bindings, type_, known):
            bindings[parameter] = most_general(type_, known)
            return True
        return False
    if _occurs(bindings, parameter, type_):
        return None
    bindings[parameter] = type_
    return True


def _occurs(bindings: Bindings, parameter: Type, type_: Type) -> bool:
    if type_ == parameter:
        return True
    if type_.kind is Kind.PARAMETER:
        known = bindings.get(type_)
        return known is not None and _occurs(bindings, parameter, known)
    return type_.open and any(_occurs(bindings, parameter, part) for part in type_.parameters)


def _as_wide(one: Type, other: Type) -> bool:
    if one.kind in (Kind.DYN, Kind.ANY, Kind.PARAMETER):
        return True
    if other.kind in (Kind.DYN, Kind.ANY, Kind.PARAMETER):
        return False
    if one.kind is not other.kind:
        return False
    if one.kind is Kind.TYPE:
        return True
    if one.kind not in (Kind.LIST, Kind.MAP, Kind.OPAQUE):
        return one == other
    return one.name == other.name and all(
        _as_wide(left, right) for left, right in zip(one.parameters, other.parameters, strict=False)
    )


def closed(bindings: Bindings, type_: Type) -> Type:
    """The type with every parameter resolved, unbound ones to dyn."""
    return substituted(bindings, type_, free=DYN)
