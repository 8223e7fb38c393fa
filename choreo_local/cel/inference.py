"""Types that are not known at first: what the checker has found out about them in one tree."""

from __future__ import annotations

from collections.abc import Sequence

from choreo_local.cel import unification
from choreo_local.cel.declarations import Function, Overload
from choreo_local.cel.scope import Resolution
from choreo_local.cel.types import DYN, NULL, Kind, Type, parameter

# Values of two different kinds of these are never assignable to each other.
_RIGID = frozenset(
    {Kind.BOOL, Kind.INT, Kind.UINT, Kind.DOUBLE, Kind.STRING, Kind.BYTES, Kind.LIST, Kind.MAP}
    | {Kind.TYPE, Kind.TIMESTAMP, Kind.DURATION, Kind.OPAQUE, Kind.OBJECT}
)


class Inference:
    """The types that open parameters turned out to be."""

    def __init__(self) -> None:
        self._bindings: unification.Bindings = {}
        self._fresh = 0

    def new_parameter(self) -> Type:
        """A type that is not known yet."""
        name = f"_var{self._fresh}"
        self._fresh += 1
        return parameter(name)

    def bound(self, type_: Type) -> Type:
        """The type with what is known by now; the rest stays open."""
        return unification.substituted(self._bindings, type_)

    def resolved(self, type_: Type) -> Type:
        """A type in which nothing is open."""
        return unification.closed(self._bindings, type_) if type_.open else type_

    def assignable(self, given: Type, wanted: Type) -> bool:
        """Whether a type fits; binds what had to be bound."""
        extended = unification.fits(self._bindings, given, wanted)
        if extended is None:
            return False
        self._bindings = extended
        return True

    def joined(self, previous: Type | None, current: Type) -> Type | None:
        """The element type of a literal that holds both; None when only dyn does."""
        if previous is None:
            return current
        if self.assignable(previous, current):
            return unification.most_general(previous, current)
        if current is NULL and self.assignable(current, previous):
            return previous
        return None

    def matching(self, function: Function, given: Sequence[Type], *, member: bool) -> Resolution:
        """The type of a call and the overloads that fit; no type when none does."""
        result: Type | None = None
        fitting: list[Overload] = []
        for overload in function.overloads:
            if overload.member is not member or not _may_fit(overload, given):
                continue
            wanted, gives = self._instance(overload, len(given))
            extended = unification.all_fit(self._bindings, tuple(given), wanted)
            if extended is None:
                continue
            self._bindings = extended
            fitting.append(overload)
            this = unification.substituted(extended, gives)
            if result is None:
                result = this
            elif result is not DYN and this != result:
                result = DYN
        return result, tuple(fitting)

    def _instance(self, overload: Overload, count: int) -> tuple[tuple[Type, ...], Type]:
        """An overload's types with parameters of its own, and as many as there are arguments."""
        wanted = overload.arguments
        if overload.variadic and count >= len(wanted) - 1:
            wanted = wanted[:-1] + (wanted[-1],) * (count - len(wanted) + 1)
        gives = overload.result
        if not gives.open and not any(type_.open for type_ in wanted):
            return wanted, gives
        own: unification.Bindings = {}

        def renamed(type_: Type) -> Type:
            if type_.kind is Kind.PARAMETER:
                if type_ not in own:
                    own[type_] = self.new_parameter()
                return own[type_]
            if not type_.open:
                return type_
            return Type(type_.kind, type_.name, tuple(map(renamed, type_.parameters)))

        return tuple(map(renamed, wanted)), renamed(gives)


def _may_fit(overload: Overload, given: Sequence[Type]) -> bool:
    """A quick look that spares most overloads the unification."""
    wanted = overload.arguments
    if not overload.variadic and len(wanted) != len(given):
        return False
    for one, other in zip(given, wanted, strict=False):
        kind, wants = one.kind, other.kind
        if kind is not wants and kind in _RIGID and wants in _RIGID:
            return False
    return True
