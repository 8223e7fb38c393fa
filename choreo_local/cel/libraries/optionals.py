"""Values that may be absent: `a.?b`, `optional.of(a)`, `.orValue(b)`, `.optMap(x, …)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from choreo_local.cel import access
from choreo_local.cel.ast import Call, Ident, Node
from choreo_local.cel.declarations import (
    Expansion,
    Frame,
    Function,
    Library,
    Macro,
    Overload,
    Step,
)
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries.declaring import functions, methods, size_weight
from choreo_local.cel.macros import bound, variable_name
from choreo_local.cel.types import BOOL, DYN, INT, list_of, map_of, optional_of, parameter
from choreo_local.cel.values import NONE, Duration, Optional, Timestamp, shown

_K = parameter("K")
_V = parameter("V")
_OPTIONAL = optional_of(_V)
_LIST = list_of(_V)
_MAP = map_of(_K, _V)
_HELD = "@optional"


def _of_non_zero(value: Any) -> Optional:
    return NONE if _is_zero(value) else Optional(value)


def _is_zero(value: Any) -> bool:
    if isinstance(value, Optional):
        return not value.present
    if isinstance(value, Duration):
        return value.nanoseconds == 0
    if isinstance(value, Timestamp):
        return value.nanoseconds == 0
    if value is None:
        return True
    if isinstance(value, bool | int | float | str | bytes | list | dict):
        return not value
    return False


def _none() -> Optional:
    return NONE


def _has_value(value: Optional) -> bool:
    return value.present


def _value(value: Optional) -> Any:
    return value.value


def _alternative(name: str, *, unwrap: bool) -> Function:
    """`or` and `orValue`: the alternative is evaluated only when it is needed."""

    def lazy(arguments: Sequence[Step]) -> Step:
        first, second = arguments

        def choose(frame: Frame) -> Any:
            value = first(frame)
            if not isinstance(value, Optional):
                return value
            if not value.present:
                return second(frame)
            return value.value if unwrap else value

        return choose

    result = _V if unwrap else _OPTIONAL
    return Function(
        name, (Overload((_OPTIONAL, result), result, _planned, member=True, lazy=lazy),)
    )


def _planned(*_values: Any) -> Any:
    """Stands where the lazy step does the work."""
    raise AssertionError("planned otherwise")


def _unwrap(values: list[Any]) -> list[Any]:
    for value in values:
        if not isinstance(value, Optional):
            raise EvaluationError(f"value {shown(value)} is not optional")
    return [value.value for value in values if value.present]


def _first(values: list[Any]) -> Optional:
    return Optional(values[0]) if values else NONE


def _last(values: list[Any]) -> Optional:
    return Optional(values[-1]) if values else NONE


def _indexes(name: str) -> Function:
    """The forms of `a[b]` and `a[?b]` whose result is optional; the planner evaluates them."""
    forms = [
        (optional_of(_LIST), INT, _OPTIONAL),
        (optional_of(_MAP), _K, _OPTIONAL),
    ]
    if name == "_[?_]":
        forms += [(_LIST, INT, _OPTIONAL), (_MAP, _K, _OPTIONAL)]
    overloads = [
        Overload((one, other), gives, access.optional_index) for one, other, gives in forms
    ]
    return Function(name, tuple(overloads))


def _mapping(*, flat: bool) -> Macro:
    name = "optFlatMap" if flat else "optMap"

    def expand(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node | None:
        assert target is not None
        message = f"{name}() variable name must be a simple identifier"
        variable = variable_name(expansion, arguments[0], message)
        if variable is None:
            return target
        at = expansion.position
        held = Ident(at, _HELD)
        body = bound(at, variable, Call(at, "value", [], held), arguments[1])
        present = body if flat else Call(at, "optional.of", [body])
        absent = Call(at, "optional.none", [])
        choice = Call(at, "_?_:_", [Call(at, "hasValue", [], held), present, absent])
        return bound(at, _HELD, target, choice)

    return Macro(name, 2, expand, member=True)


LIBRARY = Library(
    "optionals",
    functions=(
        functions("optional.of", ((_V,), _OPTIONAL, Optional)),
        functions("optional.ofNonZeroValue", ((_V,), _OPTIONAL, _of_non_zero)),
        functions("optional.none", ((), _OPTIONAL, _none)),
        functions("optional.unwrap", ((list_of(_OPTIONAL),), _LIST, _unwrap), weight=size_weight),
        methods("unwrapOpt", ((list_of(_OPTIONAL),), _LIST, _unwrap), weight=size_weight),
        methods("hasValue", ((_OPTIONAL,), BOOL, _has_value)),
        methods("value", ((_OPTIONAL,), _V, _value)),
        _alternative("or", unwrap=False),
        _alternative("orValue", unwrap=True),
        methods("first", ((_LIST,), _OPTIONAL, _first)),
        methods("last", ((_LIST,), _OPTIONAL, _last)),
        _indexes("_[_]"),
        _indexes("_[?_]"),
    ),
    macros=(_mapping(flat=False), _mapping(flat=True)),
    types={"optional_type": optional_of(DYN)},
)
