"""A checked tree to nested Python functions, which evaluate it.

Each function takes the frame: a list with the remaining cost at 0, then a place for each variable,
then one for each variable of a loop. No name is looked up during evaluation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from math import prod
from typing import Any

from choreo_local.cel import access, construction, loops, operators
from choreo_local.cel.access import MISSING
from choreo_local.cel.ast import (
    Call,
    Comprehension,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Message,
    Node,
    Select,
    qualified_name,
)
from choreo_local.cel.calls import call_step
from choreo_local.cel.declarations import Frame, Step
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.macros import pieces
from choreo_local.cel.scope import Scope
from choreo_local.cel.types import Kind, ObjectType, Type, optional_content
from choreo_local.cel.values import TypeValue

# Below this, sharing cannot make a result much larger than the text and the variables.
_HARMLESS_GROWTH = 1000


class Planner:
    """The plan of one tree.

    Attributes:
        variables: names of the variables that the tree mentions, in the order of their places.
        size: places in the frame.
        planned: how many nodes have been planned.
        mentions: how often the variable at each place is mentioned.
        optional_index: how `a.?b` and `a[?b]` look for what may be absent.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.optional_index = (
            access.strict_optional_index if scope.strict_presence else access.optional_index
        )
        self.variables: list[str] = []
        self.bound: list[tuple[str, int]] = []
        self.size = 1
        self.planned = 0
        self.mentions: defaultdict[int, int] = defaultdict(int)

    def plan(self, node: Node) -> Step:
        """The function that evaluates a node."""
        self.planned += 1
        return _PLANS[type(node)](self, node)

    def may_grow(self) -> bool:
        """Whether a result may hold the same parts so often that its size must be looked at."""
        return prod(self.mentions.values()) > _HARMLESS_GROWTH

    def place(self, name: str) -> int:
        """The place of a variable.

        Places of variables and of loops are taken in the order of the walk; `Program` fills them.
        """
        self.variables.append(name)
        self.size += 1
        return self.size - 1


def _literal(_planner: Planner, node: Literal) -> Step:
    value = node.value
    return lambda _frame: value


def _ident(planner: Planner, node: Ident) -> Step:
    for name, place in reversed(planner.bound):
        if name == node.name:
            planner.mentions[place] += 1
            return _bound(place)
    return _variable(planner, node.name)


def _bound(place: int) -> Step:
    return lambda frame: frame[place]


def _variable(planner: Planner, name: str) -> Step:
    scope = planner.scope
    found = scope.variable(name)
    full = name.removeprefix(".") if found is None else found[0]
    if found is not None and full not in scope.variables:
        value = scope.constants[full][1] if full in scope.constants else _type_value(scope, full)
        return lambda _frame: value
    place = planner.place(full)
    planner.mentions[0] += 1

    def variable(frame: Frame) -> Any:
        value = frame[place]
        if value is MISSING:
            raise EvaluationError(f"no such attribute(s): {full}")
        return value

    return variable


_RUNTIME_NAMES = {
    Kind.NULL: "null_type",
    Kind.TIMESTAMP: "google.protobuf.Timestamp",
    Kind.DURATION: "google.protobuf.Duration",
}


def runtime_name(type_: Type) -> str:
    """The name that `type(value)` gives for values of a type."""
    return _RUNTIME_NAMES.get(type_.kind, type_.name)


def _type_value(scope: Scope, name: str) -> TypeValue:
    return TypeValue(runtime_name(scope.types[name]))


def _select(planner: Planner, node: Select) -> Step:
    variable = node.variable or (None if node.test else _dotted(planner, node))
    if variable:
        return _variable(planner, variable)
    key = _data_key(node.operand.type, node.field)
    operand = planner.plan(node.operand)
    if node.test:
        return lambda frame: access.has(operand(frame), key)
    select = access.index if optional_content(node.operand.type) is None else planner.optional_index

    def field(frame: Frame) -> Any:
        value = operand(frame)
        try:
            return value[key]
        except (KeyError, TypeError):
            return select(value, key)

    return field


def _dotted(planner: Planner, node: Node) -> str | None:
    """The variable that a dotted name is, in a tree without a check."""
    name = qualified_name(node)
    if name is None or any(bound == name.split(".")[0] for bound, _ in planner.bound):
        return None
    return name if planner.scope.variable(name) is not None else None


def _data_key(type_: Type, field: str) -> str:
    """The name of a field in the data."""
    content = optional_content(type_)
    if content is not None:
        type_ = content
    if isinstance(type_, ObjectType) and field in type_.fields:
        return type_.fields[field].key or field
    return field


def _call(planner: Planner, node: Call) -> Step:
    special = _SPECIAL.get(node.function)
    if special is not None:
        return special(planner, node)
    target = node.target
    name = node.function
    if target is not None:
        namespace = _namespace(planner, node)
        if namespace is None:
            arguments = [planner.plan(target)]
        else:
            name, target, arguments = namespace, None, []
    else:
        arguments = []
    arguments += [planner.plan(argument) for argument in node.arguments]
    function = planner.scope.function(name)
    return call_step(name, function, node.overloads, arguments, member=target is not None)


def _namespace(planner: Planner, node: Call) -> str | None:
    """The function that `a.b(c)` is, in a tree without a check."""
    assert node.target is not None
    prefix = qualified_name(node.target)
    if prefix is None or node.overloads:
        return None
    name = f"{prefix}.{node.function}"
    return name if planner.scope.function(name) is not None else None


def _list(planner: Planner, node: ListLiteral) -> Step:
    parts = [planner.plan(part) for part in node.elements]
    if node.optional:
        marked = [(part, place in node.optional) for place, part in enumerate(parts)]
        return construction.list_with_optionals(marked)
    if all(type(part) is Literal for part in node.elements):
        constant = [part.value for part in node.elements if isinstance(part, Literal)]
        return lambda _frame: constant
    return construction.list_of(parts)


def _map(planner: Planner, node: MapLiteral) -> Step:
    parts = [
        (planner.plan(entry.key), planner.plan(entry.value), entry.optional)
        for entry in node.entries
    ]
    return construction.map_of(parts)


def _message(planner: Planner, node: Message) -> Step:
    type_ = planner.scope.message(node.name)
    if type_ is None:
        return construction.unknown_message(node.name)
    parts = [
        (entry.key.value, planner.plan(entry.value), entry.optional)
        for entry in node.entries
        if isinstance(entry.key, Literal)
    ]
    return construction.message_of(type_, parts)


def _comprehension(planner: Planner, node: Comprehension) -> Step:
    if node.shape == "bind":
        return _bind(planner, node)
    range_ = planner.plan(node.range)
    places = loops.Places(
        carried=_reserve(planner),
        first=_reserve(planner),
        second=_reserve(planner) if node.second else 0,
    )
    depth = len(planner.bound)
    planner.bound.append((node.accumulator, places.carried))
    shape = loops.SHAPES.get(node.shape)
    start = planner.plan(node.start) if shape is None else None
    planner.bound.append((node.variable, places.first))
    if node.second:
        planner.bound.append((node.second, places.second))
    before = planner.planned
    if shape is not None:
        parts = [None if part is None else planner.plan(part) for part in pieces(node)]
        del planner.bound[depth:]
        return shape(loops.turns_over(places, planner.planned - before), range_, parts)
    condition, step = planner.plan(node.condition), planner.plan(node.step)
    turns = loops.turns_over(places, planner.planned - before)
    del planner.bound[depth + 1 :]
    result = planner.plan(node.result)
    del planner.bound[depth:]
    assert start is not None
    return loops.fold(loops.Fold(range_, start, condition, step, result), turns, places.carried)


def _bind(planner: Planner, node: Comprehension) -> Step:
    value = planner.plan(node.start)
    place = _reserve(planner)
    planner.bound.append((node.accumulator, place))
    body = planner.plan(node.result)
    planner.bound.pop()
    return loops.bind(place, value, body)


def _reserve(planner: Planner) -> int:
    planner.variables.append("")
    planner.size += 1
    return planner.size - 1


def _special(build: Callable[..., Step]) -> Callable[[Planner, Call], Step]:
    def plan(planner: Planner, node: Call) -> Step:
        return build(*[planner.plan(argument) for argument in node.arguments])

    return plan


def _logical(build: Callable[[list[Step]], Step]) -> Callable[[Planner, Call], Step]:
    """A tree of the same operator becomes one step over all its terms."""

    def plan(planner: Planner, node: Call) -> Step:
        terms: list[Node] = []
        pending: list[Node] = [node]
        while pending:
            term = pending.pop()
            if isinstance(term, Call) and term.function == node.function:
                pending.extend(reversed(term.arguments))
            else:
                terms.append(term)
        return build([planner.plan(term) for term in terms])

    return plan


def _optional_select(planner: Planner, node: Call) -> Step:
    operand, field = node.arguments
    assert isinstance(field, Literal)
    key = _data_key(operand.type, field.value)
    value = planner.plan(operand)
    find = planner.optional_index
    return lambda frame: find(value(frame), key)


def _optional_index(planner: Planner, node: Call) -> Step:
    operand, index = (planner.plan(argument) for argument in node.arguments)
    return operators.indexed(operand, index, planner.optional_index)


_SPECIAL: dict[str, Callable[[Planner, Call], Step]] = {
    "_&&_": _logical(operators.conjunction),
    "_||_": _logical(operators.disjunction),
    "_?_:_": _special(operators.conditional),
    "_==_": _special(operators.equality),
    "_!=_": _special(operators.inequality),
    **{name: _special(operators.ordering(name)) for name in ("_<_", "_<=_", "_>_", "_>=_")},
    "_[_]": _special(operators.indexed),
    "_[?_]": _optional_index,
    "_?._": _optional_select,
    "@in": _special(operators.membership),
    "_+_": _special(operators.addition),
    "@not_strictly_false": _special(operators.not_strictly_false),
}

_PLANS: dict[type[Node], Callable[..., Step]] = {
    Literal: _literal,
    Ident: _ident,
    Select: _select,
    Call: _call,
    ListLiteral: _list,
    MapLiteral: _map,
    Message: _message,
    Comprehension: _comprehension,
}
